/** Samplers: from the rows of a training set to the order of one epoch. */
import type { Random } from 'graft-torch/base';

/** Draws an epoch's order; may repeat rows and leave some out. */
export type Sampler = (rows: readonly number[], random: Random) => number[];

/** Every row once, in random order. */
export const shuffled: Sampler = (rows, random) => random.shuffle([...rows]);

/**
 * With replacement, as many draws as rows, a class as often as frequency^(1 − evenness): 1 gives each class its equal
 * share, 0 the share it has. For training only: a validation drawn like this would not show the natural prevalence.
 *
 * @param labelOf class of a row
 */
export function balanced(labelOf: (row: number) => number | string, evenness = 1): Sampler {
  return (rows, random) => {
    const classes = new Map<number | string, number[]>();
    for (const row of rows) {
      const label = labelOf(row);
      const members = classes.get(label);
      if (members) members.push(row);
      else classes.set(label, [row]);
    }
    const lists = [...classes.values()];
    const weights = lists.map((members) => members.length ** (1 - evenness));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const upTo: number[] = [];
    for (const weight of weights) upTo.push((upTo.at(-1) ?? 0) + weight / total);
    return rows.map(() => {
      const at = random.next();
      const members = lists[upTo.findIndex((bound) => at < bound)] ?? lists.at(-1)!;
      return members[random.int(members.length)]!;
    });
  };
}
