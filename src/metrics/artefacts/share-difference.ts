/**
 * Difference of two independent shares with its interval: Newcombe, "Interval estimation for the difference between
 * independent proportions", Statistics in Medicine 1998, method 10. Made of the two Wilson intervals, it holds its level
 * with few images and with shares of 0 and 1.
 *
 *   low = d − √((p₁ − l₁)² + (u₂ − p₂)²),  high = d + √((u₁ − p₁)² + (p₂ − l₂)²),  d = p₁ − p₂
 */
import { type Share, wilson } from '../../data/eda/share.js';
import { DataError } from '../../errors.js';

/** Some of `n`. */
export interface Count {
  hits: number;
  n: number;
}

/**
 * @returns the first share less the second, −1…1, 95 %
 * @throws DataError where a share is of nothing
 */
export function shareDifference(first: Count, second: Count): Share {
  const [one, other] = [wilson(first.hits, first.n), wilson(second.hits, second.n)];
  if (!one || !other) throw new DataError('a share of no images has no difference: give both sets some');
  const value = one.value - other.value;
  return {
    value,
    low: value - Math.hypot(one.value - one.low, other.high - other.value),
    high: value + Math.hypot(one.high - one.value, other.value - other.low),
  };
}
