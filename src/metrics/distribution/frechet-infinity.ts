/**
 * FD∞: the Fréchet distance without its bias. The estimate from N images is too large by about c / N; c depends on the
 * sets, so that two generators can change places with N. Measured at several N, the line through FD over 1/N meets
 * 1/N = 0 at the distance of infinitely many images.
 * Chong & Forsyth, "Effectively Unbiased FID and Inception Score and Where to Find Them", CVPR 2020.
 *
 * The paper subsamples the synthetic images alone, beside 50,000 real ones. Real images are few here, and their share of
 * the bias is as large: both sets are subsampled by the same factor, unless told otherwise.
 *
 * The 1/N law needs more images than features. Below two and a half images a feature (the paper's own ratio: from 5,000
 * images at 2,048 features) the curve bends, and the line misses.
 */

import { type Tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { tQuantile } from '../../stats/index.js';
import type { FeatureExtractor } from '../backbone/backbone.js';
import type { MetricRecord } from '../sets/record.js';
import { drawIndices, requireFeatures, rowsOf } from './features.js';
import { frechetDistance } from './frechet.js';
import { backboneProtocol, countsOf, type FeatureSets, type MeasureOptions } from './metric.js';

export interface FrechetInfinityOptions {
  /** Draws the subsets. */
  random: Random;
  /** Subset sizes, default 15 (the paper's), at least 3. */
  points?: number;
  /** Images of the smaller set (of `second`) in the smallest subset; default max(50, 2.5 D, n / 10). */
  smallest?: number;
  /** Sets that are subsampled: default both; `second` holds the first one as it is, as the paper does. */
  vary?: 'both' | 'second';
}

export interface FrechetInfinity {
  /** Where the line meets 1/N = 0. Can come out below 0 for sets that are nearly of one distribution. */
  value: number;
  /**
   * Where the line may lie at 0 (95 %, Student's t), judged by how the points scatter about it. This is no interval of FD∞:
   * other images would have moved all points together. In simulations it held the true distance in 60 % of draws. For an
   * interval that counts, give `halfSampleIntervals` this function.
   */
  low: number;
  high: number;
  /** Of the line: FD = value + slope / N. */
  slope: number;
  /** For a figure: images of the smaller set (of `second`) and distance, from few to many. */
  points: { images: number; distance: number }[];
}

/** Images a feature from which on FD is taken as linear in 1/N. */
const IMAGES_PER_FEATURE = 2.5;

/**
 * @param first features [N₁, D] of any floating type, the real images
 * @param second features [N₂, D]
 * @throws DataError if a set is smaller than twice the smallest subset, the lengths differ, or a value is not finite
 */
export function frechetInfinity(
  first: Tensor,
  second: Tensor,
  options: FrechetInfinityOptions,
): FrechetInfinity {
  requireFeatures('FD∞', first, second);
  const { random, points: count = 15, vary = 'both' } = options;
  const size = first.shape[1]!;
  const [n1, n2] = [first.shape[0]!, second.shape[0]!];
  const available = vary === 'both' ? Math.min(n1, n2) : n2;
  const smallest =
    options.smallest ?? Math.max(50, Math.ceil(IMAGES_PER_FEATURE * size), Math.ceil(available / 10));
  if (!Number.isInteger(count) || count < 3 || !Number.isInteger(smallest) || smallest < 2) {
    throw new DataError(
      `FD∞: ${count} points from ${smallest} images up: use three or more points, and two or more images`,
    );
  }
  if (2 * smallest > available) {
    throw new DataError(
      `FD∞: ${available} images of ${size} features are too few for a line from ${smallest} images up: use ${2 * smallest} images, a backbone of fewer features, or the kernel distance, which has no bias`,
    );
  }
  // Sizes are even in N, as in the paper.
  const sizes = Array.from({ length: count }, (_, i) =>
    Math.round(smallest + ((available - smallest) * i) / (count - 1)),
  );
  const points = sizes.map((images) => ({
    images,
    distance: tidy(() => {
      const part = (set: Tensor) => {
        const rows = Math.round((set.shape[0]! * images) / available);
        return rowsOf(set, drawIndices(set.shape[0]!, rows, random));
      };
      return frechetDistance(vary === 'both' ? part(first) : first, part(second));
    }),
  }));
  return { ...lineAtZero(points.map(({ images, distance }) => [1 / images, distance])), points };
}

/**
 * Least squares through three or more points [x, y].
 *
 * @returns the intercept, its 95 % interval, and the slope
 */
export function lineAtZero(
  points: readonly (readonly [x: number, y: number])[],
): Pick<FrechetInfinity, 'value' | 'low' | 'high' | 'slope'> {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const spreadX = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spreadX;
  const value = meanY - slope * meanX;
  const residual = points.reduce((sum, [x, y]) => sum + (y - value - slope * x) ** 2, 0) / (n - 2);
  const error = Math.sqrt(residual * (1 / n + meanX ** 2 / spreadX));
  const half = tQuantile(0.975, n - 2) * error;
  return { value, low: value - half, high: value + half, slope };
}

/**
 * FD∞ as a record; null where the images are too few for its line (fewer than five a feature in each set).
 * @throws DataError as `measureDistribution`
 */
export function measureFrechetInfinity(
  backbone: FeatureExtractor,
  sets: FeatureSets,
  options: MeasureOptions = {},
): { record: MetricRecord; fit: FrechetInfinity } | null {
  const { real, synthetic } = sets;
  const n = countsOf(sets);
  const needed = 2 * Math.max(50, Math.ceil(2.5 * real.shape[1]!));
  if (Math.min(n.real, n.synthetic) < needed) return null;
  const fit = frechetInfinity(real, synthetic, { random: new Random(options.seed ?? 0).fork('infinity') });
  const record: MetricRecord = {
    metric: 'frechet-infinity',
    name: 'FD∞',
    unit: '',
    better: 'lower',
    class: options.class ?? null,
    value: fit.value,
    sd: null,
    interval: [fit.low, fit.high],
    // Of infinitely many images of one distribution it is 0.
    floor: { value: 0, interval: null, matched: null },
    n,
    protocol: {
      ...options.protocol,
      ...backboneProtocol(backbone),
      settings: 'line of the Fréchet distance over 1/N, 15 points, both sets subsampled',
      interval: '95 %, of the line at 1/N = 0, Student’s t',
    },
  };
  return { record, fit };
}
