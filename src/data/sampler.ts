/** Samplers: from the rows of a training set to the order of one epoch. */
import type { Random } from '../random.js';

/** Draws an epoch's order; may repeat rows and leave some out. */
export type Sampler = (rows: readonly number[], random: Random) => number[];

/** Every row once, in random order. */
export const shuffled: Sampler = (rows, random) => random.shuffle([...rows]);

/**
 * With replacement, each class equally often: weight 1 / class frequency, as many draws as rows. For training
 * only: a validation drawn like this would not show the natural prevalence.
 *
 * @param labelOf class of a row
 */
export function balanced(labelOf: (row: number) => number | string): Sampler {
  return (rows, random) => {
    const classes = new Map<number | string, number[]>();
    for (const row of rows) {
      const label = labelOf(row);
      const members = classes.get(label);
      if (members) members.push(row);
      else classes.set(label, [row]);
    }
    const lists = [...classes.values()];
    return rows.map(() => {
      const members = lists[random.int(lists.length)]!;
      return members[random.int(members.length)]!;
    });
  };
}
