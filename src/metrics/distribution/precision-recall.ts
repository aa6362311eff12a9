/**
 * Improved precision and recall: how many synthetic images lie on the manifold of the real ones (do they look real?),
 * and how many real images on that of the synthetic ones (is nothing missing?). A manifold is the union of balls around
 * a set's images, each as wide as the distance to the k-th nearest other image.
 * Kynkäänniemi, Karras, Laine, Lehtinen, Aila, "Improved Precision and Recall Metric for Assessing Generative Models",
 * NeurIPS 2019; strict inequality as in `prdc` (Naeem et al. 2020), which differs for exact copies only.
 *
 *   precision = mean over synthetic s of [∃ real r: ‖s − r‖ < radius_k(r)];  recall: the same with the sets swapped
 *
 * One outlier among the real images has a wide ball and can hold many synthetic ones: density and coverage
 * (`density-coverage.ts`) mind that less.
 */

import type { Tensor } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { type Occupancy, occupancies } from './balls.js';
import { requireFeatures } from './features.js';

export interface PrecisionRecall {
  /** Part of the synthetic images on the real manifold, 0…1. */
  precision: number;
  /** Part of the real images on the synthetic manifold, 0…1. */
  recall: number;
  k: number;
}

/**
 * Distances that decide are of float64; memory is that of a float32 copy of both sets and of tiles of a few MiB.
 * Both figures depend on N and on the ratio of the sets' sizes: compare figures of equal N and k only.
 *
 * @param real features [N > k, D] of any floating type
 * @param synthetic features [M > k, D]
 * @param options.k default 3 (the paper's)
 * @throws DataError if a set has no more than k rows, the lengths differ, or a value is not finite
 */
export function precisionRecall(
  real: Tensor,
  synthetic: Tensor,
  options: { k?: number } = {},
): PrecisionRecall {
  const { k = 3 } = options;
  requireFeatures('precision and recall', real, synthetic);
  requireMoreThan('precision and recall', k, [real, synthetic]);
  const { first, second } = occupancies(real, synthetic, { first: [k], second: [k] });
  return { ...precisionRecallOf(first[0]!, second[0]!), k };
}

/**
 * @param byReal of balls around real images by synthetic ones
 * @param bySynthetic the other way round
 */
export const precisionRecallOf = (
  byReal: Occupancy,
  bySynthetic: Occupancy,
): Pick<PrecisionRecall, 'precision' | 'recall'> => ({
  precision: partAbove0(byReal.holders),
  recall: partAbove0(bySynthetic.holders),
});

/** @throws DataError if k is no whole number from 1, or a set has not more rows */
export function requireMoreThan(metric: string, k: number, sets: readonly Tensor[]): void {
  const smallest = Math.min(...sets.map((set) => set.shape[0]!));
  if (!Number.isInteger(k) || k < 1 || k >= smallest) {
    throw new DataError(
      `${metric}: k = ${k} with a set of ${smallest} images: use a k of 1…${smallest - 1}, or more images`,
    );
  }
}

/** Part of the counts that are not 0. */
export const partAbove0 = (counts: Float64Array): number =>
  counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0) / counts.length;
