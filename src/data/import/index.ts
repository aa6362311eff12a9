/** TODO door */
export type { ImportReport } from './create.js';
export { importDataset } from './import.js';
export { showingOf } from './survey-intensity.js';
