/** What the commands that make datasets share: bars, Ctrl-C, and what is printed at the end. */
import type { Command } from 'commander';
import type { Dataset, ProblemKind } from '../data/dataset/index.js';
import { describeDataset, nameSome, problemKinds } from '../data/dataset/index.js';
import type { ImportReport } from '../data/import/index.js';
import { InterruptedError, Progress, withInterrupt } from '../run/index.js';
import { globalOptions, notice, output } from './common.js';
import { describeText } from './data-describe.js';
import { plainTable, trimmed } from './table.js';

export interface MakingHooks<Phase extends string> {
  onProgress: (phase: Phase, done: number, total: number) => void;
  signal: AbortSignal;
}

/** Runs what makes a dataset with a bar for each phase; Ctrl-C stops it and leaves nothing behind. */
export async function making<Phase extends string, Result>(
  command: Command,
  {
    labels,
    advice = 'nothing is kept of an unfinished dataset',
  }: { labels: Record<Phase, string>; advice?: string },
  work: (hooks: MakingHooks<Phase>) => Promise<Result>,
): Promise<Result> {
  const { quiet } = globalOptions(command);
  const bars = new Map<Phase, InstanceType<typeof Progress>>();
  const stopped = new AbortController();
  try {
    return await withInterrupt(async (interrupt) => {
      const onProgress = (phase: Phase, done: number, total: number): void => {
        if (interrupt.requested && !stopped.signal.aborted)
          stopped.abort(new InterruptedError(`stopped; ${advice}`));
        let bar = bars.get(phase);
        if (!bar) {
          bar = new Progress({ label: labels[phase], total, unit: 'images', quiet });
          bars.set(phase, bar);
        }
        bar.update(done);
        if (done < total) return;
        bar.stop();
        bars.delete(phase); // the next dataset has bars of its own
      };
      return work({ onProgress, signal: stopped.signal });
    }, `stopping; ${advice}`);
  } finally {
    for (const bar of bars.values()) bar.stop();
  }
}

export async function printMade(dataset: Dataset, report: ImportReport, command: Command): Promise<void> {
  output(command, { json: { ...report, dir: dataset.dir }, text: await madeText(dataset, report) });
  notice(command, `made ${dataset.dir}`);
}

/** What a dataset is, and what was left out of it. */
export async function madeText(dataset: Dataset, report: ImportReport): Promise<string> {
  return [describeText(describeDataset(dataset)), '', ...(await leftOut(dataset, report))].join('\n');
}

/** Doubts that are told in words rather than by names: they touch every figure that follows. */
const inWords = new Set<ProblemKind>([
  'label-spelling',
  'label-doubt',
  'few-matches',
  'missing-group',
  'group-spelling',
  'large-group',
  'many-near-duplicates',
  'odd-cells',
  'fine-strata',
  'empty-class',
]);
const mostInWords = 12;

async function leftOut(dataset: Dataset, report: ImportReport): Promise<string[]> {
  const kinds = Object.entries(report.counts) as [keyof typeof problemKinds, number][];
  if (kinds.length === 0) return ['Nothing was left out.'];
  const table = plainTable(['found', 'n', 'which']);
  const lines: string[] = [];
  for (const [kind, n] of kinds) {
    const own = report.problems.filter((problem) => problem.kind === kind);
    const { text, leaves } = problemKinds[kind];
    if (inWords.has(kind)) {
      lines.push(...own.slice(0, mostInWords).map(({ detail }) => `! ${detail}`));
      if (n > mostInWords) lines.push(`! ${text}: ${n - mostInWords} more`);
      continue;
    }
    const names = own.map(({ id, file, line, detail }) => file || id || (line ? `line ${line}` : detail));
    table.push([
      leaves === 'nothing' ? text : `left out: ${text}`,
      String(n),
      nameSome([...new Set(names)], 3),
    ]);
  }
  const told = table.length > 0 ? [trimmed(table)] : [];
  return [...lines, ...told, `Each of them with its reason: ${dataset.dir}/cleaning.csv`];
}
