/**
 * How many of `draws` new values fall below the `rank`-th smallest of `reference` values of the same distribution, by
 * chance alone. It holds for any continuous distribution, and carries the uncertainty of the reference with it, which
 * for a few dozen held-out images is the larger part. Gumbel & von Schelling, "The distribution of the number of
 * exceedances", Annals of Mathematical Statistics 1950.
 *
 *   P(S = s) = C(s + r − 1, s) C(n − r + m − s, m − s) / C(n + m, m),  E[S] = m r / (n + 1)
 */
import { logGamma } from '../../stats/index.js';

export interface ExceedanceDesign {
  /** New values, m. */
  draws: number;
  /** Reference values, n. */
  reference: number;
  /** Which of them is the threshold, r: 1 is the smallest. 1…n. */
  rank: number;
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

function probability(s: number, { draws, reference, rank }: ExceedanceDesign): number {
  return Math.exp(
    logChoose(s + rank - 1, s) +
      logChoose(reference - rank + draws - s, draws - s) -
      logChoose(reference + draws, draws),
  );
}

/** The share of new values that chance puts below the threshold on average, r / (n + 1). */
export const expectedShare = ({ reference, rank }: ExceedanceDesign): number => rank / (reference + 1);

/** P(S ≥ count): how often chance alone gives so many. */
export function exceedanceTail(count: number, design: ExceedanceDesign): number {
  let below = 0;
  for (let s = 0; s < count; s++) below += probability(s, design);
  return Math.max(0, 1 - below);
}

/** The smallest count that chance exceeds with a probability of `falseAlarm` at most. */
export function exceedanceLimit(falseAlarm: number, design: ExceedanceDesign): number {
  let below = 0;
  for (let s = 0; s < design.draws; s++) {
    below += probability(s, design);
    if (1 - below <= falseAlarm) return s;
  }
  return design.draws;
}
