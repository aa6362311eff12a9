/**
 * Is an image a training image again? It is rejected where it lies as near to one as hardly any two training images of
 * different groups lie to each other. Two spaces are looked at: a backbone's features, which see likeness, but not a
 * mirrored copy, and shrunken pictures under the symmetries of the square (metrics/privacy/shrunken.ts), which see soft,
 * noisy, mirrored and turned copies. A few new images are rejected, too: about the quantile.
 */

import { cat, type Tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { symmetries } from '../../data/pixels/index.js';
import { nearest, nearestOfOtherGroup } from '../../metrics/privacy/index.js';

export interface Space {
  name: 'features' | 'pictures';
  /** Training images, each in one row or, under symmetries, in several: `[M, D]`. */
  candidates: Tensor;
  /** Training image of each candidate. */
  imageOf: Int32Array;
}

/** A space with the distance below which, and at which, an image counts as a copy. */
export interface BoundedSpace extends Space {
  threshold: number;
}

/** @param features `[N, D]`, not copied */
export const featureSpace = (features: Tensor): Space => ({
  name: 'features',
  candidates: features,
  imageOf: Int32Array.from({ length: features.shape[0]! }, (_, i) => i),
});

/**
 * @param batches training images in order, each batch's `shrunkenSymmetries`, `[8 n, 768]`
 * @returns the space, and its training images as they are, as queries `[N, 768]`
 */
export function pictureSpace(batches: readonly Tensor[]): { space: Space; queries: Tensor } {
  return tidy(() => {
    const queries: Tensor[] = [];
    const imageOf: number[] = [];
    let before = 0;
    for (const variants of batches) {
      const count = variants.shape[0]! / symmetries;
      queries.push(variants.narrow(0, 0, count)); // symmetry 0 is none
      for (let row = 0; row < variants.shape[0]!; row++) imageOf.push(before + (row % count));
      before += count;
    }
    return {
      space: { name: 'pictures' as const, candidates: cat(batches), imageOf: Int32Array.from(imageOf) },
      queries: cat(queries),
    };
  });
}

/**
 * The threshold is a rank, the ⌊q (N + 1)⌉-th smallest distance, at least the first: of the distances from each training
 * image to its nearest one of another group.
 *
 * @param queries the training images, once each, `[N, D]`
 * @param quantile q, in (0, 0.5]
 * @throws DataError where all training images are of one group, or images of two groups are the same
 */
export function boundSpace(
  space: Space,
  queries: Tensor,
  options: { groups: readonly string[]; quantile: number },
): BoundedSpace {
  const { groups, quantile } = options;
  const candidateGroups = Array.from(space.imageOf, (image) => groups[image]!);
  const distances = nearestOfOtherGroup(queries, space.candidates, { groups, candidateGroups }).sort();
  const rank = Math.max(1, Math.round(quantile * (distances.length + 1)));
  const threshold = distances[rank - 1]!;
  if (threshold === 0)
    throw new DataError(
      `memorisation distance (${space.name}): ${distances.lastIndexOf(0) + 1} of ${distances.length} training images are the same as one of another group; import the dataset with near-duplicates joined (graft data import)`,
    );
  return { ...space, threshold };
}

export interface Nearness {
  /** From each image to its nearest training image. */
  distances: Float64Array;
  /** Which one that is. */
  images: Int32Array;
}

/** @param queries `[N, D]`; of the space of pictures `shrunken`'s */
export function nearnessTo(space: Space, queries: Tensor): Nearness {
  const { indices, distances } = nearest(queries, space.candidates);
  return { distances, images: indices.map((row) => space.imageOf[row]!) };
}
