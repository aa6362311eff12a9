/** Which images of a split are explained. */
import type { Random } from 'graft-torch/base';
import type { ClassScoreRow, ScoreRow } from '../scores.js';
import { wrongest, wrongestCalls } from '../worst.js';

/**
 * `lot`: drawn by lot, half of each class as far as there are, so that a figure over them is one over the split; `errors`:
 * the most confident errors, half of each kind, which are no sample of anything.
 */
export type Choice = 'lot' | 'errors';

/** @returns up to `count` rows, positives and negatives in turn */
export function chooseRows(
  rows: readonly ScoreRow[],
  count: number,
  { choice, threshold, random }: { choice: Choice; threshold: number; random: Random },
): ScoreRow[] {
  const [positives, negatives] = ([1, 0] as const).map((label) =>
    choice === 'errors'
      ? wrongest(rows, label, threshold)
      : random.shuffle(rows.filter((row) => row.label === label)),
  ) as [ScoreRow[], ScoreRow[]];
  return inTurn([positives, negatives], count);
}

/**
 * The same of several classes: images of all classes in turn, or, where one class is explained in every image, those of it
 * and all others in turn. `errors`: what is called something else, the surest calls first; where one class is explained,
 * its images that are called another, and others that are called it.
 */
export function chooseClassRows(
  rows: readonly ClassScoreRow[],
  count: number,
  {
    choice,
    classes,
    about,
    random,
  }: { choice: Choice; classes: readonly string[]; about?: string; random: Random },
): ClassScoreRow[] {
  const is = (name: string) => (row: ClassScoreRow) => row.label === name;
  if (choice === 'errors') {
    const errors = wrongestCalls(rows, classes);
    const pools =
      about === undefined
        ? classes.map((name) => errors.filter(({ row }) => row.label === name))
        : [errors.filter(({ row }) => row.label === about), errors.filter(({ called }) => called === about)];
    return inTurn(pools, count).map(({ row }) => row);
  }
  const pools =
    about === undefined
      ? classes.map((name) => rows.filter(is(name)))
      : [rows.filter(is(about)), rows.filter((row) => !is(about)(row))];
  return inTurn(
    pools.map((pool) => random.shuffle(pool)),
    count,
  );
}

/** One of each list in turn, until there are enough. */
function inTurn<T>(lists: readonly (readonly T[])[], count: number): T[] {
  const chosen: T[] = [];
  for (let i = 0; chosen.length < count && lists.some((own) => i < own.length); i++) {
    for (const own of lists) if (i < own.length && chosen.length < count) chosen.push(own[i]!);
  }
  return chosen;
}
