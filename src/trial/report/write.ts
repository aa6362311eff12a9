/**
 * Writes a trial's report: `report.html` (self-contained), `report.md` with `figures/`, and `summary.json` (the
 * trial's summary with analysis and verdict). Each file is whole or not there; `summary.json` comes last, so
 * that its presence means the report is complete.
 */
import { isAbsolute, join } from 'node:path';
import { writeJson } from 'graft-torch/base';
import { checkedBy } from '../../base/index.js';
import { readPngFile, writeReportFiles } from '../../report/index.js';
import type { AnalysisOptions, Judged } from '../../verdict/index.js';
import type { FailurePictures } from '../../verdict/report/index.js';
import { judgeTrial } from '../analysis.js';
import { summarySchema, type TrialSummary } from '../summary.js';
import { composeReport } from './content.js';
import type { ReadPng } from './images.js';

export interface ReportOptions extends AnalysisOptions {
  /** Where relative picture paths of the summary start; the report's folder unless told. */
  baseDir?: string;
  /** Of the failures, see ./pictures.ts; left out: their names alone. */
  pictures?: FailurePictures;
}

export interface WrittenReport extends Judged {
  html: string;
  markdown: string;
  json: string;
}

/**
 * Analyses a finished trial and writes its report into `dir` (made if missing).
 * @throws DataError where the summary does not fit together or names a picture that is not a PNG file.
 */
export function writeReport(summary: TrialSummary, dir: string, options: ReportOptions = {}): WrittenReport {
  const whole = checkedBy(summarySchema, summary, { where: `Trial ${summary.name}`, remedy: '.' });
  const { baseDir = dir, pictures, ...analysed } = options;
  const judged = judgeTrial(whole, analysed);
  const readPng: ReadPng = (path) => readPngFile(isAbsolute(path) ? path : join(baseDir, path));
  const report = composeReport(whole, judged, { readPng, pictures });
  const paths = { ...writeReportFiles(report, dir), json: join(dir, 'summary.json') };
  const { analysis, verdict } = judged;
  writeJson(paths.json, { ...whole, analysis, verdict });
  return { ...judged, ...paths };
}
