/**
 * Every score of several classifiers on the same images, with replicates over the choice of images: the bootstrap by group
 * of ./bootstrap.ts, one draw serving all classifiers and all scores, so that differences stay paired. It gives the
 * covariance that ./seeds.ts combines with the spread over seeds, for scores that have no formula of their own.
 */
import type { Random } from 'graft-torch/base';
import { type BinaryScores, binaryScorer } from './binary-scores.js';
import { groupDraw } from './bootstrap.js';
import type { Numbers } from './roc.js';
import {
  combine,
  combineReaders,
  type ImagesOptions,
  type ReaderOrigin,
  type SeedsEstimate,
} from './seeds.js';

export type ScoreKey = keyof BinaryScores;

export interface ScoreReplicates<Key extends ScoreKey = ScoreKey> {
  /** On the images as they are. */
  values: BinaryScores;
  /** One a draw. */
  replicates: Record<Key, Float64Array>;
}

/**
 * @param readers probabilities, one an image in the order of `labels`, and the threshold from which on they call positive
 * @param options.scores of which replicates are kept
 * @returns one a reader; the b-th replicates of all readers share their draw
 */
export function scoreReplicates<Key extends ScoreKey>(
  labels: Numbers,
  readers: readonly { scores: Numbers; threshold: number }[],
  options: { scores: readonly Key[]; groups?: readonly string[]; replicates: number; random: Random },
): ScoreReplicates<Key>[] {
  const { scores, replicates, random } = options;
  const draw = groupDraw(labels, options.groups);
  const scorers = readers.map((reader) => binaryScorer(labels, reader.scores, reader.threshold));
  const result = scorers.map((scorer) => ({
    values: scorer(),
    replicates: Object.fromEntries(scores.map((key) => [key, new Float64Array(replicates)])) as Record<
      Key,
      Float64Array
    >,
  }));
  for (let i = 0; i < replicates; i++) {
    const weights = draw(random);
    scorers.forEach((scorer, reader) => {
      const drawn = scorer(weights);
      for (const key of scores) result[reader]!.replicates[key][i] = drawn[key];
    });
  }
  return result;
}

export interface CombineOptions<Key extends ScoreKey> extends ImagesOptions {
  /** Subtracted seed by seed, for a paired difference. */
  minus?: readonly ScoreReplicates<Key>[];
  /** Of each reader, where they come from several folds or generators. */
  origins?: readonly ReaderOrigin[];
}

/** Mean of one score over seeds, its covariance over images taken from the replicates. @param readers one a seed */
export function combineReplicates<Key extends ScoreKey>(
  readers: readonly ScoreReplicates<Key>[],
  score: Key,
  { minus, origins, ...images }: CombineOptions<Key> = {},
): SeedsEstimate {
  const values = readers.map(({ values: own }, i) => own[score] - (minus ? minus[i]!.values[score] : 0));
  const deviations = readers.map(({ replicates }, i) => {
    const theirs = minus ? minus[i]!.replicates[score] : null;
    const own = theirs ? replicates[score].map((value, b) => value - theirs[b]!) : replicates[score];
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    return own.map((value) => value - mean);
  });
  const covariance = deviations.map((a) =>
    deviations.map((b) => a.reduce((sum, value, i) => sum + value * b[i]!, 0) / (a.length - 1)),
  );
  return origins ? combineReaders(values, covariance, origins, images) : combine(values, covariance, images);
}
