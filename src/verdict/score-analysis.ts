/**
 * All the scores besides AUC: mean over folds and seeds with an interval. They have no variance formula in common, so the
 * covariance over images is the group bootstrap's (../stats/bootstrap.ts); over seeds and folds it is combined as for
 * AUC (../stats/seeds.ts). They are told for description; no verdict and no correction knows them.
 */
import { Random } from 'graft-torch/base';
import type { BinaryScores } from '../stats/index.js';
import {
  combineFolds,
  combineReplicates,
  fewestGroups,
  type GroupSizes,
  halfWidth,
  type Interval,
  inference,
  intervalAround,
  type ScoreReplicates,
  type SeedsEstimate,
  scoreReplicates,
} from '../stats/index.js';
import { type Block, originOf, type Reader } from './image-sets.js';

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

/** For description: no p-value, for seven tests more would need a correction that nobody asked for beforehand. */
export interface ScoreDifference {
  mean: number;
  interval: Interval | null;
}

/** The scores that the runs allow: without a threshold none that needs one, without probabilities none of these. */
export type Scores<T> = Partial<Record<ScoreName, T>>;

const needsThreshold: readonly ScoreName[] = ['balancedAccuracy', 'sensitivity', 'specificity'];
const needsProbabilities: readonly ScoreName[] = lowerIsBetter;

/** What the bootstrap of one set of images gives, to be asked for arms and pairs. */
export interface ScoreTable {
  arm(name: string): Scores<ScoreEstimate>;
  /** @param shared readers of both arms, block by block, in the same order */
  difference(shared: readonly (readonly [Reader, Reader][])[]): Scores<ScoreDifference>;
}

const isProbability = (score: number): boolean => score >= 0 && score <= 1;

function possibleScores(blocks: readonly Block[]): ScoreName[] {
  const readers = blocks.flatMap((block) => block.readers);
  const thresholds = readers.every(({ threshold }) => threshold !== null);
  const probabilities = readers.every(({ scores }) => scores.every(isProbability));
  return scoreNames.filter(
    (name) =>
      (thresholds || !needsThreshold.includes(name)) && (probabilities || !needsProbabilities.includes(name)),
  );
}

/** @param replicates 0 makes none: then there are means, but no intervals */
export function scoreTable(
  blocks: readonly Block[],
  options: { level: number; replicates: number; seed: number },
): ScoreTable {
  const { level, replicates } = options;
  const random = new Random(options.seed).fork('scores');
  const names = possibleScores(blocks);
  const table = new Map<Reader, ScoreReplicates<ScoreName>>();
  for (const { images, readers } of blocks) {
    const { labels, groups } = images;
    // A threshold that is not known is never asked for: its scores are not among the names.
    const known = readers.map(({ scores, threshold }) => ({ scores, threshold: threshold ?? 0 }));
    const made = scoreReplicates(labels, known, { scores: names, groups, replicates, random });
    readers.forEach((reader, i) => {
      table.set(reader, made[i]!);
    });
  }
  /** The readers of each block, and what they are held against, as one estimate. */
  const estimateOf = (
    name: ScoreName,
    lists: readonly (readonly Reader[])[],
    against?: readonly (readonly Reader[])[],
  ): SeedsEstimate =>
    combineFolds(
      blocks.flatMap((block, b) => {
        const readers = lists[b]!;
        if (readers.length === 0) return [];
        return [
          combineReplicates(
            readers.map((reader) => table.get(reader)!),
            name,
            {
              minus: against && against[b]!.map((reader) => table.get(reader)!),
              groupSizes: classesOf(name, block),
              origins: block.shared ? readers.map(originOf) : undefined,
            },
          ),
        ];
      }),
    );
  return {
    arm: (arm) =>
      record(names, (name) => {
        const estimate = estimateOf(
          name,
          blocks.map(({ readers }) => readers.filter((reader) => reader.arm === arm)),
        );
        const { mean } = estimate;
        const half = halfWidth(estimate, 1 - level);
        const bounds = { level, smallerClass: fewestGroups(estimate) };
        const interval =
          name === 'logLoss'
            ? { low: Math.max(0, mean - half), high: mean + half }
            : intervalAround(mean, half, bounds);
        return {
          mean,
          deviation: estimate.between === 'seeds' ? Math.sqrt(estimate.seedVariance!) : 0,
          interval: replicates === 0 ? null : interval,
        };
      }),
    difference: (shared) =>
      record(names, (name) => {
        const side = (at: 0 | 1) => shared.map((pairs) => pairs.map((pair) => pair[at]));
        const estimate = estimateOf(name, side(0), side(1));
        const { low, high } = inference(estimate, level);
        const most = name === 'logLoss' ? Number.POSITIVE_INFINITY : 1;
        return {
          mean: estimate.mean,
          interval: replicates === 0 ? null : { low: Math.max(-most, low), high: Math.min(most, high) },
        };
      }),
  };
}

/** Groups of the classes that a score hangs on. */
function classesOf(name: ScoreName, { aucs: { groupSizes } }: Block): GroupSizes {
  const [positives, negatives] = groupSizes;
  if (name === 'specificity') return [negatives];
  return name.startsWith('sensitivity') ? [positives] : [positives, negatives];
}

const record = <T>(names: readonly ScoreName[], of: (name: ScoreName) => T): Scores<T> =>
  Object.fromEntries(names.map((name) => [name, of(name)])) as Scores<T>;
