/**
 * Kernel distance (KID): the squared maximum mean discrepancy between two sets of features under a cubic kernel.
 * Unbiased, so it can be compared between sets of different N, and comes out below 0 for sets of one distribution
 * about half of the time. Lower is more alike. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018.
 *
 *   k(x, y) = (xᵀy / D + 1)³
 *   MMD² = Σ_{i≠j} k(xᵢ, xⱼ) / m(m−1) + Σ_{i≠j} k(yᵢ, yⱼ) / n(n−1) − 2 Σ_{i,j} k(xᵢ, yⱼ) / mn
 */

import { noGrad, stack, type Tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';
import { drawIndices, requireFeatures, rowsOf } from './features.js';
import type { DistributionMetric, Statistic } from './metric.js';

export interface KernelDistanceOptions {
  /** Decides the subsets. */
  random: Random;
  /** How many, default 100 (the paper's). */
  subsets?: number;
  /**
   * Images of each set in a subset, drawn without replacement. Default 1000 (the paper's), but at most half of the
   * smaller set: subsets that are nearly the whole set are nearly the same, and their spread says nothing.
   */
  subsetSize?: number;
}

export interface KernelDistance {
  /** Over the subsets; the literature often prints it × 1000. */
  mean: number;
  /** Standard deviation over the subsets (n − 1); NaN for a single one. */
  sd: number;
  subsets: number;
  subsetSize: number;
}

/** k between all rows of [m, D] and [n, D] → [m, n]. */
const kernel = (x: Tensor, y: Tensor): Tensor => x.matmul(y.t()).div(x.shape[1]!).add(1).pow(3);

/** Mean of k over the pairs of different rows. */
function meanWithin(x: Tensor): Tensor {
  const n = x.shape[0]!;
  const all = kernel(x, x);
  const own = x.square().sum([1]).div(x.shape[1]!).add(1).pow(3); // the diagonal
  return all
    .sum()
    .sub(own.sum())
    .div(n * (n - 1));
}

/**
 * @param x features [m ≥ 2, D]
 * @param y features [n ≥ 2, D] of the same type
 * @returns MMD², a scalar in the features' type
 */
export const squaredDiscrepancy = (x: Tensor, y: Tensor): Tensor =>
  tidy(() => meanWithin(x).add(meanWithin(y)).sub(kernel(x, y).mean(), 2));

/**
 * Computed in float64 on the CPU; memory grows with the square of the subset's size only.
 *
 * @param first features [N₁, D]
 * @param second features [N₂, D]
 * @throws DataError if a set has fewer than two rows or than a subset, the lengths differ, or a value is not finite
 */
export function kernelDistance(
  first: Tensor,
  second: Tensor,
  options: KernelDistanceOptions,
): KernelDistance {
  requireFeatures('kernel distance', first, second);
  const smaller = Math.min(first.shape[0]!, second.shape[0]!);
  const { random, subsets = 100 } = options;
  const subsetSize = options.subsetSize ?? Math.max(2, Math.min(1000, Math.floor(smaller / 2)));
  if (subsetSize < 2 || subsetSize > smaller || subsets < 1) {
    throw new DataError(
      `kernel distance: ${subsets} subsets of ${subsetSize} images from a set of ${smaller}: use at least one of 2…${smaller}`,
    );
  }
  return tidy(() =>
    noGrad(() => {
      const double = (features: Tensor) => features.detach().to({ device: 'cpu', dtype: 'float64' });
      const [x, y] = [double(first), double(second)];
      const draw = (set: Tensor) => rowsOf(set, drawIndices(set.shape[0]!, subsetSize, random));
      const values = stack(
        Array.from({ length: subsets }, () => tidy(() => squaredDiscrepancy(draw(x), draw(y)))),
      );
      return { mean: values.mean().item(), sd: Math.sqrt(values.var().item()), subsets, subsetSize };
    }),
  );
}

const kernelOf =
  (random: Random, subsets?: number): Statistic =>
  (real, synthetic) => ({ kernel: kernelDistance(real, synthetic, { random, subsets }).mean });

export const kernelMetric: DistributionMetric = {
  metrics: [
    {
      metric: 'kernel',
      name: 'Kernel distance (KID)',
      better: 'lower',
      settings:
        'unbiased MMD², (xᵀy / D + 1)³, 100 subsets of 1,000 images, at most half of the smaller set; its SD is over subsets',
    },
  ],
  minimum: 4,
  movesWithCount: false,
  statistic: (random) => kernelOf(random),
  replicate: (random) => kernelOf(random, 10),
};
