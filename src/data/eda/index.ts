/**
 * The exploratory report on a dataset: one self-contained HTML page, and each of its figures as SVG and PNG beside it.
 * `writeEdaReport` writes it, `makeEdaReport` gives it as blocks for a report of one's own.
 */

export { type EdaOptions, type EdaPhase, figuresDirOf, makeEdaReport, writeEdaReport } from './report.js';

// Pieces that other reports show: names of columns, shares with their intervals, small pictures.

export { columnTitle } from './columns.js';
export { type Share, wilson } from './share.js';
export { thumbnail } from './thumbnails.js';
