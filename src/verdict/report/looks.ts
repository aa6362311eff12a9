/** A sequential trial as it stood at each look. */
import type { Block } from '../../report/index.js';
import { percent, plural, signed, signedRange, whole } from '../../report/index.js';
import { spendingShares } from '../../stats/index.js';
import { analyse, type TrialAnalysis } from '../analysis.js';
import type { Judged } from '../judged.js';
import type { TrialScores } from '../scores.js';
import { bareP } from './columns.js';

const REASONS: Record<NonNullable<TrialScores['sequential']>['stopped'], string> = {
  narrow: 'the interval was as narrow as asked for',
  decided: 'the verdict was decided',
  budget: 'the seeds were used up',
  running: 'more seeds are to come',
};

/** Nothing where the number of seeds was fixed. */
export function looksBlocks({ scores, analysis, options }: Judged): Block[] {
  const { sequential, runs } = scores;
  if (!sequential) return [];
  /** Of these seeds' runs alone. */
  const earlier = (look: number, seeds: readonly number[]): TrialAnalysis =>
    analyse(
      {
        ...scores,
        runs: runs.filter(({ seed }) => seeds.includes(seed)),
        sequential: { ...sequential, reached: look },
      },
      { ...options, replicates: 0 },
    );
  const { looks, reached, stopped } = sequential;
  const shares = spendingShares(looks, 1 - analysis.level);
  // In the order in which they were added.
  const seeds = [...new Set(runs.map(({ seed }) => seed))];
  const rows = looks.map((count, i): string[] => {
    const alpha = (1 - analysis.level) * shares[i]!;
    const base = [String(i + 1), whole(count), alpha < 0.00005 ? '< 0.0001' : alpha.toFixed(4)];
    if (i + 1 > reached) return [...base, '', '', 'not reached'];
    const own = seeds.slice(0, count);
    const then = i + 1 === reached ? analysis : earlier(i + 1, own);
    const primary = then.primary === null ? undefined : then.comparisons[then.primary];
    if (!primary) return [...base, '–', '–', ''];
    const interval = `${signed(primary.difference.value)} (${signedRange(primary.difference)})`;
    return [
      ...base,
      interval,
      bareP(primary.p),
      i + 1 === reached ? `ended: ${REASONS[stopped]}` : 'went on',
    ];
  });
  return [
    { kind: 'subheading', text: 'The looks' },
    {
      kind: 'prose',
      text: `Seeds were added until the answer was sharp enough, with ${plural(looks.length, 'look')} planned. Each look may err with a share of the ${percent(1 - analysis.level)} in all (an O’Brien–Fleming spending function, Lan and DeMets 1983; the shares add up, so that no independence is assumed), and its interval and p-value are made at that share.`,
    },
    {
      kind: 'table',
      title: 'The primary difference at each look',
      columns: [
        { title: 'Look', align: 'right' },
        { title: 'Seeds', align: 'right' },
        { title: 'Error rate', align: 'right' },
        { title: 'Difference in AUC', align: 'right' },
        { title: 'p, adjusted', align: 'right' },
        { title: 'What then', align: 'left' },
      ],
      rows,
      strong: [reached - 1],
    },
  ];
}
