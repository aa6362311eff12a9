/** Snedecor's F distribution for real degrees of freedom. */
import { incompleteBeta } from './special.js';

/** From here on the denominator is as good as known: F is a χ² over its degrees of freedom, to five digits. */
const KNOWN = 1e6;

/** P(F ≥ ratio). */
export function fTail(ratio: number, numerator: number, denominator: number): number {
  if (!(numerator > 0) || !(denominator > 0) || Number.isNaN(ratio)) return Number.NaN;
  if (ratio <= 0) return 1;
  const d2 = Math.min(denominator, KNOWN);
  return incompleteBeta(d2 / (d2 + numerator * ratio), d2 / 2, numerator / 2);
}
