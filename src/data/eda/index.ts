/**
 * The exploratory report on a dataset: one self-contained HTML page, and each of its figures as SVG and PNG beside it.
 * What a person should look at before anything is trained: counts, gaps, sizes, duplicates, what was left out, what
 * splits share, and what predicts the label besides the lesion.
 *
 *   await writeEdaReport(openDataset('isic2017'), 'isic2017.html', { audit });
 */

// What other reports tell of a dataset.
export { columnTitle } from './columns.js';
export { type EdaOptions, type EdaPhase, figuresDirOf, makeEdaReport, writeEdaReport } from './report.js';
export { thumbnail } from './thumbnails.js';
