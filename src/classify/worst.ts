/** The most confident errors: what one looks at first to learn what a classifier does not know, or which labels are wrong. */
import { likeliest } from '../stats/index.js';
import type { ClassScoreRow, ScoreRow } from './scores.js';

/** Images of a class that are called the other, those furthest on the wrong side of the threshold first. */
export function wrongest(rows: readonly ScoreRow[], label: 0 | 1, threshold: number): ScoreRow[] {
  const sign = label === 1 ? 1 : -1;
  return rows
    .filter((row) => row.label === label && row.score >= threshold !== (label === 1))
    .sort((a, b) => sign * (a.score - b.score));
}

/** A call that is wrong. */
export interface ClassError {
  row: ClassScoreRow;
  /** What it was called, and how probable that seemed. */
  called: string;
  probability: number;
}

/** Images that are called another class than theirs, the surest first. */
export function wrongestCalls(rows: readonly ClassScoreRow[], classes: readonly string[]): ClassError[] {
  return rows
    .flatMap((row): ClassError[] => {
      const k = likeliest(row.probabilities);
      const called = classes[k]!;
      return called === row.label ? [] : [{ row, called, probability: row.probabilities[k]! }];
    })
    .sort((a, b) => b.probability - a.probability);
}
