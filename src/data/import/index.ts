/**
 * Import: a folder of images with labels, from tables or from the folders' names, becomes a dataset. `importDataset` does
 * all of it; `importSchema` has every option with its default and meaning. Nothing is lost silently: what is not in the
 * dataset stands, by name and with its reason, in the report.
 */

export type { ImportReport } from '../dataset/report.js';
export { importDataset } from './import.js';
export { type ImportOptions, importSchema } from './options.js';

// How a file that leaves its range of values open is shown, for whoever shows one to a network.

export { showingOf } from './survey-intensity.js';
