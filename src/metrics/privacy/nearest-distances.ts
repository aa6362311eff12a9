/**
 * Distance to the closest record: how far each synthetic image is from its nearest training image, beside what a real
 * image that was never seen scores. Its size alone says nothing (it depends on backbone, N and how dense the images lie);
 * so the share of synthetic images is counted that are nearer to a training image than all but 5 % of the held-out ones.
 * Without memorisation 5 % are. Zhao, Kunar, Birke & Chen, "CTAB-GAN: Effective Table Data Synthesizing", ACML 2021.
 */
import { Random } from '../../random.js';
import { percentileInterval, quantile } from '../../stats/bootstrap.js';
import type { Interval } from '../../stats/delong.js';
import { type ExceedanceDesign, exceedanceLimit, exceedanceTail, expectedShare } from './exceedances.js';
import { type DistanceMetric, nearest, type PrivacySets, requireSets } from './sets.js';

export interface NearestDistancesOptions {
  /** Default euclidean. */
  metric?: DistanceMetric;
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
  /** Percentile bootstrap over synthetic and held-out images. */
  interval: Interval;
  /** Share that chance exceeds with a probability of `falseAlarm`. */
  limit: number;
  /** How often chance alone gives as many. One-sided, exact for independent images. */
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
 * @throws DataError as `requireSets`
 */
export function nearestDistances(sets: PrivacySets, options: NearestDistancesOptions = {}): NearestDistances {
  requireSets('nearest distances', sets);
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
    near: nearShare(distances.syntheticToTrain, distances.heldOutToTrain, options),
    mirrored: nearShare(distances.syntheticToHeldOut, distances.trainToHeldOut, options),
  };
}

/** @param reference distances of real images that were not seen, at least one */
export function nearShare(
  distances: Float64Array,
  reference: Float64Array,
  options: NearestDistancesOptions = {},
): NearShare {
  const { share = 0.05, level = 0.95, falseAlarm = 0.005, seed = 0, replicates = 1000 } = options;
  // A rank, not an interpolated quantile: of few images, only ranks have a known expectation.
  const rank = Math.max(1, Math.round(share * (reference.length + 1)));
  const sorted = distances.slice().sort();
  const below = (threshold: number): number => countBelow(sorted, threshold);
  const ordered = reference.slice().sort();
  const threshold = ordered[rank - 1]!;
  const count = below(threshold);
  const design: ExceedanceDesign = { draws: distances.length, reference: reference.length, rank };
  const random = new Random(seed).fork('near share');
  const drawn = new Float64Array(reference.length);
  const means = Float64Array.from({ length: replicates }, () => {
    for (let i = 0; i < drawn.length; i++) drawn[i] = ordered[random.int(ordered.length)]!;
    const chance = below(drawn.sort()[rank - 1]!) / sorted.length;
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
