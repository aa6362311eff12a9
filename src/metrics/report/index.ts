/**
 * Metrics as people read them: the words for a record beside its floor, tables of records, and a page for each family
 * of metrics (`ReportDocument`s of graft-gan/report).
 */

// A page each.
export { composeArtefactReport } from './artefact-report.js';
export { composeDistributionReport } from './distribution-report.js';
export { composeImageReport } from './image-report.js';
export { cautioned, type PageWords } from './page.js';
export { composePrivacyReport } from './privacy-report.js';

// Records in words and tables.
export {
  ARTEFACT_WORDS,
  BEYOND_REAL,
  DISTRIBUTION_WORDS,
  figure,
  IMAGE_WORDS,
  nameOf,
  range,
  readingOf,
  recordsTable,
  type Standing,
  standingOf,
} from './records.js';
