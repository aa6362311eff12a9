/**
 * Images of one group (patient, lesion) are not independent: how many independent groups a class is worth, what groups make
 * of a variance, and labels dealt anew among groups.
 */
import { DataError, type Random } from 'graft-torch/base';
import type { Numbers } from './roc.js';

/** Group names to 0, 1, 2, …; without groups each image is its own. */
export function groupIndex(
  count: number,
  groups: readonly string[] | undefined,
): { index: Uint32Array; size: number } {
  const index = new Uint32Array(count);
  if (!groups) {
    for (let i = 0; i < count; i++) index[i] = i;
    return { index, size: count };
  }
  if (groups.length !== count) throw new DataError(`Got ${groups.length} groups for ${count} images.`);
  const seen = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const name = groups[i]!;
    if (!seen.has(name)) seen.set(name, seen.size);
    index[i] = seen.get(name)!;
  }
  return { index, size: seen.size };
}

/**
 * How many independent groups each class is worth. Where all images of a patient agree, sixty images of six patients tell
 * as much as six images, and where one patient gave most of them, they tell less still. Kish's effective size: n_eff = (Σ n_g)² / Σ n_g², n_g the images of the class in group g. It is the
 * number of groups where all have as many images, and never more than that; the design effect is taken at its largest
 * (images of one group alike), so that what rests on it errs to the side of too few. 0 for a class without images.
 * Source: Kish, Survey Sampling, 1965, section 11.2.
 * @param labels 1 for positives, anything else for negatives
 * @param groups one name an image; without it each image is its own group.
 */
export function effectiveGroups(
  labels: Numbers,
  groups?: readonly string[],
): { positives: number; negatives: number } {
  if (groups && groups.length !== labels.length) {
    throw new DataError(`Got ${groups.length} groups for ${labels.length} labels.`);
  }
  const positives = new Map<string | number, number>();
  const negatives = new Map<string | number, number>();
  for (let i = 0; i < labels.length; i++) {
    const counts = labels[i] === 1 ? positives : negatives;
    const name = groups ? groups[i]! : i;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return { positives: effectiveSize(positives.values()), negatives: effectiveSize(negatives.values()) };
}

/** (Σ w)² / Σ w², 0 where there is no weight. */
export function effectiveSize(weights: Iterable<number>): number {
  let sum = 0;
  let squares = 0;
  for (const weight of weights) {
    sum += weight;
    squares += weight * weight;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}

export interface ClusterCovariance {
  /** `[measures][measures]`; NaN with one group. */
  covariance: number[][];
  /** Of each measure what each group adds. */
  byGroup: Float64Array[];
}

/**
 * Covariance over the choice of images between measures that are sums of what each image adds to their deviation
 * (influences): summed a group first, as images of one patient are not independent, with the factor I/(I − 1) of I groups.
 * For a mean it is the cluster-robust variance of Liang & Zeger, Biometrika 1986; for estimating equations their sandwich.
 * @param influences one array a measure, one value an image; the values of a measure sum to about 0
 */
export function clusterCovariance(
  influences: readonly Numbers[],
  images: number,
  groups?: readonly string[],
): ClusterCovariance {
  const { index, size } = groupIndex(images, groups);
  const byGroup = influences.map((own) => {
    const sums = new Float64Array(size);
    for (let i = 0; i < images; i++) sums[index[i]!]! += own[i]!;
    return sums;
  });
  const factor = size > 1 ? size / (size - 1) : Number.NaN;
  const covariance = byGroup.map((a) =>
    byGroup.map((b) => factor * a.reduce((sum, value, g) => sum + value * b[g]!, 0)),
  );
  return { covariance, byGroup };
}

/** Groups that a block holds at least, where there are as many. */
const blockGroups = 20;

/** Draws labels under the null; the array is reused by the next draw. */
export type DrawLabels = (random: Random) => Uint8Array;

/**
 * Labels dealt anew among groups, as if nothing that is known of a group had to do with its labels: the null of a
 * permutation test for clustered data. Whole groups change places, because images of one patient are not independent.
 *
 * Among groups of one size this is exact: their labels are exchangeable under the null. Sizes of which there are few
 * groups would leave nothing to exchange, so neighbouring sizes share a block; a group then takes over its donor's
 * labels in random order, from the start again where the donor is smaller.
 * @param groups one name an image; without it each image is its own group.
 */
export function groupPermutation(labels: Numbers, groups?: readonly string[]): DrawLabels {
  const members = new Map<string | number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const key = groups ? groups[i]! : i;
    const list = members.get(key);
    if (list) list.push(i);
    else members.set(key, [i]);
  }
  const blocks = blocksOf([...members.values()]).map((own) => ({
    own,
    values: own.map((list) => Uint8Array.from(list, (i) => labels[i]!)),
    donors: Uint32Array.from(own, (_, i) => i),
  }));
  const drawn = new Uint8Array(labels.length);
  return (random) => {
    for (const { own, values, donors } of blocks) {
      random.shuffle(donors);
      own.forEach((list, at) => {
        const donor = values[donors[at]!]!;
        if (donor.length > 1) random.shuffle(donor);
        for (let j = 0; j < list.length; j++) drawn[list[j]!] = donor[j % donor.length]!;
      });
    }
    return drawn;
  };
}

/** Groups of like size together, from the smallest: a block is closed when it is large enough and the size changes. */
function blocksOf(groups: number[][]): number[][][] {
  const blocks: number[][][] = [];
  let block: number[][] = [];
  for (const group of groups.sort((a, b) => a.length - b.length)) {
    if (block.length >= blockGroups && block.at(-1)!.length !== group.length) {
      blocks.push(block);
      block = [];
    }
    block.push(group);
  }
  const last = blocks.at(-1);
  if (last && block.length < blockGroups) last.push(...block);
  else blocks.push(block);
  return blocks;
}
