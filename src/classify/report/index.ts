/**
 * The report on one evaluation of a classifier: one page that needs nothing else. It is composed from plain data
 * (`EvaluationReportInput`, of several classes `ClassReportInput`), so that anybody's scores can be shown.
 */

export { composeEvaluationReport, writeEvaluationReport } from './compose.js';
// The most confident errors with their pictures.
export { errorTiles } from './errors.js';
// What a page is composed of.
export type {
  AnyReportInput,
  ClassReportInput,
  ErrorRow,
  EvaluationReportInput,
  ReportSubject,
} from './input.js';
