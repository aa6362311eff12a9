/**
 * All the scores besides AUC: mean over folds and seeds with an interval. They have no variance formula in common, so the
 * covariance over images is the group bootstrap's (../stats/score-bootstrap.ts); over seeds and folds it is combined as for
 * AUC (../stats/seeds.ts). They are told for description; no verdict and no correction knows them.
 */
import { Random } from '../random.js';
import type { BinaryScores } from '../stats/binary-scores.js';
import { type Interval, intervalAround } from '../stats/delong.js';
import { combineReplicates, type ScoreReplicates, scoreReplicates } from '../stats/score-bootstrap.js';
import { combineFolds, halfWidth, inference, type SeedsEstimate } from '../stats/seeds.js';
import { type Block, groupsOfClass, type Reader } from './image-sets.js';

/** Thresholds come from validation, except for sensitivity at 95 % specificity, which is read off the test images. */
export const scoreNames = [
  'averagePrecision',
  'balancedAccuracy',
  'sensitivity',
  'specificity',
  'sensitivityAt95Specificity',
  'brier',
  'logLoss',
] as const satisfies readonly (keyof BinaryScores)[];
export type ScoreName = (typeof scoreNames)[number];

/** Scores of which less is better. */
export const lowerIsBetter: readonly ScoreName[] = ['brier', 'logLoss'];

export interface ScoreEstimate {
  mean: number;
  /** Standard deviation over seeds, within folds; 0 with one seed. */
  deviation: number;
  /** null where no bootstrap was made. */
  interval: Interval | null;
}

export interface ScoreDifference {
  mean: number;
  interval: Interval | null;
  /** Two-sided and not corrected; null where no bootstrap was made. */
  p: number | null;
}

/** What the bootstrap of one set of images gives, to be asked for arms and pairs. */
export interface ScoreTable {
  arm(name: string): Record<ScoreName, ScoreEstimate>;
  /** @param shared readers of both arms, block by block, in the same order */
  difference(shared: readonly (readonly [Reader, Reader][])[]): Record<ScoreName, ScoreDifference>;
}

/** @param replicates 0 makes none: then there are means, but no intervals */
export function scoreTable(
  blocks: readonly Block[],
  options: { level: number; replicates: number; seed: number },
): ScoreTable {
  const { level, replicates } = options;
  const random = new Random(options.seed).fork('scores');
  const table = new Map<Reader, ScoreReplicates<ScoreName>>();
  for (const { images, readers } of blocks) {
    const { labels, groups } = images;
    const made = scoreReplicates(labels, readers, { scores: scoreNames, groups, replicates, random });
    readers.forEach((reader, i) => {
      table.set(reader, made[i]!);
    });
  }
  const [negatives, positives] = [groupsOfClass(blocks, 0), groupsOfClass(blocks, 1)];
  const over = (name: ScoreName): number =>
    name === 'specificity'
      ? negatives
      : /^sensitivity/.test(name)
        ? positives
        : Math.min(negatives, positives);
  const estimates = (pick: (name: ScoreName) => SeedsEstimate[]) =>
    scoreNames.map((name) => [name, combineFolds(pick(name))] as const);

  const interval = (name: ScoreName, estimate: SeedsEstimate): Interval | null => {
    if (replicates === 0) return null;
    const half = halfWidth(estimate, 1 - level);
    const { mean } = estimate;
    if (name === 'logLoss') return { low: Math.max(0, mean - half), high: mean + half };
    return intervalAround(mean, half, { level, smallerClass: over(name) });
  };
  return {
    arm: (arm) =>
      record(
        estimates((name) =>
          blocks.flatMap(({ readers }) => {
            const own = readers.filter((reader) => reader.arm === arm).map((reader) => table.get(reader)!);
            return own.length > 0 ? [combineReplicates(own, name)] : [];
          }),
        ).map(([name, estimate]) => [
          name,
          {
            mean: estimate.mean,
            deviation: Math.sqrt(estimate.seedVariance ?? 0),
            interval: interval(name, estimate),
          },
        ]),
      ),
    difference: (shared) =>
      record(
        estimates((name) =>
          shared
            .filter((pairs) => pairs.length > 0)
            .map((pairs) =>
              combineReplicates(
                pairs.map(([reader]) => table.get(reader)!),
                name,
                pairs.map(([, reader]) => table.get(reader)!),
              ),
            ),
        ).map(([name, estimate]): [ScoreName, ScoreDifference] => {
          if (replicates === 0) return [name, { mean: estimate.mean, interval: null, p: null }];
          const { low, high, p } = inference(estimate, level);
          return [name, { mean: estimate.mean, interval: { low, high }, p }];
        }),
      ),
  };
}

const record = <T>(entries: readonly (readonly [ScoreName, T])[]): Record<ScoreName, T> =>
  Object.fromEntries(entries) as Record<ScoreName, T>;
