/**
 * Copies by distance: synthetic images nearer to a training image than any two real images are to each other. The
 * reference are the held-out images' distances to the training images, and the training images' to one another. Some
 * synthetic images fall below by chance; how many, is known (exceedances.ts).
 *
 * Two kinds of distance: a backbone's features see likeness, but not a mirrored copy; shrunken pictures (shrunken.ts) see
 * copies under all symmetries of the square, and soft or noisy ones too.
 */

import { type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { type ExceedanceDesign, exceedanceLimit, exceedanceTail, expectedShare } from './exceedances.js';
import {
  effectiveImages,
  groupedChance,
  isGrouped,
  permutedCounts,
  splitDistances,
} from './grouped-chance.js';
import { nearest, nearestOfOtherGroup, type PrivacySets, type RealGroups, requireSets } from './sets.js';
import { shrunken, shrunkenSymmetries } from './shrunken.js';

export interface NearCopiesOptions {
  /** Default euclidean. */
  metric?: DistanceMetric;
  /** Patient, lesion or picture of each real image: two images of one are no reference. May span both sets. */
  groups?: RealGroups;
  /** How often chance may pass `limit`, default 0.005. */
  falseAlarm?: number;
  /** Decides permutations where groups have several images, default 0. */
  seed?: number;
}

export interface NearCopy {
  /** Index of the synthetic image. */
  synthetic: number;
  /** Index of its nearest training image. */
  train: number;
  distance: number;
  /** Which symmetry of the square leads from the training to the synthetic image; 0 is none. */
  symmetry: number;
}

export interface NearCopies {
  /**
   * The smallest distance between real images. 0, or nearly: the real sets have duplicates, and nothing can be said until
   * they are joined in `groups`, as `assessPrivacy` does.
   */
  threshold: number;
  /** Nearest first. */
  pairs: NearCopy[];
  /** How many pairs chance gives on average. */
  expected: number;
  /** How many chance exceeds with a probability of `falseAlarm`. */
  limit: number;
  /** How often chance alone gives as many. */
  p: number;
  /** Synthetic images that were looked at. */
  synthetic: number;
}

/**
 * @param sets features [N ≥ 2, D] of one backbone
 * @throws DataError as `requireSets`, or where all real images are of one group
 */
export function featureCopies(sets: PrivacySets, options: NearCopiesOptions = {}): NearCopies {
  requireSets('copies', sets);
  return nearCopies(sets, sets.train, options);
}

/**
 * @param images uint8 [N ≥ 2, 3, H, W], of any sizes; a copy may be mirrored or turned by right angles
 * @throws DataError as `featureCopies`
 */
export function shrunkenCopies(
  images: PrivacySets,
  options: Omit<NearCopiesOptions, 'metric'> = {},
): NearCopies {
  return tidy(() => {
    const sets = {
      train: shrunken(images.train),
      heldOut: shrunken(images.heldOut),
      synthetic: shrunken(images.synthetic),
    };
    requireSets('copies', sets);
    return nearCopies(sets, shrunkenSymmetries(images.train), options);
  });
}

/** @param variants the training set, once or under several symmetries, [V N, D] */
function nearCopies(sets: PrivacySets, variants: Tensor, options: NearCopiesOptions): NearCopies {
  const { metric, falseAlarm = 0.005 } = options;
  const [train, heldOut] = [sets.train.shape[0]!, sets.heldOut.shape[0]!];
  const names = (set: string, count: number) => Array.from({ length: count }, (_, i) => `${set} ${i}`);
  const groups = options.groups ?? { train: names('train', train), heldOut: names('heldOut', heldOut) };
  const candidateGroups = Array.from({ length: variants.shape[0]! }, (_, row) => groups.train[row % train]!);
  let threshold = Number.POSITIVE_INFINITY;
  for (const set of ['train', 'heldOut'] as const) {
    const distances = nearestOfOtherGroup(sets[set], variants, {
      groups: groups[set],
      candidateGroups,
      metric,
    });
    for (const distance of distances) threshold = Math.min(threshold, distance);
  }
  const { indices, distances } = nearest(sets.synthetic, variants, metric);
  const pairs = [...distances.keys()]
    .filter((j) => distances[j]! < threshold)
    .map((j) => ({
      synthetic: j,
      train: indices[j]! % train,
      distance: distances[j]!,
      symmetry: Math.floor(indices[j]! / train),
    }))
    .sort((a, b) => a.distance - b.distance || a.synthetic - b.synthetic);
  const design: ExceedanceDesign = {
    draws: distances.length,
    // Of a pair of training images each is the other's neighbour: n images make n / 2 independent distances.
    reference: heldOut + Math.floor(train / 2),
    rank: 1,
  };
  const expected = expectedShare(design) * distances.length;
  if (!isGrouped(groups.train) && !isGrouped(groups.heldOut)) {
    return {
      threshold,
      pairs,
      expected,
      limit: exceedanceLimit(falseAlarm, design),
      p: exceedanceTail(pairs.length, design),
      synthetic: distances.length,
    };
  }
  const effective = effectiveImages(groups.heldOut) + effectiveImages(groups.train) / 2;
  const chance = groupedChance(pairs.length, design, {
    effective: { reference: effective },
    permuted: variants === sets.train ? permutedPairs(sets, groups, options) : [],
    falseAlarm,
  });
  return { threshold, pairs, expected, ...chance, synthetic: distances.length };
}

/** How many pairs there are if other groups had been held out. */
function permutedPairs(sets: PrivacySets, groups: RealGroups, options: NearCopiesOptions): Float64Array {
  const { metric, seed = 0 } = options;
  const { synthetic, real } = splitDistances(sets, groups, metric);
  const names = [...groups.train, ...groups.heldOut];
  return permutedCounts(
    groups,
    (heldOut) => {
      let threshold = Number.POSITIVE_INFINITY;
      for (let i = 0; i < real.count; i++) threshold = Math.min(threshold, real.toTrain(i, heldOut, names));
      let count = 0;
      for (let j = 0; j < synthetic.count; j++) if (synthetic.toTrain(j, heldOut) < threshold) count++;
      return count;
    },
    { random: new Random(seed).fork('near copies') },
  );
}
