/** TODO door */
export type { ImportReport } from '../dataset/report.js';
export { importDataset } from './import.js';
export { showingOf } from './survey-intensity.js';
