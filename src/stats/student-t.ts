/**
 * Student's t distribution for real degrees of freedom (Satterthwaite's and Hillis's are rarely whole).
 * `Infinity` degrees of freedom mean the normal distribution.
 */
import { normalCdf, normalQuantile } from './normal.js';
import { incompleteBeta } from './special.js';

/** Beyond this many degrees of freedom t and normal agree to 1e-9 and the series would only grow longer. */
export const NORMAL_FROM = 1e8;

/** P(T ≤ t) with `degreesOfFreedom` > 0. */
export function tCdf(t: number, degreesOfFreedom: number): number {
  if (!(degreesOfFreedom > 0) || Number.isNaN(t)) return Number.NaN;
  if (degreesOfFreedom >= NORMAL_FROM) return normalCdf(t);
  if (t === Number.POSITIVE_INFINITY) return 1;
  if (t === Number.NEGATIVE_INFINITY) return 0;
  const square = t * t;
  // Both forms are the same number; the second keeps its digits when t² is far below the degrees of freedom.
  const tail =
    square > degreesOfFreedom
      ? 0.5 * incompleteBeta(degreesOfFreedom / (degreesOfFreedom + square), degreesOfFreedom / 2, 0.5)
      : 0.5 - 0.5 * incompleteBeta(square / (degreesOfFreedom + square), 0.5, degreesOfFreedom / 2);
  return t > 0 ? 1 - tail : tail;
}

/** Two-sided p-value P(|T| ≥ |t|). */
export function tTwoSided(t: number, degreesOfFreedom: number): number {
  return Math.min(1, 2 * tCdf(-Math.abs(t), degreesOfFreedom));
}

/** t with P(T ≤ t) = p, for p in [0, 1]; bisection to full double precision. */
export function tQuantile(p: number, degreesOfFreedom: number): number {
  if (!(p >= 0 && p <= 1) || !(degreesOfFreedom > 0)) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  if (p === 0.5) return 0;
  if (degreesOfFreedom >= NORMAL_FROM) return normalQuantile(p);
  if (p > 0.5) return -tQuantile(1 - p, degreesOfFreedom);
  let low = -1;
  while (tCdf(low, degreesOfFreedom) > p && low > -1e300) low *= 2;
  let high = 0;
  for (let i = 0; i < 200; i++) {
    const middle = 0.5 * (low + high);
    if (middle === low || middle === high) break;
    if (tCdf(middle, degreesOfFreedom) > p) high = middle;
    else low = middle;
  }
  return 0.5 * (low + high);
}
