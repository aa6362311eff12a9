/**
 * Intervals of scores that have a range. Where every image is alike (all told apart, all called the same), no resampling
 * and no estimated variance knows that another image might differ: the interval would shrink to a point, and claim
 * certainty of six images. What n independent groups that are all alike do tell, is exact: the share of groups unlike
 * them is at most
 *
 *   ε = 1 − (α/2)^(1/n)     (Clopper & Pearson, Biometrika 1934, for 0 of n)
 *
 * and with such a share the score moves at most by that part of its way to either end of its range.
 */
import { percentileInterval } from './bootstrap.js';
import type { Interval } from './delong.js';
import type { Numbers } from './roc.js';

export interface Bounds {
  /** The estimate. */
  value: number;
  /** Independent groups that the score rests on, may be broken (./groups.ts). */
  groups: number;
  /** Default 0 to 1. */
  range?: readonly [low: number, high: number];
  /** Default 0.95. */
  level?: number;
}

/** Of the range: what is nearer to its end, or narrower, is so but for rounding. */
const ROUNDING = 1e-9;

/** The interval within its range; never a point, nor one where the value stands at an end of the range. */
export function boundedInterval({ low, high }: Interval, bounds: Bounds): Interval {
  const { value, groups, range = [0, 1], level = 0.95 } = bounds;
  const [least, most] = range;
  const unlike = groups > 0 ? 1 - ((1 - level) / 2) ** (1 / groups) : 1;
  const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= ROUNDING * (most - least);
  const within = { low: Math.max(least, low), high: Math.min(most, high) };
  if (!isNear(value, least) && !isNear(value, most) && !isNear(within.low, within.high)) return within;
  return {
    low: Math.min(within.low, value - unlike * (value - least)),
    high: Math.max(within.high, value + unlike * (most - value)),
  };
}

/** The middle `level` of the replicates, bounded; null where there are none. */
export function replicateInterval(replicates: Numbers, bounds: Bounds): Interval | null {
  return replicates.length === 0
    ? null
    : boundedInterval(percentileInterval(replicates, bounds.level), bounds);
}

/** Two-sided p-value against 0 of a difference of scores (−1 to 1) that does not vary: its bounded interval, inverted. */
export const pOfAlike = (difference: number, groups: number): number =>
  Math.min(1, 2 * (1 + Math.abs(difference)) ** -groups);
