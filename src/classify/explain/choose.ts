/** Which images of a split are explained. */
import type { Random } from '../../random.js';
import type { ScoreRow } from '../scores.js';
import { wrongest } from '../worst.js';

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
  const chosen: ScoreRow[] = [];
  for (let i = 0; chosen.length < count && (i < positives.length || i < negatives.length); i++) {
    for (const own of [positives, negatives])
      if (i < own.length && chosen.length < count) chosen.push(own[i]!);
  }
  return chosen;
}
