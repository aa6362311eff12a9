/**
 * Shares of images that have a property (called positive, called rightly), where images of one group (patient, lesion) are
 * not independent.
 *
 * Of one share the interval: Wilson's score interval (J. Am. Stat. Assoc. 1927) with the effective number of images
 * n_eff = p(1 − p) / Var(p) in the place of n, Var by group: Korn & Graubard, Survey Methodology 1998. It never leaves
 * [0, 1] and is sound for shares near the ends, where p ± 1.96 SE is not.
 *
 * Of several models' shares on the same images the covariance that comes from the choice of images: with x the property of
 * an image, 0 or 1, and images summed a group first,
 *
 *   Cov(p₁, p₂) = G / (G − 1) · Σ_g d₁(g) d₂(g),   d(g) = Σ_{i in g} (x_i − p) / N
 *
 * This is the linearised variance of a ratio under cluster sampling (Cochran, "Sampling Techniques", 3rd ed. 1977,
 * ch. 9 and 11); where each image is its own group, the sample covariance over N.
 */
import { DataError } from 'graft-torch/base';
import type { Interval } from './delong.js';
import { normalQuantile } from './distributions.js';
import { effectiveSize, groupIndex } from './groups.js';
import type { Numbers } from './roc.js';

export interface ShareCovariance {
  /** One share a model. */
  shares: number[];
  /** `[models][models]`: variances on the diagonal. */
  covariance: number[][];
  /** Groups that the images fall into. */
  groups: number;
}

/**
 * @param properties one array a model: 1 where the image has the property, else 0; the same images in the same order
 * @param groups one name an image; without it each image is its own group
 * @throws DataError where there are fewer than two groups: no variance can be estimated
 */
export function shareCovariance(properties: readonly Numbers[], groups?: readonly string[]): ShareCovariance {
  const count = properties[0]?.length ?? 0;
  const { index, size } = groupIndex(count, groups);
  if (size < 2) {
    throw new DataError(`An interval of a share needs two groups of images at least; got ${size}.`);
  }
  const models = properties.map((values) => {
    if (values.length !== count) throw new DataError(`Got ${values.length} values for ${count} images.`);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[i]!;
    const share = sum / count;
    const deviations = new Float64Array(size);
    for (let i = 0; i < count; i++) deviations[index[i]!]! += (values[i]! - share) / count;
    return { share, deviations };
  });
  const covariance = models.map((a) =>
    models.map((b) => {
      let sum = 0;
      for (let g = 0; g < size; g++) sum += a.deviations[g]! * b.deviations[g]!;
      return (sum * size) / (size - 1);
    }),
  );
  return { shares: models.map(({ share }) => share), covariance, groups: size };
}

export interface Proportion extends Interval {
  value: number;
  images: number;
  /** Independent images that say as much; at most `images`. */
  effective: number;
}

/** Wilson's interval of a share. @param n images, may be broken */
export function wilsonInterval(share: number, n: number, level = 0.95): Interval {
  const z = normalQuantile(0.5 + level / 2);
  const shrink = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / shrink;
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  // Rounding must not leave the interval without its own estimate.
  return { low: share === 0 ? 0 : centre - half, high: share === 1 ? 1 : centre + half };
}

/**
 * @param values 1 where the image has the property, else 0
 * @param groups one name an image; without it each image is its own
 * @returns null for no images
 */
export function proportion(
  values: Numbers,
  options: { groups?: readonly string[]; level?: number } = {},
): Proportion | null {
  const { groups, level } = options;
  const images = values.length;
  if (images === 0) return null;
  let hits = 0;
  for (let i = 0; i < images; i++) hits += values[i]!;
  const value = hits / images;
  const distinct = groups ? new Set(groups).size : images;
  // With every image alike, or one group alone, nothing is known of the spread: images of a group count as one.
  let effective = groups ? effectiveSize(imagesByGroup(groups)) : images;
  if (distinct > 1 && hits > 0 && hits < images) {
    const variance = shareCovariance([values], groups).covariance[0]![0]!;
    effective = Math.min(images, (value * (1 - value)) / variance);
  }
  return { value, images, effective, ...wilsonInterval(value, effective, level) };
}

function imagesByGroup(groups: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const group of groups) counts.set(group, (counts.get(group) ?? 0) + 1);
  return [...counts.values()];
}

/**
 * Interval of the difference of two independent shares, first − second, from their own intervals: the hybrid score method
 * (Newcombe, Stat. Med. 1998, method 10). Groups that stand on both sides make it too wide rather than too narrow.
 */
export function proportionDifference(
  first: Interval & { value: number },
  second: Interval & { value: number },
): Interval & { difference: number } {
  const difference = first.value - second.value;
  return {
    difference,
    low: difference - Math.hypot(first.value - first.low, second.high - second.value),
    high: difference + Math.hypot(first.high - first.value, second.value - second.low),
  };
}
