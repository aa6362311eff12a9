/** A share with its interval. */
import { normalQuantile } from '../../stats/index.js';

export interface Share {
  value: number;
  /** Wilson's score interval (1927), 95 %: never outside 0…1, and sound for few images. */
  low: number;
  high: number;
}

/** @param hits of `n`; null where n is 0 */
export function wilson(hits: number, n: number, level = 0.95): Share | null {
  if (n === 0) return null;
  const z = normalQuantile(0.5 + level / 2);
  const p = hits / n;
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  // Rounding must not leave the interval without its own estimate at 0 and 1.
  return { value: p, low: hits === 0 ? 0 : centre - half, high: hits === n ? 1 : centre + half };
}
