/** The most confident errors: what one looks at first to learn what a classifier does not know, or which labels are wrong. */
import type { ScoreRow } from './scores.js';

/** Images of a class that are called the other, those furthest on the wrong side of the threshold first. */
export function wrongest(rows: readonly ScoreRow[], label: 0 | 1, threshold: number): ScoreRow[] {
  const sign = label === 1 ? 1 : -1;
  return rows
    .filter((row) => row.label === label && row.score >= threshold !== (label === 1))
    .sort((a, b) => sign * (a.score - b.score));
}
