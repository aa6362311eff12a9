/**
 * What a trial can see at all. Power of a two-sided t test is exact (noncentral t) once the observed variances
 * are taken for the true ones; with few seeds they are themselves rough, and so is the answer.
 */
import { noncentralTCdf } from './noncentral-t.js';
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
  while (high - low > 1e-7 * high) {
    const middle = 0.5 * (low + high);
    if (powerOfT(middle, dof, alpha) < power) low = middle;
    else high = middle;
  }
  return high * standardError;
}

/** The two sources of chance in a trial, see ./seeds.ts. */
export interface Design {
  seeds: number;
  /** s²: variance of the paired differences between seeds; null with one seed, where it cannot be known. */
  seedVariance: number | null;
  /** C: what sharing one test set adds, whatever the number of seeds. */
  testVariance: number;
}

/**
 * The smallest true mean difference that ./seeds.ts's interval excludes zero for, with the wanted power. The two
 * sources' detectable effects are added in quadrature as the interval's half widths are; by simulation the power
 * then lies between .80 and .82 for 2 to 10 seeds and any mixture of the two. With one seed it covers the choice
 * of test images only, so it is too small.
 */
export function detectableDifference(design: Design, options: PowerOptions = {}): number {
  const { seeds, seedVariance, testVariance } = design;
  const fromImages = detectableFloor(testVariance, options);
  if (seedVariance === null) return fromImages;
  const fromSeeds = minimumDetectableEffect(Math.sqrt(seedVariance / seeds), seeds - 1, options);
  return Math.hypot(fromSeeds, fromImages);
}

/** What endless seeds would still leave undetected: the test set's share of the variance stays. */
export function detectableFloor(testVariance: number, options: PowerOptions = {}): number {
  return minimumDetectableEffect(Math.sqrt(testVariance), Number.POSITIVE_INFINITY, options);
}

/**
 * Number of seeds with which a difference of `effect` is found with the wanted power.
 * @param variances s² and C of ./seeds.ts.
 * @returns null where not even `limit` seeds (1,000 unless told) suffice: only a larger test set helps then.
 */
export function seedsNeeded(
  effect: number,
  variances: { seedVariance: number; testVariance?: number },
  options: PowerOptions & { limit?: number } = {},
): number | null {
  const { limit = 1000 } = options;
  const { seedVariance, testVariance = 0 } = variances;
  const enough = (seeds: number): boolean =>
    detectableDifference({ seeds, seedVariance, testVariance }, options) <= Math.abs(effect);
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
