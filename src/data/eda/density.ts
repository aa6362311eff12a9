/**
 * Kernel density of one variable: Gaussian kernel, bandwidth by Silverman's rule of thumb (1986, eq. 3.31),
 * 0.9·min(s, IQR/1.34)·n^(−1/5), but no less than half the step in which the values were recorded, so that ages
 * rounded to five years give one hill and not twenty. Mass that would lie outside the limits is reflected into them;
 * they lie half a step beyond the extreme values, since a value of 20 in steps of five stands for 17.5 to 22.5.
 */
import { quantile } from '../../stats/index.js';

export interface Density {
  /** Equally spaced, from the lower limit to the upper. */
  x: number[];
  /** Density at each x; its integral is 1. */
  y: number[];
  bandwidth: number;
}

/** Points at which a density is computed; also the bins that values are put into before. */
const points = 512;

/**
 * @param values at least two finite numbers; the limits differ
 * @param options.step in which values were recorded; default {@link recordedStep} of them
 * @param options.limits what no value lies outside of; default half a step beyond the smallest and largest value
 */
export function density(
  values: ArrayLike<number>,
  options: { step?: number; limits?: { low: number; high: number } } = {},
): Density {
  const { step = recordedStep(values) } = options;
  const sorted = Float64Array.from(values).sort();
  const { low, high } = options.limits ?? { low: sorted[0]! - step / 2, high: sorted.at(-1)! + step / 2 };
  const spacing = (high - low) / (points - 1);
  const bandwidth = Math.max(silverman(sorted), step / 2, spacing);

  // Each value is shared between its two neighbouring points in proportion, which keeps means exact.
  const mass = new Float64Array(points);
  for (const value of sorted) {
    const at = Math.min(points - 1, Math.max(0, (value - low) / spacing));
    const left = Math.min(points - 2, Math.floor(at));
    mass[left]! += left + 1 - at;
    mass[left + 1]! += at - left;
  }

  const reach = Math.min(points - 1, Math.ceil((5 * bandwidth) / spacing));
  const kernel = Float64Array.from({ length: reach + 1 }, (_, k) =>
    Math.exp(-0.5 * ((k * spacing) / bandwidth) ** 2),
  );
  const y = new Array<number>(points).fill(0);
  const scale = 1 / (sorted.length * bandwidth * Math.sqrt(2 * Math.PI));
  for (let j = 0; j < points; j++) {
    const weight = mass[j]! * scale;
    if (weight === 0) continue;
    for (let k = -reach; k <= reach; k++) {
      const to = reflected(j + k);
      if (to >= 0 && to < points) y[to]! += weight * kernel[Math.abs(k)]!;
    }
  }
  // A point at a limit stands for half a cell inside, and for its own reflection.
  y[0]! *= 2;
  y[points - 1]! *= 2;
  return { x: Array.from({ length: points }, (_, i) => low + i * spacing), y, bandwidth };
}

/** Where a point beyond a limit comes to lie when it is folded back once. */
const reflected = (i: number): number => (i < 0 ? -i : i > points - 1 ? 2 * (points - 1) - i : i);

/** Silverman's rule of thumb. @param sorted ascending */
function silverman(sorted: Float64Array): number {
  const n = sorted.length;
  let mean = 0;
  for (const value of sorted) mean += value / n;
  let squares = 0;
  for (const value of sorted) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / (n - 1));
  const spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34;
  return 0.9 * (spread > 0 ? Math.min(deviation, spread) : deviation) * n ** -0.2;
}

/** The median gap between neighbouring different values: 5 for ages in steps of five, next to 0 for measurements. */
export function recordedStep(values: ArrayLike<number>): number {
  const different = [...new Set(Array.from(values))].sort((a, b) => a - b);
  const gaps = different.slice(1).map((value, i) => value - different[i]!);
  return gaps.length === 0 ? 0 : quantile(gaps, 0.5);
}
