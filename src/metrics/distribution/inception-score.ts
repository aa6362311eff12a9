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
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';
import { drawIndices, requireFeatureSet, rowsOf } from './features.js';

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
