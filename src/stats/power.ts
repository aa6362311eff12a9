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

/** Noncentralities that were looked for already: a search asks for the same ones again and again, and each costs milliseconds. */
const found = new Map<string, number>();

/** δ at which the t test reaches the power. */
function noncentralityFor(dof: number, alpha: number, power: number): number {
  const key = `${dof} ${alpha} ${power}`;
  const known = found.get(key);
  if (known !== undefined) return known;
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
  if (found.size > 10_000) found.clear();
  found.set(key, high);
  return high;
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
  return standardError <= 0 ? 0 : noncentralityFor(dof, alpha, power) * standardError;
}

/** The two sources of chance in a trial, see ./seeds.ts. */
export interface Design {
  /** In each fold. */
  seeds: number;
  /** Each with test images of its own; default 1. */
  folds?: number;
  /** s²: variance of the paired differences between seeds; null with one seed, where it cannot be known. */
  seedVariance: number | null;
  /** C: what sharing one test set adds, whatever the number of seeds; over folds Σ C_f / k². */
  testVariance: number;
}

/** What chance between seeds alone keeps from being found. */
function detectableOverSeeds(
  { seeds, folds = 1, seedVariance }: Omit<Design, 'testVariance'>,
  options: PowerOptions,
): number {
  if (seedVariance === null) return 0;
  return minimumDetectableEffect(Math.sqrt(seedVariance / (folds * seeds)), folds * (seeds - 1), options);
}

/**
 * The smallest true mean difference that ./seeds.ts's interval excludes zero for, with the wanted power. The two
 * sources' detectable effects are added in quadrature as the interval's half widths are; by simulation the power
 * then lies between .80 and .82 for 2 to 10 seeds and any mixture of the two. With one seed it covers the choice
 * of test images only, so it is too small.
 */
export function detectableDifference(design: Design, options: PowerOptions = {}): number {
  return Math.hypot(detectableOverSeeds(design, options), detectableFloor(design.testVariance, options));
}

/** What endless seeds would still leave undetected: the test set's share of the variance stays. */
export function detectableFloor(testVariance: number, options: PowerOptions = {}): number {
  return minimumDetectableEffect(Math.sqrt(testVariance), Number.POSITIVE_INFINITY, options);
}

/**
 * Number of seeds (in each fold) with which a difference of `effect` is found with the wanted power.
 * @param variances s² and C of ./seeds.ts.
 * @returns null where not even `limit` seeds (1,000 unless told) suffice: only a larger test set helps then.
 */
export function seedsNeeded(
  effect: number,
  variances: { seedVariance: number; testVariance?: number; folds?: number },
  options: PowerOptions & { limit?: number } = {},
): number | null {
  const { limit = 1000 } = options;
  const { seedVariance, testVariance = 0, folds = 1 } = variances;
  const enough = (seeds: number): boolean =>
    detectableDifference({ seeds, folds, seedVariance, testVariance }, options) <= Math.abs(effect);
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

/**
 * Number of test groups (patients, lesions; both classes in the present proportion) with which a difference of `effect` is
 * found with the wanted power by the present number of seeds: C falls as one over the number of groups. s² is left as it
 * is, though a part of it (what single seeds make of single images) falls too, so that the answer is rather too large.
 * @param design with the C that was found on `groups` groups
 * @returns null where seeds alone hide the effect, whatever the test set
 */
export function groupsNeeded(
  effect: number,
  design: Design & { groups: number },
  options: PowerOptions = {},
): number | null {
  const room = effect ** 2 - detectableOverSeeds(design, options) ** 2;
  if (!(room > 0)) return null;
  const shrinks = detectableFloor(design.testVariance, options) ** 2 / room;
  return Math.max(4, Math.ceil(design.groups * shrinks - 1e-9));
}

/**
 * Seeds and test groups which together find `effect`, where neither does alone: half the variance is left to each.
 * @returns null where not even `limit` seeds (1,000 unless told) suffice for their half
 */
export function seedsAndGroupsNeeded(
  effect: number,
  design: Design & { seedVariance: number; groups: number },
  options: PowerOptions & { limit?: number } = {},
): { seeds: number; groups: number } | null {
  const { seedVariance, folds } = design;
  const enough = seedsNeeded(effect / Math.SQRT2, { seedVariance, folds }, options);
  if (enough === null) return null;
  const seeds = Math.max(enough, design.seeds);
  const groups = groupsNeeded(effect, { ...design, seeds }, options);
  return groups === null ? null : { seeds, groups };
}
