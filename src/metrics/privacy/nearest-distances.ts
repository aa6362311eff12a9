/**
 * Distance to the closest record: how far each synthetic image is from its nearest training image, beside what a real
 * image that was never seen scores. Its size alone says nothing (it depends on backbone, N and how dense the images lie);
 * so the share of synthetic images is counted that are nearer to a training image than all but 5 % of the held-out ones.
 * Without memorisation 5 % are. Zhao, Kunar, Birke & Chen, "CTAB-GAN: Effective Table Data Synthesizing", ACML 2021.
 */

import { Random } from 'graft-torch/base';
import type { Interval } from '../../stats/index.js';
import { percentileInterval, quantile } from '../../stats/index.js';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { membersOf } from '../sets/groups.js';
import { type ExceedanceDesign, exceedanceLimit, exceedanceTail, expectedShare } from './exceedances.js';
import {
  effectiveImages,
  groupedChance,
  isGrouped,
  permutedCounts,
  splitDistances,
} from './grouped-chance.js';
import { nearest, type PrivacySets, type RealGroups, requireGroups, requireSets } from './sets.js';

export interface NearestDistancesOptions {
  /** Default euclidean. */
  metric?: DistanceMetric;
  /** Patient or lesion of each real image: chance treats it as one. */
  groups?: RealGroups;
  /** Share of held-out images below the threshold, default 0.05. */
  share?: number;
  /** Coverage of the interval, default 0.95. */
  level?: number;
  /** How often chance may pass `limit`, default 0.005. */
  falseAlarm?: number;
  /** Decides the bootstrap, default 0. */
  seed?: number;
  replicates?: number;
}

export interface DistanceSummary {
  median: number;
  /** 5 % quantile. */
  low: number;
}

/** Synthetic images nearer to a training image than the `rank`-th nearest held-out image. */
export interface NearShare {
  /** That distance; only what is nearer counts. */
  threshold: number;
  rank: number;
  count: number;
  /** 0…1. */
  value: number;
  /** Without memorisation: rank / (held-out images + 1). */
  expected: number;
  /** Percentile bootstrap over synthetic and held-out images, or groups of these. */
  interval: Interval;
  /** Share that chance exceeds with a probability of `falseAlarm`. */
  limit: number;
  /** How often chance alone gives as many. One-sided, exact for independent images (groups: ./grouped-chance.ts). */
  p: number;
}

export interface NearestDistances {
  /** One a synthetic image. */
  syntheticToTrain: Float64Array;
  syntheticToHeldOut: Float64Array;
  /** One a held-out image: the reference. */
  heldOutToTrain: Float64Array;
  /** One a training image: the reference of `mirrored`. */
  trainToHeldOut: Float64Array;
  summary: Record<'syntheticToTrain' | 'syntheticToHeldOut' | 'heldOutToTrain', DistanceSummary>;
  near: NearShare;
  /**
   * The same with the real sets in each other's place: synthetic images near to held-out ones, which nobody can have
   * copied. Images blander than real ones are near to both.
   */
  mirrored: NearShare;
}

/**
 * @param sets features [N ≥ 2, D] of one backbone
 * @throws DataError as `requireSets` and `requireGroups`
 */
export function nearestDistances(sets: PrivacySets, options: NearestDistancesOptions = {}): NearestDistances {
  requireSets('nearest distances', sets);
  const { groups } = options;
  if (groups) requireGroups('nearest distances', sets, groups);
  const { train, heldOut, synthetic } = sets;
  const { metric } = options;
  const distances = {
    syntheticToTrain: nearest(synthetic, train, metric).distances,
    syntheticToHeldOut: nearest(synthetic, heldOut, metric).distances,
    heldOutToTrain: nearest(heldOut, train, metric).distances,
    trainToHeldOut: nearest(train, heldOut, metric).distances,
  };
  const summary = (values: Float64Array): DistanceSummary => ({
    median: quantile(values, 0.5),
    low: quantile(values, 0.05),
  });
  return {
    ...distances,
    summary: {
      syntheticToTrain: summary(distances.syntheticToTrain),
      syntheticToHeldOut: summary(distances.syntheticToHeldOut),
      heldOutToTrain: summary(distances.heldOutToTrain),
    },
    near: isGrouped(groups && [...groups.train, ...groups.heldOut])
      ? groupedNearShare(sets, distances, { ...options, groups: groups! })
      : nearShare(distances.syntheticToTrain, distances.heldOutToTrain, options),
    mirrored: nearShare(distances.syntheticToHeldOut, distances.trainToHeldOut, {
      ...options,
      referenceGroups: groups?.train,
    }),
  };
}

