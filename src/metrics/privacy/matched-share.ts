/**
 * The share of synthetic images that are nearer to the training images than to as many held-out ones (the "DCR share" of
 * synthetic data audits): a half, if the generator knows the training images no better than their distribution. The more
 * images a set has the nearer is its nearest, so the larger set is cut to the size of the smaller; the mean over all such
 * cuts is taken in closed form. If r of T training images are nearer than the nearest of H held-out ones, the nearest
 * of H drawn training images is nearer with the probability 1 − C(T − r, H) / C(T, H).
 *
 * The images share their neighbours, so that an interval over synthetic images alone is too narrow by far. What chance
 * does is therefore read from permutations: the same share, after other real images were called held-out.
 */

import { tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import type { Interval } from '../../stats/index.js';
import { percentileInterval, quantile } from '../../stats/index.js';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { nearestNeighbours } from '../distribution/neighbours.js';
import { partDrawer } from './partition.js';
import { type PrivacySets, type RealGroups, realImages, requireGroups, requireSets } from './sets.js';

export interface MatchedShareOptions {
  /** Default euclidean. */
  metric?: DistanceMetric;
  /** Patient or lesion of each real image: they change sides together. */
  groups?: RealGroups;
  /** Coverage of both intervals, default 0.95. */
  level?: number;
  /** How often chance may pass `limit`, default 0.005. */
  falseAlarm?: number;
  /** Decides permutations and bootstrap, default 0. */
  seed?: number;
  /** Default 1000. */
  permutations?: number;
}

export interface MatchedShare {
  /** 0…1; 0.5 without memorisation. */
  value: number;
  /** Images that both real sets are cut to. */
  matched: number;
  /** Percentile bootstrap over synthetic images, these real images given. */
  interval: Interval;
  /** What the share does if the training images were any of the real ones. */
  chance: Interval;
  /** Share that chance exceeds with a probability of `falseAlarm`. */
  limit: number;
  /** One-sided permutation test, never below 1 / (permutations + 1). */
  p: number;
}

/** The chance that so long a run of the larger set's images at the head of a row is no accident of the cut. */
const NEGLIGIBLE = 1e-6;

/**
 * @param sets features [N ≥ 2, D] of one backbone; no image may be in both real sets
 * @throws DataError as `requireSets` and `requireGroups`
 */
export function matchedShare(sets: PrivacySets, options: MatchedShareOptions = {}): MatchedShare {
  const { metric, groups, level = 0.95, falseAlarm = 0.005, seed = 0, permutations = 1000 } = options;
  requireSets('DCR share', sets);
  if (groups) requireGroups('DCR share', sets, groups);
  const [train, heldOut] = [sets.train.shape[0]!, sets.heldOut.shape[0]!];
  const total = train + heldOut;
  const matched = Math.min(train, heldOut);
  const k = Math.min(total, Math.ceil(Math.log(NEGLIGIBLE) / Math.log(1 - matched / total)));
  const { indices } = tidy(() => nearestNeighbours(sets.synthetic, realImages(sets), { k, metric }));
  const count = indices.length / k;
  const random = new Random(seed);

  const own = sharesOf(
    indices,
    k,
    Uint8Array.from({ length: total }, (_, i) => (i < train ? 0 : 1)),
  );
  const value = mean(own);
  const resampling = random.fork('bootstrap');
  const means = Float64Array.from({ length: 1000 }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += own[resampling.int(count)]!;
    return sum / count;
  });
  const draw = partDrawer(total, heldOut, groups && [...groups.train, ...groups.heldOut]);
  const permuting = random.fork('permutations');
  const others = Float64Array.from({ length: permutations }, () =>
    mean(sharesOf(indices, k, draw(permuting))),
  );
  return {
    value,
    matched,
    interval: percentileInterval(means, level),
    chance: percentileInterval(others, level),
    limit: quantile(others, 1 - falseAlarm),
    p: (1 + others.filter((share) => share >= value).length) / (permutations + 1),
  };
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * For each synthetic image the chance that it is nearer to the training images, over all cuts to equal size.
 *
 * @param indices the k nearest real images of each, nearest first
 * @param heldOut 1 where a real image counts as held out
 */
function sharesOf(indices: Int32Array, k: number, heldOut: Uint8Array): Float64Array {
  let small = 0;
  for (const flag of heldOut) small += flag;
  let large = heldOut.length - small;
  // The run that matters is that of the larger set.
  const largeFlag = large >= small ? 0 : 1;
  if (largeFlag === 1) [small, large] = [large, small];
  // missed[r]: none of the first r images of the larger set is in the cut.
  const missed = new Float64Array(Math.max(k, large) + 1);
  missed[0] = 1;
  for (let r = 0; r < large; r++) missed[r + 1] = (missed[r]! * Math.max(0, large - r - small)) / (large - r);
  return Float64Array.from({ length: indices.length / k }, (_, i) => {
    let run = 0;
    while (run < k && heldOut[indices[i * k + run]!] === largeFlag) run++;
    return largeFlag === 0 ? 1 - missed[run]! : missed[run]!;
  });
}
