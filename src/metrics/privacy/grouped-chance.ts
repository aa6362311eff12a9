/**
 * What chance does where images come in groups (patients, lesions). Ten images of a patient lie together: a few patients
 * decide how near held-out images come, and counts of exceedances of independent images (./exceedances.ts) raise false
 * alarms. Two limits that hold for groups, each at half of the false alarm (Bonferroni); what passes either has more than
 * chance gives:
 *
 * - of exceedances, as if images of a group were one: it finds many copies, also of few patients;
 * - of permutations, where other groups are called held-out: a generator that copies nothing knows no difference between
 *   real images that it saw and others, so that these are exact. It finds few copies, if of many patients.
 */
import { tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { effectiveSize } from '../../stats/index.js';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { nearestNeighbours } from '../distribution/neighbours.js';
import { type ExceedanceDesign, exceedanceLimit, exceedanceTail } from './exceedances.js';
import { partDrawer } from './partition.js';
import { type PrivacySets, type RealGroups, realImages } from './sets.js';

/** Random partitions unless told; a false alarm of 0.005 in halves needs 400 at least. */
const PERMUTATIONS = 1000;

/** Whether some group has more than one image: only then they matter. */
export const isGrouped = (names: readonly string[] | undefined): names is readonly string[] =>
  names !== undefined && new Set(names).size < names.length;

/** Images that would say as much were they independent, if images of a group are alike. */
export function effectiveImages(names: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return effectiveSize(counts.values());
}

/** The limit on a count, and how often chance gives as many. */
export interface GroupedChance {
  /** A count beyond it is more than chance gives. */
  limit: number;
  /** Twice the smaller of both p-values, at most 1. */
  p: number;
}

/**
 * @param design of the images, as if they were independent
 * @param effective what the reference, and the draws where they are in groups too, are worth
 * @param permuted counts after other groups were called held-out; where there are none, exceedances have the whole false
 *   alarm
 */
export function groupedChance(
  count: number,
  design: ExceedanceDesign,
  options: {
    effective: { reference: number; draws?: number };
    permuted: ArrayLike<number>;
    falseAlarm: number;
  },
): GroupedChance {
  const { effective, permuted, falseAlarm } = options;
  const reference = Math.max(1, Math.floor(effective.reference + 1e-9));
  const draws = Math.max(1, Math.floor((effective.draws ?? design.draws) + 1e-9));
  const rank = Math.min(reference, Math.max(1, Math.ceil((design.rank * reference) / design.reference)));
  const few: ExceedanceDesign = { draws, reference, rank };
  const scale = design.draws / draws;
  const parts = permuted.length === 0 ? 1 : 2;
  const ofGroups = scale * exceedanceLimit(falseAlarm / parts, few);
  const pOfGroups = exceedanceTail(Math.ceil(count / scale), few);
  if (permuted.length === 0) return { limit: ofGroups, p: pOfGroups };

  const sorted = Float64Array.from(permuted).sort().reverse();
  // The sets as they are count as one of the permutations.
  const allowed = Math.floor((falseAlarm / parts) * (sorted.length + 1) + 1e-9) - 1;
  const ofPermutations = allowed < 0 ? Number.POSITIVE_INFINITY : sorted[allowed]!;
  const pOfPermutations = (1 + sorted.filter((one) => one >= count).length) / (sorted.length + 1);
  return {
    limit: Math.min(ofGroups, ofPermutations),
    p: Math.min(1, parts * Math.min(pOfGroups, pOfPermutations)),
  };
}

/**
 * A count after other groups were called held-out, many times.
 * @param count of a split: 1 where a real image, training images first, counts as held out
 */
export function permutedCounts(
  groups: RealGroups,
  count: (heldOut: Uint8Array) => number,
  options: { random: Random; permutations?: number },
): Float64Array {
  const { random, permutations = PERMUTATIONS } = options;
  const all = [...groups.train, ...groups.heldOut];
  const draw = partDrawer(all.length, groups.heldOut.length, all);
  return Float64Array.from({ length: permutations }, () => count(draw(random)));
}

/** In how many ways as many of all real groups can be held out. */
export function waysToHoldOut({ train, heldOut }: RealGroups): { held: number; all: number; ways: number } {
  const held = new Set(heldOut).size;
  const all = held + new Set(train).size;
  let ways = 1;
  for (let i = 1; i <= Math.min(held, all - held); i++) ways *= (all - i + 1) / i;
  return { held, all, ways: Math.round(ways) };
}

/**
 * Nearest real images of each query, from which its distance to the training images under any split is read.
 * @param k how many of each
 */
export class SplitDistances {
  readonly count: number;

  constructor(
    readonly neighbours: { indices: Int32Array; distances: Float64Array },
    readonly k: number,
  ) {
    this.count = neighbours.indices.length / k;
  }

  /**
   * Infinite where none of the k is a training image: it has none near.
   * @param names of each real image's group, where the queries are these: its own group does not count
   */
  toTrain(query: number, heldOut: Uint8Array, names?: readonly string[]): number {
    const { indices, distances } = this.neighbours;
    for (let at = query * this.k; at < (query + 1) * this.k; at++) {
      const image = indices[at]!;
      if (heldOut[image] === 0 && (!names || names[image] !== names[query])) return distances[at]!;
    }
    return Number.POSITIVE_INFINITY;
  }
}

/** Of the synthetic images, and of the real ones, each among all real images. */
export function splitDistances(
  sets: PrivacySets,
  groups: RealGroups,
  metric?: DistanceMetric,
): { synthetic: SplitDistances; real: SplitDistances } {
  const k = neighboursToKeep(groups);
  return tidy(() => {
    const all = realImages(sets);
    return {
      synthetic: new SplitDistances(nearestNeighbours(sets.synthetic, all, { k, metric }), k),
      real: new SplitDistances(nearestNeighbours(all, all, { k, metric, excludeSelf: true }), k),
    };
  });
}

/** Neighbours among which there is a training image but for once in a million, where groups were dealt at random. */
function neighboursToKeep({ train, heldOut }: RealGroups): number {
  const total = train.length + heldOut.length;
  const sizes = new Map<string, number>();
  for (const name of [...train, ...heldOut]) sizes.set(name, (sizes.get(name) ?? 0) + 1);
  const largest = Math.max(...sizes.values());
  const runs = Math.ceil(Math.log(1e-6) / Math.log(heldOut.length / total));
  return Math.min(total - 1, Math.max(1, runs) * largest, MOST_NEIGHBOURS);
}

/** Memory: 12 bytes an image and neighbour. */
const MOST_NEIGHBOURS = 500;
