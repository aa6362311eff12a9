/**
 * Student's t distribution for real degrees of freedom (Satterthwaite's and Hillis's are rarely whole).
 * `Infinity` degrees of freedom mean the normal distribution.
 */
import { normalCdf, normalQuantile } from './normal.js';
import { incompleteBeta, logGamma } from './special.js';

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

/**
 * t with P(T ≤ t) = p, for p in [0, 1]. One and two degrees of freedom have closed forms; else Newton's method on ln P within
 * a bracket, which needs a handful of steps even far out in the tail.
 */
export function tQuantile(p: number, degreesOfFreedom: number): number {
  if (!(p >= 0 && p <= 1) || !(degreesOfFreedom > 0)) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  if (p === 0.5) return 0;
  if (degreesOfFreedom >= NORMAL_FROM) return normalQuantile(p);
  if (p > 0.5) return -tQuantile(1 - p, degreesOfFreedom);
  if (degreesOfFreedom === 1) return -1 / Math.tan(Math.PI * p);
  if (degreesOfFreedom === 2) return (2 * p - 1) / Math.sqrt(2 * p * (1 - p));
  let low = -1;
  while (tCdf(low, degreesOfFreedom) > p && low > -1e300) low *= 2;
  let high = low === -1 ? 0 : low / 2;
  const constant =
    Math.exp(logGamma((degreesOfFreedom + 1) / 2) - logGamma(degreesOfFreedom / 2)) /
    Math.sqrt(degreesOfFreedom * Math.PI);
  let t = 0.5 * (low + high);
  for (let i = 0; i < 200; i++) {
    const value = tCdf(t, degreesOfFreedom);
    if (value > p) high = t;
    else low = t;
    const density = constant * (1 + (t * t) / degreesOfFreedom) ** (-(degreesOfFreedom + 1) / 2);
    let next = t - (value * Math.log(value / p)) / density;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (Math.abs(next - t) <= 1e-15 * Math.abs(t) || next === low || next === high) return next;
    t = next;
  }
  return t;
}
