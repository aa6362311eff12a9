/**
 * What a trial can see at all. Power of a two-sided t test is exact (noncentral t) once the observed variances
 * are taken for the true ones; with few seeds they are themselves rough, and so is the answer.
 */
import { noncentralTCdf } from './noncentral-t.js';
import { degreesOfFreedom } from './seeds.js';
import { tQuantile } from './student-t.js';

export interface PowerOptions {
  /** Two-sided level, .05 unless told. */
  alpha?: number;
  /** .8 unless told. */
  power?: number;
}

/** Chance that a two-sided t test finds a true effect `delta` standard errors large (`delta` ≥ 0). */
export function powerOfT(delta: number, dof: number, alpha = 0.05): number {
  const critical = tQuantile(1 - alpha / 2, dof);
  return 1 - noncentralTCdf(critical, dof, delta) + noncentralTCdf(-critical, dof, delta);
}

/**
 * The smallest true effect that is found with the wanted power: δ·SE with δ the noncentrality at which the power
 * is reached. For a paired design over n seeds alone, SE = (SD of the differences)/√n and `dof` = n − 1.
 * @returns Infinity where nothing can be found (no degrees of freedom).
 */
export function minimumDetectableEffect(
  standardError: number,
  dof: number,
  options: PowerOptions = {},
): number {
  const { alpha = 0.05, power = 0.8 } = options;
  if (!(dof > 0)) return Number.POSITIVE_INFINITY;
  if (standardError <= 0) return 0;
  let low = 0;
  let high = 4;
  while (powerOfT(high, dof, alpha) < power) {
    low = high;
    high *= 2;
  }
  while (high - low > 1e-9 * high) {
    const middle = 0.5 * (low + high);
    if (powerOfT(middle, dof, alpha) < power) low = middle;
    else high = middle;
  }
  return high * standardError;
}

/** What endless seeds would still leave undetected: the test set's share of the variance stays. */
export function detectableFloor(testVariance: number, options: PowerOptions = {}): number {
  return minimumDetectableEffect(Math.sqrt(testVariance), Number.POSITIVE_INFINITY, options);
}

export interface SeedsNeededOptions extends PowerOptions {
  /** C of ./seeds.ts, 0 unless told: seeds are then the only source of chance. */
  testVariance?: number;
  /** Give up beyond this many, 10,000 unless told. */
  limit?: number;
}

/**
 * Number of seeds with which an effect of this size is found with the wanted power.
 * @param seedVariance s² of ./seeds.ts: variance of the paired differences between seeds.
 * @returns null where no number of seeds within the limit suffices: only a larger test set helps.
 */
export function seedsNeeded(
  effect: number,
  seedVariance: number,
  options: SeedsNeededOptions = {},
): number | null {
  const { testVariance = 0, limit = 10_000 } = options;
  const enough = (seeds: number): boolean => {
    const standardError = Math.sqrt(seedVariance / seeds + testVariance);
    const dof = degreesOfFreedom(seedVariance, testVariance, seeds);
    return minimumDetectableEffect(standardError, dof, options) <= Math.abs(effect);
  };
  if (!enough(limit)) return null;
  // More seeds are never worse, so bisect.
  let low = 1;
  let high = limit;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
