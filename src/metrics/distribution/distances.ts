/**
 * Distances between sets of images as records one can defend: with N, backbone, its hash, the resizer, and the floor,
 * which is the same distance between two random halves of the real images. No generator can be shown to be better
 * than that.
 */
import { DataError } from '../../errors.js';
import { Random } from '../../random.js';
import { type Tensor, tidy } from '../../torch/index.js';
import type { Backbone } from '../backbone/index.js';
import { drawIndices, rowsOf } from './features.js';
import { frechetDistance } from './frechet.js';
import { kernelDistance } from './kernel-distance.js';

export interface DistanceRecord {
  metric: 'frechet' | 'kernel';
  value: number;
  /** Standard deviation over subsets, of the kernel distance; else null. */
  sd: number | null;
  /** Images of each set. */
  real: number;
  synthetic: number;
  /**
   * Real against real, halves of `real / 2`; null with fewer than four. The Fréchet distance falls with N, so its
   * floor at full N is lower than this; the kernel distance is unbiased.
   */
  floor: number | null;
  backbone: string;
  hash: string;
  resizer: string;
}

/** Sets of features of one backbone, `[N, D]`. */
export interface FeatureSets {
  real: Tensor;
  synthetic: Tensor;
}

/**
 * Fréchet and kernel distance of two sets.
 *
 * @param backbone that made the features
 * @param options.seed decides halves and subsets, default 0
 * @throws DataError as `frechetDistance` and `kernelDistance`
 */
export function measureDistances(
  backbone: Backbone,
  { real, synthetic }: FeatureSets,
  options: { seed?: number } = {},
): { frechet: DistanceRecord; kernel: DistanceRecord } {
  const random = new Random(options.seed ?? 0);
  const counts = { real: real.shape[0]!, synthetic: synthetic.shape[0]! };
  const kernel = kernelDistance(real, synthetic, { random: random.fork('subsets') });
  const floorOf = (distance: (first: Tensor, second: Tensor) => number): number | null =>
    counts.real < 4 ? null : halvesDistance(real, random.fork('halves'), distance);
  const { name, hash, resizer } = backbone;
  const origin = { ...counts, backbone: name, hash, resizer };
  return {
    frechet: {
      metric: 'frechet',
      value: frechetDistance(real, synthetic),
      sd: null,
      floor: floorOf(frechetDistance),
      ...origin,
    },
    kernel: {
      metric: 'kernel',
      value: kernel.mean,
      sd: Number.isFinite(kernel.sd) ? kernel.sd : null,
      floor: floorOf((a, b) => kernelDistance(a, b, { random: random.fork('floor') }).mean),
      ...origin,
    },
  };
}

/**
 * A distance between two random halves of one set, no row in both; of an odd number one row stays out.
 *
 * @param features `[N ≥ 4, D]`
 * @throws DataError with fewer than four rows
 */
export function halvesDistance(
  features: Tensor,
  random: Random,
  distance: (first: Tensor, second: Tensor) => number,
): number {
  const n = features.shape[0]!;
  if (n < 4) throw new DataError(`a set of ${n} images has no two halves to compare: give four or more`);
  const half = Math.floor(n / 2);
  const order = drawIndices(n, n, random);
  return tidy(() =>
    distance(rowsOf(features, order.subarray(0, half)), rowsOf(features, order.subarray(half, 2 * half))),
  );
}
