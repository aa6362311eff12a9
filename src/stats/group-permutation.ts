/**
 * Labels dealt anew among groups, as if nothing that is known of a group had to do with its labels: the null of a
 * permutation test for clustered data. Whole groups change places, because images of one patient are not independent.
 *
 * Among groups of one size this is exact: their labels are exchangeable under the null. Sizes of which there are few
 * groups would leave nothing to exchange, so neighbouring sizes share a block; a group then takes over its donor's
 * labels in random order, from the start again where the donor is smaller.
 */
import type { Random } from 'graft-torch/base';
import type { Numbers } from './roc.js';

/** Groups that a block holds at least, where there are as many. */
const blockGroups = 20;

/** Draws labels under the null; the array is reused by the next draw. */
export type DrawLabels = (random: Random) => Uint8Array;

/** @param groups one name an image; without it each image is its own group. */
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
