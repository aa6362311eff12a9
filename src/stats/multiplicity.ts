/**
 * Several tests, or several looks, and one error rate.
 *
 * Looks at growing data: whoever looks several times and may stop at each has as many chances
 * to be wrong; if look j tests at w_j·α with Σ w_j = 1, the chance that any look errs is at most α (Bonferroni), whatever
 * the looks have in common. Multiplied the other way, min(1, p_j / w_j) at the look where one stopped is a valid p-value.
 *
 * The shares are the increments of the spending function that acts like O'Brien and Fleming's bounds (Lan & DeMets,
 * Biometrika 1983): α*(t) = 2(1 − Φ(z_{α/2} / √t)) at the fraction t of the data. Early looks get little, so that the last
 * look is nearly as sharp as if there had been no other. The bounds of Lan and DeMets themselves would be a little sharper
 * still, but they need looks with independent increments; seeds that share test images do not have them.
 */
import { normalCdf, normalQuantile } from './distributions.js';
import type { Numbers } from './roc.js';

/** Holm's step-down correction (Scand. J. Stat. 1979): adjusted p-values in the order given. */
export function holm(pValues: Numbers): number[] {
  const order = Array.from({ length: pValues.length }, (_, i) => i).sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let largest = 0;
  order.forEach((index, step) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - step) * pValues[index]!));
    adjusted[index] = largest;
  });
  return adjusted;
}

/**
 * @param looks amount of data at each look, ascending
 * @param alpha total error rate, two-sided
 * @returns one share a look; they add up to 1
 */
export function spendingShares(looks: readonly number[], alpha = 0.05): number[] {
  const z = normalQuantile(1 - alpha / 2);
  const spent = looks.map((look) => (2 * normalCdf(-z / Math.sqrt(look / looks.at(-1)!))) / alpha);
  return spent.map((value, i) => value - (spent[i - 1] ?? 0));
}
