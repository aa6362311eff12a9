/**
 * What a trial can see at all. Power of a two-sided t test is exact (noncentral t) once the observed variances are taken
 * for the true ones; with few seeds they are themselves rough, and so is the answer.
 *
 * Of a trial that has not been run, ./seeds.ts's interval has a chance to exclude zero at a true effect, and one to lie
 * within ±margin at a true effect (of zero, mostly). The mean is normal with variance (τ² + s²/r)/k + C and independent of
 * the two sample deviations, between seeds and between folds, that the half width is made of; so both chances are integrals
 * over these two.
 */
import { deviationNodes, noncentralTCdf, normalCdf, overDeviations, tQuantile } from './distributions.js';

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

/** The sources of chance in a trial, see ./seeds.ts. */
export interface Design {
  /** In each fold. */
  seeds: number;
  /** Each with test images of its own; default 1. */
  folds?: number;
  /** s²: variance of the paired differences between seeds of a fold; null with one seed, where it cannot be known. */
  seedVariance: number | null;
  /** C: what sharing one test set adds, whatever the number of seeds; over folds Σ C_f / k². */
  testVariance: number;
  /** τ²: variance between folds beyond seeds and images, of training sets and of generators that serve a fold; default 0. */
  foldVariance?: number;
  /** Effective groups that C was estimated from; default: so many that it is known. */
  testGroups?: number;
}

/** What chance between seeds alone keeps from being found. */
function detectableOverSeeds(
  { seeds, folds = 1, seedVariance }: Omit<Design, 'testVariance'>,
  options: PowerOptions,
): number {
  if (seedVariance === null) return 0;
  return minimumDetectableEffect(Math.sqrt(seedVariance / (folds * seeds)), folds * (seeds - 1), options);
}

/** What chance between images alone keeps from being found. */
const detectableOverImages = (
  { testVariance, testGroups = Number.POSITIVE_INFINITY }: Design,
  options: PowerOptions,
): number => minimumDetectableEffect(Math.sqrt(testVariance), Math.max(1, testGroups - 1), options);

/**
 * The smallest true mean difference that ./seeds.ts's interval excludes zero for, with the wanted power. Without folds the
 * two sources' detectable effects are added in quadrature as the interval's half widths are; by simulation the power
 * then lies between .80 and .82 for 2 to 10 seeds and any mixture of the two. With folds it is looked for. With one seed
 * and no folds it covers the choice of test images only, so it is too small.
 */
export function detectableDifference(design: Design, options: PowerOptions = {}): number {
  if (!hasFolds(design))
    return Math.hypot(detectableOverSeeds(design, options), detectableOverImages(design, options));
  const { alpha = 0.05, power = 0.8 } = options;
  const found = (effect: number): boolean => chanceOfEffect(effect, design, alpha) >= power;
  const { folds = 1, seeds, seedVariance, testVariance, foldVariance = 0 } = design;
  const deviation = Math.sqrt((foldVariance + (seedVariance ?? 0) / seeds) / folds + testVariance);
  if (deviation === 0) return 0;
  let [low, high] = [0, 4 * deviation];
  while (!found(high)) [low, high] = [high, 2 * high];
  while (high - low > 1e-5 * high) {
    const middle = 0.5 * (low + high);
    if (found(middle)) high = middle;
    else low = middle;
  }
  return high;
}

const hasFolds = ({ folds = 1, seedVariance }: Design): boolean => folds > 1 && seedVariance !== null;

/** Whether the interval excludes zero at this true effect with the wanted power. */
const finds = (effect: number, design: Design, options: PowerOptions): boolean =>
  hasFolds(design)
    ? chanceOfEffect(Math.abs(effect), design, options.alpha) >= (options.power ?? 0.8)
    : detectableDifference(design, options) <= Math.abs(effect);

/** As many seeds as make no difference any more. */
const ENDLESS = 1e6;

/** What endless seeds would still leave undetected: the share of the test set stays, and of folds and their generators. */
export const detectableFloor = (design: Omit<Design, 'seeds'>, options: PowerOptions = {}): number =>
  detectableDifference({ ...design, seeds: ENDLESS }, options);

