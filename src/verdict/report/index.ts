/**
 * Writes the report on a table of scores: `report.html` (self-contained), `report.md` with `figures/`, and `summary.json`
 * (scores, analysis, verdict), which comes last.
 */
import { join } from 'node:path';
import { sha256File, writeJson } from 'graft-torch/base';
import { graftVersion } from '../../base/index.js';
import { writeReportFiles } from '../../report/index.js';
import { type AnalysisOptions, analyse, type TrialAnalysis } from '../analysis.js';
import type { RegistrationRecord } from '../registration.js';
import type { ScoreTable, VerdictPlan } from '../table.js';
import { decideVerdict, type Verdict } from '../verdict.js';
import { composeTableReport } from './content.js';
import { TABLE_FORMAT } from './saved.js';

export interface TableReport {
  html: string;
  markdown: string;
  json: string;
}

/**
 * @param dir made if missing
 * @param options.paths of the table, for their hashes
 */
export async function writeTableReport(
  table: ScoreTable,
  dir: string,
  options: {
    plan: VerdictPlan;
    paths: readonly string[];
    analysis: TrialAnalysis;
    verdict: Verdict;
    registration?: RegistrationRecord | null;
    redo?: AnalysisOptions;
  },
): Promise<TableReport> {
  const { plan, paths, analysis, verdict, registration = null, redo } = options;
  const sources: { path: string; sha256: string }[] = [];
  for (const path of paths) sources.push({ path, sha256: await sha256File(path) });
  const version = graftVersion();
  const report = composeTableReport(table, analysis, verdict, {
    plan,
    marginReason: plan.marginReason ?? null,
    sources,
    version,
    registration,
    ...(redo && { analysis: redo }),
  });
  const json = join(dir, 'summary.json');
  const written = { ...writeReportFiles(report, dir), json };
  const { scores, subgroups, isProbability, notes } = table;
  writeJson(json, {
    format: TABLE_FORMAT,
    version,
    plan,
    sources,
    scores,
    subgroups,
    isProbability,
    notes,
    registration,
    analysis,
    verdict,
  });
  return written;
}

/** Analysis and verdict of a table. */
export function judgeTable(
  table: ScoreTable,
  options: AnalysisOptions = {},
): { analysis: TrialAnalysis; verdict: Verdict } {
  const analysis = analyse(table.scores, options);
  return { analysis, verdict: decideVerdict(analysis) };
}
export { writeAucReport } from './aucs.js';
export { type BandPoint, spreadOf } from './bands.js';
export type { ArmGroup } from './curves-figure.js';
export { type FailurePictures, failuresSection } from './failures.js';
export { looksBlocks } from './looks.js';
export { methodItems } from './methods.js';
export { benefitSection } from './net-benefit.js';
export { type ArmStyle, armLabel, armStyles } from './palette.js';
export { quoted, resultsParagraph, statisticsParagraph } from './paper.js';
export { readTableSummary } from './saved.js';
export { calibrationSection, externalSection, foldsSection, resultSection, verdictBox } from './sections.js';
export { subgroupSection } from './subgroups.js';
