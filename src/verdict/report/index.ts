/**
 * Reports on scores: the pages that `graft verdict` writes, and the parts of them that a trial's report has too. Everything
 * is made from a `Judged` value (../judged.ts), as blocks of ../../report.
 *
 *   readScoreTable → judge → writeTableReport
 */

// The pages on a table of scores, or of AUCs; what was saved beside them.
export { writeAucReport } from './aucs.js';
export { type BandPoint, spreadOf } from './bands.js';
export type { ArmGroup } from './curves-figure.js';
export type { FailurePictures } from './failures.js';
// Methods and results in words.
export { methodItems } from './methods.js';
// How arms look, and bands over their runs, for figures of one's own.
export { type ArmStyle, armLabel, armStyles } from './palette.js';
export { quoted, resultsParagraph, statisticsParagraph } from './paper.js';
export { readTableSummary } from './saved.js';
// Sections that scores alone fill.
export { type Look, type ScoreSections, scoreSections, verdictBox } from './sections.js';
export { type TableReport, writeTableReport } from './table-report.js';
