/**
 * Copies by distance: synthetic images nearer to a training image than any two real images are to each other. The
 * reference are the held-out images' distances to the training images, and the training images' to one another. Some
 * synthetic images fall below by chance; how many, is known (exceedances.ts).
 *
 * Two kinds of distance: a backbone's features see likeness, but not a mirrored copy; shrunken pictures (shrunken.ts) see
 * copies under all symmetries of the square, and soft or noisy ones too.
 */
import { type Tensor, tidy } from '../../torch/index.js';
import { type ExceedanceDesign, exceedanceLimit, exceedanceTail, expectedShare } from './exceedances.js';
import {
  type DistanceMetric,
  nearest,
  nearestOfOtherGroup,
  type PrivacySets,
  type RealGroups,
  requireSets,
} from './sets.js';
import { shrunken, shrunkenSymmetries } from './shrunken.js';

export interface NearCopiesOptions {
  /** Default euclidean. */
  metric?: DistanceMetric;
  /** Patient, lesion or picture of each real image: two images of one are no reference. May span both sets. */
  groups?: RealGroups;
  /** How often chance may pass `limit`, default 0.005. */
  falseAlarm?: number;
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
  return {
    threshold,
    pairs,
    expected: expectedShare(design) * distances.length,
    limit: exceedanceLimit(falseAlarm, design),
    p: exceedanceTail(pairs.length, design),
  };
}
