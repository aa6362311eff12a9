/**
 * Membership inference from the synthetic images alone: can one tell a training image from one that was not seen by how
 * near a synthetic image comes to it? The black-box attack of Chen, Yu, Zhang & Fritz, "GAN-Leaks", CCS 2020, without
 * calibration: score = −distance to the nearest synthetic image. An AUC of 0.5 is no leak. Carlini et al., "Membership
 * Inference Attacks From First Principles", S&P 2022: an attack that is right about a few images is a leak whatever its
 * AUC, so that the true positive rate at a small false positive rate is given too.
 *
 * The control plays the same attack on two random parts of the training images, where there is nothing to find: its
 * spread is the noise of the attack at these numbers. It needs no held-out image, so that it also answers whether a
 * result comes from held-out images that are another kind of picture.
 */
import { Random } from 'graft-torch/base';
import {
  auc,
  aucCovariance,
  aucInterval,
  effectiveGroups,
  type Interval,
  percentileInterval,
} from '../../stats/index.js';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { type ExceedanceDesign, exceedanceLimit, exceedanceTail, expectedShare } from './exceedances.js';
import { effectiveImages, groupedChance, isGrouped, permutedCounts } from './grouped-chance.js';
import { partDrawer } from './partition.js';
import { nearest, type PrivacySets, type RealGroups, requireGroups, requireSets } from './sets.js';

export interface MembershipOptions {
  /** Default euclidean. */
  metric?: DistanceMetric;
  /** Patient or lesion of each real image: the interval and the control treat it as one. */
  groups?: RealGroups;
  /** Coverage of the intervals, default 0.95. */
  level?: number;
  /** How often chance may pass a `limit`, default 0.005. */
  falseAlarm?: number;
  /** Default 0.01 and 0.05. */
  falsePositiveRates?: readonly number[];
  /** Decides the control's parts, default 0. */
  seed?: number;
  /** Random partitions of the control, default 500. */
  repeats?: number;
}

export interface TruePositiveRate {
  falsePositiveRate: number;
  /** Share of training images that score above all but this rate of the held-out ones; null if the rate is below one image. */
  value: number | null;
  /** Without a leak; null as the value is. */
  expected: number | null;
  /** Rate that chance exceeds with a probability of `falseAlarm`. */
  limit: number | null;
  /** How often chance alone gives as much. One-sided, exact for independent images (groups: ./grouped-chance.ts). */
  p: number | null;
}

export interface Membership {
  /** 0.5: no leak; 1: each training image is known from each held-out one. */
  auc: number;
  /** DeLong's, on the logit scale, by group if groups are given. */
  interval: Interval;
  truePositiveRates: TruePositiveRate[];
  control: {
    /** About 0.5. */
    mean: number;
    /** The middle `level` of the AUCs. */
    interval: Interval;
    /** Training images in the parts: those taken for members, and the rest. */
    members: number;
    others: number;
  };
}

/**
 * @param sets features [N ≥ 2, D] of one backbone
 * @throws DataError as `requireSets`, `requireGroups` and, with fewer than two groups in a set, `aucCovariance`
 */
export function membership(sets: PrivacySets, options: MembershipOptions = {}): Membership {
  requireSets('membership', sets);
  const { metric, groups, level = 0.95, falseAlarm = 0.005, seed = 0, repeats = 500 } = options;
  if (groups) requireGroups('membership', sets, groups);
  const score = (images: PrivacySets['train']): Float64Array =>
    nearest(images, sets.synthetic, metric).distances.map((distance) => -distance);
  const [members, others] = [score(sets.train), score(sets.heldOut)];
  const labels = new Uint8Array(members.length + others.length).fill(1, 0, members.length);
  const scores = new Float64Array(labels.length);
  scores.set(members);
  scores.set(others, members.length);
  const names = groups && [...groups.train, ...groups.heldOut];
  const { aucs, covariance } = aucCovariance(labels, [scores], { groups: names });
  const { positives, negatives } = effectiveGroups(labels, names);
  const smallerClass = Math.min(positives, negatives);
  return {
    auc: aucs[0]!,
    interval: aucInterval(aucs[0]!, covariance[0]![0]!, { level, smallerClass }),
    truePositiveRates: (options.falsePositiveRates ?? [0.01, 0.05]).map((rate) =>
      truePositiveRate(members, others, {
        rate,
        falseAlarm,
        groups: isGrouped(names) ? groups : undefined,
        random: new Random(seed).fork(`rate ${rate}`),
      }),
    ),
    control: memberControl(members, others.length, {
      level,
      repeats,
      random: new Random(seed).fork('control'),
      groups: groups?.train,
    }),
  };
}

/** At most this rate of the others is called a member: no point between two steps of the curve is claimed. */
function truePositiveRate(
  members: Float64Array,
  others: Float64Array,
  options: { rate: number; falseAlarm: number; groups?: RealGroups; random: Random },
): TruePositiveRate {
  const { rate, falseAlarm, groups, random } = options;
  const allowed = Math.floor(rate * others.length + 1e-9);
  if (allowed < 1) return { falsePositiveRate: rate, value: null, expected: null, limit: null, p: null };
  const count = countNamed(members, others, rate);
  const design: ExceedanceDesign = {
    draws: members.length,
    reference: others.length,
    rank: allowed + 1,
  };
  const found = {
    falsePositiveRate: rate,
    value: count / members.length,
    expected: expectedShare(design),
  };
  if (!groups) {
    return {
      ...found,
      limit: exceedanceLimit(falseAlarm, design) / members.length,
      p: exceedanceTail(count, design),
    };
  }
  const all = new Float64Array(members.length + others.length);
  all.set(members);
  all.set(others, members.length);
  // Of more or fewer members than there are, the rate counts.
  const permuted = permutedCounts(
    groups,
    (heldOut) => {
      const seen = all.filter((_, i) => heldOut[i] === 0);
      const unseen = all.filter((_, i) => heldOut[i] === 1);
      return (countNamed(seen, unseen, rate) / seen.length) * members.length;
    },
    { random },
  );
  const { limit, p } = groupedChance(count, design, {
    effective: { reference: effectiveImages(groups.heldOut), draws: effectiveImages(groups.train) },
    permuted,
    falseAlarm,
  });
  return { ...found, limit: Math.min(1, limit / members.length), p };
}

/** Members that score above all but this rate of the others. */
function countNamed(members: Float64Array, others: Float64Array, rate: number): number {
  const allowed = Math.floor(rate * others.length + 1e-9);
  const threshold = others
    .slice()
    .sort()
    .at(-1 - allowed)!;
  let count = 0;
  for (const score of members) if (score > threshold) count++;
  return count;
}

/** AUCs between a random part of the members, as large as the held-out set but at most half, and the rest. */
function memberControl(
  scores: Float64Array,
  heldOut: number,
  options: { level: number; repeats: number; random: Random; groups?: readonly string[] },
): Membership['control'] {
  const { level, repeats, random, groups } = options;
  const others = Math.min(heldOut, Math.floor(scores.length / 2));
  const draw = partDrawer(scores.length, others, groups);
  const aucs = Float64Array.from({ length: repeats }, () =>
    auc(
      draw(random).map((other) => 1 - other),
      scores,
    ),
  );
  return {
    mean: aucs.reduce((sum, value) => sum + value, 0) / repeats,
    interval: percentileInterval(aucs, level),
    members: scores.length - others,
    others,
  };
}
