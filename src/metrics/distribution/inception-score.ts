/**
 * Inception Score: does a classifier see one class in each image (low entropy of p(y|x)) and all classes over all of
 * them (high entropy of p(y))? Higher is better; from 1 to the number of classes.
 * Salimans et al., "Improved Techniques for Training GANs", NeurIPS 2016.
 *
 *   IS = exp( mean over x of KL( p(y|x) ‖ p(y) ) ),  p(y) the mean of p(y|x) over the images of a split
 *
 * It never looks at a real image, and means what its classifier means: published figures are of Inception v3 on natural
 * images. Of medical images, which that network does not know, it says nothing (Barratt & Sharma, "A Note on the
 * Inception Score", 2018); of two classes it is at most 2. It is here for image sets that have such a classifier.
 */

import { noGrad, type Tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { tQuantile } from '../../stats/index.js';
import type { FeatureExtractor } from '../backbone/backbone.js';
import type { MetricRecord } from '../sets/record.js';
import { drawIndices, requireFeatureSet, rowsOf } from './features.js';
import { backboneProtocol, countsOf, type FeatureSets, type MeasureOptions } from './metric.js';

export interface InceptionScoreOptions {
  /** Default 10 (the paper's). */
  splits?: number;
  /** Shuffles the images first: wanted where they come sorted by class. Default: in their order. */
  random?: Random;
}

export interface InceptionScore {
  /** Over the splits, 1…K. */
  mean: number;
  /** Population standard deviation over the splits (n, as published); no standard error of the mean. */
  sd: number;
  splits: number;
}

/**
 * Computed in float64 on the CPU. Small splits bias it: they know p(y) from few images.
 *
 * @param logits [N, K] of a classifier, before the softmax, of any floating type
 * @throws DataError if there are fewer images than splits, fewer than two classes, or a value is not finite
 */
export function inceptionScore(logits: Tensor, options: InceptionScoreOptions = {}): InceptionScore {
  const { splits = 10, random } = options;
  requireFeatureSet('inception score', logits, { which: 'only', least: 1 });
  const [n, classes] = logits.shape as [number, number];
  if (classes < 2)
    throw new DataError('inception score: logits of one class: use a classifier of two or more');
  if (!Number.isInteger(splits) || splits < 1 || splits > n) {
    throw new DataError(`inception score: ${splits} splits of ${n} images: use 1…${n}`);
  }
  return tidy(() =>
    noGrad(() => {
      const given = logits.detach().to({ device: 'cpu', dtype: 'float64' });
      const ordered = random ? rowsOf(given, drawIndices(n, n, random)) : given;
      const scores = Array.from({ length: splits }, (_, i) => {
        const start = Math.floor((i * n) / splits);
        return scoreOf(ordered.narrow(0, start, Math.floor(((i + 1) * n) / splits) - start));
      });
      const mean = scores.reduce((sum, score) => sum + score, 0) / splits;
      const sd = Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / splits);
      return { mean, sd, splits };
    }),
  );
}

/** @param logits float64 [n, K] */
const scoreOf = (logits: Tensor): number =>
  tidy(() => {
    // Logarithms throughout: a probability that underflows to 0 contributes 0, not NaN.
    const logOf = logits.sub(logits.amax([1], true));
    const conditional = logOf.sub(logOf.exp().sum([1], true).log()); // log p(y|x)
    const largest = conditional.amax([0], true);
    const marginal = conditional.sub(largest).exp().mean([0], true).log().add(largest); // log p(y)
    const divergence = conditional.exp().mul(conditional.sub(marginal)).sum([1]);
    return Math.exp(divergence.mean().item());
  });

/** Images a split needs before its p(y) means anything. */
const IMAGES_PER_SPLIT = 100;

/**
 * Inception Score as a record, with that of the real images as its floor.
 *
 * @param logits of each set, `[N, K]`
 */
export function measureInceptionScore(
  backbone: FeatureExtractor,
  sets: FeatureSets,
  options: MeasureOptions = {},
): MetricRecord {
  const { real, synthetic } = sets;
  const random = new Random(options.seed ?? 0).fork('inception');
  const n = countsOf(sets);
  const smaller = Math.min(n.real, n.synthetic);
  const splits = Math.min(10, Math.max(1, Math.floor(smaller / IMAGES_PER_SPLIT)));
  const score = (logits: Tensor) => inceptionScore(logits, { splits, random });
  const { mean, sd } = score(synthetic);
  const part = (logits: Tensor): number =>
    tidy(() => score(rowsOf(logits, drawIndices(logits.shape[0]!, smaller, random))).mean);
  return {
    metric: 'inception-score',
    name: 'Inception Score',
    unit: '',
    better: 'higher',
    class: options.class ?? null,
    value: mean,
    sd: splits > 1 ? sd : null,
    interval: splits > 1 ? around(mean, sd, splits) : null,
    floor: {
      value: part(real),
      interval: null,
      matched: { value: part(synthetic), interval: null },
    },
    n,
    protocol: {
      ...options.protocol,
      ...backboneProtocol(backbone),
      settings: `${splits} splits; its SD is over splits`,
      syntheticImages: n.synthetic,
      interval: '95 %, Student’s t over the splits',
    },
  };
}

/** @param sd population deviation over n values */
function around(mean: number, sd: number, n: number): [number, number] {
  const half = (tQuantile(0.975, n - 1) * sd) / Math.sqrt(n - 1);
  return [mean - half, mean + half];
}
