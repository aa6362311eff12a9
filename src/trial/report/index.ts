/**
 * A trial's report: `report.html`, `report.md`, figures and `summary.json`, from the summary of a finished trial alone. What
 * scores say is ../../verdict/report's; here is what only a trial knows: data, arms, generators, training.
 */

// Small pictures of the test images that are named, where the dataset is still at hand.
export { failurePictures } from './pictures.js';
export { type ReportOptions, type WrittenReport, writeReport } from './write.js';
