/** Random parts of a set of images, groups whole: what the sets would be if the split had been another one. */
import type { Random } from 'graft-torch/base';
import { membersOf } from '../sets/groups.js';

/**
 * @param groups a name an image; without it each image is its own group
 * @returns draws a mask of `count` images, or a few more where the last group does not fit; at least one stays out. The
 *   array is reused by the next draw.
 */
export function partDrawer(
  total: number,
  count: number,
  groups?: readonly string[],
): (random: Random) => Uint8Array {
  const lists = membersOf(total, groups);
  const chosen = new Uint8Array(total);
  return (random) => {
    chosen.fill(0);
    random.shuffle(lists);
    let drawn = 0;
    for (let g = 0; g < lists.length - 1 && drawn < count; g++) {
      for (const image of lists[g]!) chosen[image] = 1;
      drawn += lists[g]!.length;
    }
    return chosen;
  };
}