/** The smallest whole number from `low` + 1 on that is enough; null where not even `high` is. More is never worse. */
function smallest(low: number, high: number, enough: (count: number) => boolean): number | null {
  if (!enough(high)) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * Number of seeds (in each fold) with which a difference of `effect` is found with the wanted power.
 * @param variances as in {@link Design}; no `testVariance`: endlessly many images
 * @returns null where not even `limit` seeds (1,000 unless told) suffice: only a larger test set, or more folds, help then.
 */
export function seedsNeeded(
  effect: number,
  variances: Partial<Design> & { seedVariance: number },
  options: PowerOptions & { limit?: number } = {},
): number | null {
  const design = { testVariance: 0, ...variances };
  return smallest(1, options.limit ?? 1000, (seeds) => finds(effect, { ...design, seeds }, options));
}

/**
 * Number of folds with which a difference of `effect` is found with the wanted power, on the same images: C stays, as each
 * image is tested once; what is between folds, their generators, is averaged over more of them.
 * @returns null where not even `limit` folds (50 unless told) suffice
 */
export function foldsNeeded(
  effect: number,
  design: Design,
  options: PowerOptions & { limit?: number } = {},
): number | null {
  return smallest(1, options.limit ?? 50, (folds) => finds(effect, { ...design, folds }, options));
}

/**
 * Number of test groups (patients, lesions; both classes in the present proportion) with which a difference of `effect` is
 * found with the wanted power by the present number of seeds: C falls as one over the number of groups. s² is left as it
 * is, though a part of it (what single seeds make of single images) falls too, so that the answer is rather too large.
 * @param design with the C that was found on `groups` groups
 * @returns null where seeds and folds alone hide the effect, whatever the test set
 */
export function groupsNeeded(
  effect: number,
  design: Design & { groups: number },
  options: PowerOptions = {},
): number | null {
  const { groups, testVariance, testGroups } = design;
  const enough = (count: number): boolean =>
    finds(
      effect,
      {
        ...design,
        testVariance: (testVariance * groups) / count,
        ...(testGroups !== undefined && { testGroups: (testGroups * count) / groups }),
      },
      options,
    );
  return smallest(3, 1e9, enough);
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
  const enough = seedsNeeded(effect / Math.SQRT2, { ...design, testVariance: 0 }, options);
  if (enough === null) return null;
  const seeds = Math.max(enough, design.seeds);
  const groups = groupsNeeded(effect, { ...design, seeds }, options);
  return groups === null ? null : { seeds, groups };
}

/** Expectation, over the half width that seeds and folds happen to give, of the chance that `f` gives to a half width. */
function overHalfWidths(
  design: Design,
  alpha: number,
  f: (half: number, deviation: number) => number,
): number {
  const { seeds, folds = 1, seedVariance, testVariance, foldVariance = 0, testGroups } = design;
  const fromImages = imagesQuantile(alpha, testGroups) * Math.sqrt(testVariance);
  if (seedVariance === null) return f(fromImages, Math.sqrt(testVariance));
  const variance = seedVariance / (folds * seeds);
  const deviation = Math.sqrt(foldVariance / folds + variance + testVariance);
  const degreesOfFreedom = folds * (seeds - 1);
  const ofSeeds = degreesOfFreedom > 0 ? tQuantile(1 - alpha / 2, degreesOfFreedom) * Math.sqrt(variance) : 0;
  if (folds < 2) {
    if (ofSeeds === 0) return f(fromImages, deviation);
    // Half widths change with s at the rate `ofSeeds`; chances change over a deviation.
    const resolution = 0.3 / (1 + ofSeeds / deviation);
    return overDeviations(degreesOfFreedom, resolution, (s) =>
      f(Math.hypot(ofSeeds * s, fromImages), deviation),
    );
  }
  const ofFolds = tQuantile(1 - alpha / 2, folds - 1) * deviation;
  const withinFolds = (s: number): number => (degreesOfFreedom > 0 ? Math.hypot(ofSeeds * s, fromImages) : 0);
  const inner = degreesOfFreedom > 0 ? deviationNodes(degreesOfFreedom) : [{ deviation: 1, weight: 1 }];
  const widths = inner.map((node) => ({ half: withinFolds(node.deviation), weight: node.weight }));
  return deviationNodes(folds - 1).reduce((sum, outer) => {
    const least = ofFolds * outer.deviation;
    return (
      sum +
      outer.weight *
        widths.reduce((part, { half, weight }) => part + weight * f(Math.max(half, least), deviation), 0)
    );
  }, 0);
}

/** Quantile for what comes from images, t on one less than the effective groups; normal where they are not known. */
export const imagesQuantile = (alpha: number, groups = Number.POSITIVE_INFINITY): number =>
  tQuantile(1 - alpha / 2, Math.max(1, groups - 1));

/** Chance that the interval of error rate `alpha` excludes zero at this true effect; with one seed, over images alone. */
export function chanceOfEffect(effect: number, design: Design, alpha = 0.05): number {
  return overHalfWidths(
    design,
    alpha,
    (half, deviation) => normalCdf((effect - half) / deviation) + normalCdf((-effect - half) / deviation),
  );
}

/** Chance that the interval of error rate `alpha` lies within ±margin at this true effect (0 unless told). */
export function chanceOfEquivalence(
  margin: number,
  design: Design,
  options: { alpha?: number; effect?: number } = {},
): number {
  const { alpha = 0.05, effect = 0 } = options;
  return overHalfWidths(design, alpha, (half, deviation) => {
    const room = margin - half;
    if (room <= 0) return 0;
    return normalCdf((room - effect) / deviation) - normalCdf((-room - effect) / deviation);
  });
}