/** The share near to training images, beside what it would be if other groups had been held out. */
function groupedNearShare(
  sets: PrivacySets,
  distances: Pick<NearestDistances, 'syntheticToTrain' | 'heldOutToTrain'>,
  options: NearestDistancesOptions & { groups: RealGroups },
): NearShare {
  const { metric, groups, falseAlarm = 0.005, seed = 0 } = options;
  const near = nearShare(distances.syntheticToTrain, distances.heldOutToTrain, {
    ...options,
    referenceGroups: groups.heldOut,
  });
  const { synthetic, real } = splitDistances(sets, groups, metric);
  const permuted = permutedCounts(
    groups,
    (heldOut) => {
      const reference: number[] = [];
      for (let i = 0; i < real.count; i++) if (heldOut[i] === 1) reference.push(real.toTrain(i, heldOut));
      const rank = rankOf(options.share, reference.length);
      const threshold = Float64Array.from(reference).sort()[rank - 1]!;
      let count = 0;
      for (let j = 0; j < synthetic.count; j++) if (synthetic.toTrain(j, heldOut) < threshold) count++;
      return count;
    },
    { random: new Random(seed).fork('near share permutations') },
  );
  const images = distances.syntheticToTrain.length;
  const { limit, p } = groupedChance(
    near.count,
    { draws: images, reference: distances.heldOutToTrain.length, rank: near.rank },
    { effective: { reference: effectiveImages(groups.heldOut) }, permuted, falseAlarm },
  );
  return { ...near, limit: Math.min(1, limit / images), p };
}

/** A rank, not an interpolated quantile: of few images, only ranks have a known expectation. */
const rankOf = (share = 0.05, images: number): number => Math.max(1, Math.round(share * (images + 1)));

/** @param reference distances of real images that were not seen, at least one */
export function nearShare(
  distances: Float64Array,
  reference: Float64Array,
  options: NearestDistancesOptions & { referenceGroups?: readonly string[] } = {},
): NearShare {
  const { share, level = 0.95, falseAlarm = 0.005, seed = 0, replicates = 1000, referenceGroups } = options;
  const rank = rankOf(share, reference.length);
  const sorted = distances.slice().sort();
  const below = (threshold: number): number => countBelow(sorted, threshold);
  const ordered = reference.slice().sort();
  const threshold = ordered[rank - 1]!;
  const count = below(threshold);
  const design: ExceedanceDesign = { draws: distances.length, reference: reference.length, rank };
  const random = new Random(seed).fork('near share');
  const members = isGrouped(referenceGroups)
    ? membersOf(reference.length, referenceGroups).map((own) => own.map((i) => reference[i]!))
    : null;
  const drawn = new Float64Array(reference.length);
  const means = Float64Array.from({ length: replicates }, () => {
    let again = drawn;
    if (members) {
      again = Float64Array.from(members.flatMap(() => members[random.int(members.length)]!));
    } else for (let i = 0; i < drawn.length; i++) drawn[i] = ordered[random.int(ordered.length)]!;
    const chance = below(again.sort()[rankOf(share, again.length) - 1]!) / sorted.length;
    let hits = 0;
    for (let i = 0; i < sorted.length; i++) if (random.chance(chance)) hits++;
    return hits / sorted.length;
  });
  return {
    threshold,
    rank,
    count,
    value: count / distances.length,
    expected: expectedShare(design),
    interval: percentileInterval(means, level),
    limit: exceedanceLimit(falseAlarm, design) / distances.length,
    p: exceedanceTail(count, design),
  };
}

/** How many of ascending values are below a threshold. */
function countBelow(sorted: Float64Array, threshold: number): number {
  let low = 0;
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}
