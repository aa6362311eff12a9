/**
 * Authenticity (AuthPct): the share of synthetic images that are further from their nearest training image than that
 * one is from its own nearest other training image. Alaa, van Breugel, Saveliev & van der Schaar, "How Faithful is your
 * Synthetic Data?", ICML 2022; as one number: Stein et al., "Exposing flaws of generative model evaluation metrics",
 * NeurIPS 2023.
 *
 *   i = argmin_i d(yⱼ, xᵢ);  yⱼ is authentic if d(yⱼ, xᵢ) > min_{l ≠ i} d(xᵢ, xₗ)
 *
 * New real images do not score 100 %: they often lie within their neighbour's gap. So the held-out images are scored
 * too, and the difference is what counts. This is the paper's definition and that of Stein et al.
 * The authors' own repository instead walks over the training images and looks the gap up under the synthetic image's
 * index, which compares distances of unrelated images; its figures are not these.
 */
import type { Interval } from '../../stats/index.js';
import { proportion, proportionDifference, wilsonInterval } from '../../stats/index.js';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { nearestNeighbours } from '../distribution/neighbours.js';
import { isGrouped } from './grouped-chance.js';
import { nearest, type PrivacySets, type RealGroups, requireGroups, requireSets } from './sets.js';

export interface AuthenticShare {
  /** 0…1 */
  value: number;
  count: number;
  n: number;
  /** Wilson's, over the images or their groups, the training images given. */
  interval: Interval;
}

export interface Authenticity {
  synthetic: AuthenticShare;
  /** What real images score that were not seen. */
  heldOut: AuthenticShare;
  /** Synthetic minus held-out share; below 0 where synthetic images sit closer to training images than new ones do. */
  difference: Interval & { value: number };
  /** One a synthetic image: 1 if it is authentic. */
  authentic: Uint8Array;
}

/**
 * @param sets features [N ≥ 2, D] of one backbone
 * @param options.level coverage of the intervals, default 0.95
 * @param options.groups patient or lesion of each real image
 * @throws DataError as `requireSets` and `requireGroups`
 */
export function authenticity(
  sets: PrivacySets,
  options: { metric?: DistanceMetric; level?: number; groups?: RealGroups } = {},
): Authenticity {
  requireSets('authenticity', sets);
  const { metric, level = 0.95, groups } = options;
  if (groups) requireGroups('authenticity', sets, groups);
  const gaps = nearestNeighbours(sets.train, sets.train, { k: 1, metric, excludeSelf: true }).distances;
  const judge = (images: PrivacySets['train']): Uint8Array => {
    const { indices, distances } = nearest(images, sets.train, metric);
    return Uint8Array.from(distances, (distance, j) => (distance > gaps[indices[j]!]! ? 1 : 0));
  };
  const authentic = judge(sets.synthetic);
  const synthetic = shareOf(authentic, level);
  const heldOut = shareOf(judge(sets.heldOut), level, groups?.heldOut);
  const { difference: value, low, high } = proportionDifference(asShare(synthetic), asShare(heldOut));
  return { synthetic, heldOut, difference: { value, low, high }, authentic };
}

function shareOf(flags: Uint8Array, level: number, groups?: readonly string[]): AuthenticShare {
  const count = flags.reduce((sum, flag) => sum + flag, 0);
  // Without groups p(1 − p)/n, as in Newcombe's tables; by group the effective number of images.
  const { value, low, high } = isGrouped(groups)
    ? proportion(flags, { groups, level })!
    : { value: count / flags.length, ...wilsonInterval(count / flags.length, flags.length, level) };
  return { value, count, n: flags.length, interval: { low, high } };
}

const asShare = ({ value, interval }: AuthenticShare): Interval & { value: number } => ({
  value,
  ...interval,
});
