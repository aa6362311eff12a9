/**
 * The three sets that every check of privacy compares: `train`, the real images that the generator saw; `heldOut`, real
 * images of the same distribution that it did not see; `synthetic`. Held-out images say what a picture looks like that
 * cannot have been copied: without them no distance is small or large.
 */

import { cat, type Tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { UnionFind } from '../../data/dataset/index.js';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { firstNonFiniteRow } from '../distribution/features.js';
import { nearestNeighbours } from '../distribution/neighbours.js';

export interface PrivacySets<T = Tensor> {
  train: T;
  heldOut: T;
  synthetic: T;
}

/** Patient or lesion of each real image. No group spans `train` and `heldOut`. */
export type RealGroups = Pick<PrivacySets<readonly string[]>, 'train' | 'heldOut'>;

export const setNames = ['train', 'heldOut', 'synthetic'] as const;

/** What a message calls an image. */
export const imageName = (
  names: PrivacySets<readonly string[]> | undefined,
  set: keyof PrivacySets,
  index: number,
): string => names?.[set]?.[index] ?? `${set} image ${index + 1}`;

/**
 * @param sets features [N, D], floating point
 * @throws DataError if a set is not [N ≥ 2, D], the lengths differ, or a row is not finite, which is then named
 */
export function requireSets(check: string, sets: PrivacySets, names?: PrivacySets<readonly string[]>): void {
  for (const set of setNames) {
    const { shape } = sets[set];
    if (shape.length !== 2 || shape[0]! < 2 || shape[1]! < 1) {
      throw new DataError(
        `${check}: the set ${set} must be features [N, D] of at least two images, not [${shape.join(', ')}]`,
      );
    }
    if (shape[1] !== sets.train.shape[1]) {
      throw new DataError(
        `${check}: features of length ${sets.train.shape[1]} (train) and ${shape[1]} (${set}): take all from one backbone`,
      );
    }
    const row = firstNonFiniteRow(sets[set]);
    if (row >= 0) {
      throw new DataError(
        `${check}: ${imageName(names, set, row)} (row ${row} of ${set}) has features that are not finite: leave it out, or see whether the network that made them was trained to the end`,
      );
    }
  }
}

/**
 * @throws DataError unless each real image has one group and no group has images on both sides
 */
export function requireGroups(check: string, sets: PrivacySets, groups: RealGroups): void {
  for (const set of ['train', 'heldOut'] as const) {
    if (groups[set].length !== sets[set].shape[0]) {
      throw new DataError(
        `${check}: ${groups[set].length} groups for ${sets[set].shape[0]} images of ${set}`,
      );
    }
  }
  const seen = new Set(groups.train);
  const shared = groups.heldOut.find((group) => seen.has(group));
  if (shared !== undefined) {
    throw new DataError(
      `${check}: group '${shared}' has images in train and in heldOut: hold out whole patients or lesions`,
    );
  }
}

/**
 * Groups joined where real images show one picture; a joined group may span both sets.
 *
 * @param pairs indices that count the training images first, then the held-out ones
 */
export function joinPictures(
  counts: Pick<PrivacySets<number>, 'train' | 'heldOut'>,
  pairs: readonly { a: number; b: number }[],
  groups?: RealGroups,
): RealGroups {
  const sets = new UnionFind(counts.train + counts.heldOut);
  const first = new Map<string, number>();
  const names = groups ? [...groups.train, ...groups.heldOut] : [];
  names.forEach((name, i) => {
    const seen = first.get(name);
    if (seen === undefined) first.set(name, i);
    else sets.union(seen, i);
  });
  for (const { a, b } of pairs) sets.union(a, b);
  const name = (i: number): string => String(sets.find(i));
  return {
    train: Array.from({ length: counts.train }, (_, i) => name(i)),
    heldOut: Array.from({ length: counts.heldOut }, (_, i) => name(counts.train + i)),
  };
}

/** Nearest row of `candidates` of each row of `queries`. */
export const nearest = (
  queries: Tensor,
  candidates: Tensor,
  metric?: DistanceMetric,
): { indices: Int32Array; distances: Float64Array } =>
  nearestNeighbours(queries, candidates, { k: 1, metric });

/**
 * Distance of each image to its nearest candidate of another group.
 *
 * @param candidateGroups a name a candidate; more than one row may belong to one image
 * @throws DataError where all candidates are of one group
 */
export function nearestOfOtherGroup(
  queries: Tensor,
  candidates: Tensor,
  options: {
    groups: readonly string[];
    candidateGroups: readonly string[];
    metric?: DistanceMetric;
  },
): Float64Array {
  const { groups, candidateGroups, metric } = options;
  const sizes = new Map<string, number>();
  for (const group of candidateGroups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const largest = groups.reduce((most, group) => Math.max(most, sizes.get(group) ?? 0), 0);
  if (largest === candidateGroups.length) {
    throw new DataError('all real images are of one group: there is no other to measure distances by');
  }
  // In the worst case the whole group of an image is nearer than any other candidate.
  const k = largest + 1;
  const { indices, distances } = nearestNeighbours(queries, candidates, { k, metric });
  return Float64Array.from(groups, (group, i) => {
    let at = i * k;
    while (candidateGroups[indices[at]!] === group) at++;
    return distances[at]!;
  });
}

/** Training images, then held-out ones, [N₁ + N₂, D] on the training images' device. */
export const realImages = ({ train, heldOut }: PrivacySets): Tensor =>
  tidy(() => cat([train, heldOut.to({ device: train.device, dtype: train.dtype })]));
