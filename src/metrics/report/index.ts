/** TODO door */
export { composeArtefactReport } from './artefact-report.js';
export { composeDistributionReport } from './distribution-report.js';
export { composeImageReport } from './image-report.js';
export { composePrivacyReport } from './privacy-report.js';
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
  standingOf,
} from './records.js';
