/** `import-report.json`: how a dataset was made, with everything that was left out and why. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from 'graft-torch/base';
import type { DuplicatePair } from '../duplicates/duplicates.js';
import type { Dataset, Split } from './dataset.js';
import { type Problem, type ProblemKind, problemKinds } from './problems.js';

export const reportFile = 'import-report.json';

export interface NamedPair extends Omit<DuplicatePair, 'a' | 'b'> {
  a: string;
  b: string;
}

export interface ImportReport {
  format: 'graft-import-1';
  dataset: string;
  hash: string;
  images: number;
  groups: number;
  /** Images by split and class. */
  splits: Record<Split, Record<string, number>>;
  /** What was looked at: files, rows. */
  found: Record<string, number>;
  counts: Partial<Record<ProblemKind, number>>;
  /** What was left after each reason to leave images out. */
  flow: FlowStage[];
  problems: Problem[];
  duplicates: NamedPair[];
}

export interface FlowStage {
  /** `found`, then the kinds of problem that rows were left out for. */
  stage: string;
  text: string;
  /** What is left after this stage. */
  images: number;
  /** The same by label; what has no known label stands under ''. */
  byLabel: Record<string, number>;
}

/**
 * The way from the rows that were found to the dataset: what is left after each reason to leave rows out.
 * @param kept labels of the dataset's images
 */
export function flowOf(kept: readonly string[], problems: readonly Problem[]): FlowStage[] {
  const count = (labels: readonly string[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const label of [...labels].sort()) counts[label] = (counts[label] ?? 0) + 1;
    return counts;
  };
  const stages: FlowStage[] = [];
  let labels = [...kept];
  const kinds = (Object.keys(problemKinds) as ProblemKind[]).filter(
    (kind) => problemKinds[kind].leaves === 'row',
  );
  for (const kind of kinds.reverse()) {
    const removed = problems.filter((one) => one.kind === kind).map((one) => one.label);
    if (removed.length === 0) continue;
    stages.unshift({
      stage: kind,
      text: problemKinds[kind].text,
      images: labels.length,
      byLabel: count(labels),
    });
    labels = [...labels, ...removed];
  }
  return [{ stage: 'found', text: 'found', images: labels.length, byLabel: count(labels) }, ...stages];
}

/** The import's report; null where the folder has none. */
export function readImportReport(dataset: Dataset): ImportReport | null {
  const path = join(dataset.dir, reportFile);
  if (!existsSync(path)) return null;
  const report = readJson<ImportReport>(path);
  // Reports of earlier versions have no flow, and do not say of which label a problem was.
  const problems = (report.problems ?? []).map(
    (problem): Problem => ({ ...problem, label: problem.label ?? '' }),
  );
  const flow =
    report.flow ??
    flowOf(
      dataset.rows.map(({ label }) => label),
      problems,
    );
  return { ...report, duplicates: report.duplicates ?? [], problems, flow };
}
