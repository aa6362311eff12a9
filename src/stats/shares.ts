/**
 * Share of images that have a property (called positive, called rightly), for several models on the same images, and
 * the covariance between the shares that comes from the choice of images. With x the property of an image, 0 or 1, and
 * images summed a group first, because images of one lesion are not independent:
 *
 *   Cov(p₁, p₂) = G / (G − 1) · Σ_g d₁(g) d₂(g),   d(g) = Σ_{i in g} (x_i − p) / N
 *
 * This is the linearised variance of a ratio under cluster sampling (Cochran, "Sampling Techniques", 3rd ed. 1977,
 * ch. 9 and 11); where each image is its own group, the sample covariance over N.
 */
import { DataError } from 'graft-torch/base';
import { groupIndex } from './delong.js';
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
