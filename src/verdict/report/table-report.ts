/**
 * Writes the report on a table of scores: `report.html` (self-contained), `report.md` with `figures/`, and `summary.json`
 * (scores, analysis, verdict), which comes last.
 */
import { join } from 'node:path';
import { sha256File, writeJson } from 'graft-torch/base';
import { graftVersion } from '../../base/index.js';
import { writeReportFiles } from '../../report/index.js';
import type { Judged } from '../judged.js';
import type { ScoreTable, VerdictPlan } from '../table.js';
import { composeTableReport } from './content.js';
import { TABLE_FORMAT } from './saved.js';

export interface TableReport {
  html: string;
  markdown: string;
  json: string;
}

/**
 * @param judged the table's scores, by `judge`
 * @param to.dir made if missing
 * @param to.paths of the table, for their hashes
 */
export async function writeTableReport(
  table: ScoreTable,
  judged: Judged,
  { dir, plan, paths }: { dir: string; plan: VerdictPlan; paths: readonly string[] },
): Promise<TableReport> {
  const sources: { path: string; sha256: string }[] = [];
  for (const path of paths) sources.push({ path, sha256: await sha256File(path) });
  const version = graftVersion();
  const marginReason = plan.marginReason ?? null;
  const report = composeTableReport(table, judged, { plan, marginReason, sources, version });
  const json = join(dir, 'summary.json');
  const written = { ...writeReportFiles(report, dir), json };
  const { scores, subgroups, isProbability, notes } = table;
  const { registration, analysis, verdict } = judged;
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
