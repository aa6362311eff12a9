/**
 * Inference when both the training runs (seeds) and the test images are samples: another seed and other
 * patients would have given another AUC. Every seed's classifier scores the same images, the design of a reader
 * study with seeds as readers:
 *
 *   Var(mean) = s² / r  +  C
 *
 * s²: variance of the r seeds' values; C ≥ 0: mean covariance between *different* seeds' values that comes from
 * sharing the test images (DeLong, by group). Variance: Obuchowski & Rockette, Commun. Stat. 1995; for two arms
 * s² = 2·MS(T×R) and C = 2·(Cov2 − Cov3) in their notation.
 *
 * Interval: half width² = (t_{r−1} · s/√r)² + (t_ν · √C)². Each part has the quantile it would need alone (Howe,
 * J. Am. Stat. Assoc. 1974; the "variance recovery" of Zou & Donner 2008). The customary single t with Satterthwaite's or
 * Hillis's degrees of freedom falls to 87–91 % coverage with two or three seeds that differ; this one keeps its
 * level (docs/trial.md has the simulation). ν is the effective number of groups of the class that has fewer, less one
 * (./groups.ts): C is itself an estimate, from as many groups as there are.
 *
 * With one seed s² cannot be known: the variance is DeLong's, for the trained models as they are.
 *
 * k folds, each with r seeds and test images that no other fold has: the mean over folds of the folds' means has
 *
 *   Var(mean) = s² / (k·r)  +  Σ C_f / k²
 *
 * with s² pooled within the folds, on k(r − 1) degrees of freedom. This takes what differs between folds beyond seeds and
 * images, their training sets and generators, as given. Where these are a sample too, S, the deviation between the folds'
 * means, holds everything at once: Var(mean) = S² / k on k − 1 degrees of freedom. The interval is the wider of the two,
 * so that neither few folds nor an S that is small by chance makes it too narrow.
 *
 * With one seed in each of k folds, or a fold with a single group of a class (C_f NaN), the second is all there is.
 *
 * No interval is narrower than t_ν / ((G + 2)·√E). G: the effective groups; 1 / (G + 2) is what one further group, ranked
 * otherwise by the two arms, would make of it (the pseudo-counts of Agresti & Min, Stat. Med. 2005). E ≥ 1: how many groups
 * the difference hangs on, (Σe²)² / Σe⁴ over their influences e. Where both arms rank every image alike, or all but one, the
 * variances above are 0, or nearly so, and would claim certainty from a dozen images; where many groups tell the arms apart
 * they are estimates like others, and this bound lies far below them.
 *
 * "No difference that matters" needs more, since few groups may all have been spared what befalls others: its half width is
 * hypot(half width, t_ν / (G + 2)). Otherwise small tests that hardly anybody fails claim equality in up to 9 % of trials in
 * which the arms differ by just the margin.
 */
import { type AucCovariance, aucCovariance } from './delong.js';
import { fTail, tQuantile } from './distributions.js';
import { effectiveSize } from './groups.js';
import type { Numbers } from './roc.js';

/** Variances below this are rounding: the arms ranked every image alike. */
const NOISE = 1e-18;
/** Its root, for what is not squared. */
const TINY = 1e-9;

/** One way to see what varies: variance of the mean on its degrees of freedom, and what images add to it. */
interface Source {
  variance: number;
  degreesOfFreedom: number;
  testVariance: number;
}

export interface SeedsEstimate {
  /** Mean over seeds (of AUC, or of the paired difference). */
  mean: number;
  /** One value a seed. */
  values: number[];
  variance: number;
  /** s²: between seeds; null with one seed. With one seed a fold S², between folds, and `testVariance` is in it. */
  seedVariance: number | null;
  /** What `seedVariance` was seen between; null where it was not seen. */
  between: 'seeds' | 'generators' | 'folds' | null;
  /** Of `seedVariance`: r − 1, over folds k(r − 1), between folds k − 1. */
  degreesOfFreedom: number;
  /** What s² is divided by in the variance of the mean: r, over folds k·r. */
  runs: number;
  /** C: what sharing one test set adds, whatever the number of seeds; ≥ 0. Over folds Σ C_f / k². */
  testVariance: number;
  /** The folds as the sample, S² / k; null with one fold. `testVariance` is 0 where each fold has images of its own. */
  across: Source | null;
  /** Of each class that the value hangs on, how many images each group has; [] where nothing is known of groups. */
  groupSizes: GroupSizes;
  /** What each group adds to the value, in any order; [] where that is not known. */
  influences: readonly number[];
}

/** Images of each group, class by class. */
export type GroupSizes = readonly (readonly number[])[];

export interface CombineOptions {
  groupSizes?: GroupSizes;
  influences?: readonly number[];
  /** Of each value, where they were measured on the same images by classifiers of several folds or generators. */
  origins?: readonly ReaderOrigin[] | undefined;
}

/**
 * Combines r values, one a seed, and their covariance matrix over the choice of images into the mean and its variance.
 * @param covariance `[r][r]`: DeLong's for AUCs, ./shares.ts's for shares
 */
export function combine(
  values: number[],
  covariance: readonly (readonly number[])[],
  { groupSizes = [], influences = [], origins }: CombineOptions = {},
): SeedsEstimate {
  if (origins) return combineReaders(values, covariance, { groupSizes, influences, origins });
  const r = values.length;
  const mean = average(values);
  const images = { across: null, groupSizes, influences };
  if (r === 1) {
    const variance = Math.max(0, covariance[0]![0]!);
    const unknown = { seedVariance: null, between: null, degreesOfFreedom: 0, runs: 1 };
    return { mean, values, variance, ...unknown, testVariance: variance, ...images };
  }
  const seedVariance = spread(values);
  const testVariance = meanCovariance(covariance, (j, k) => j !== k);
  return {
    mean,
    values,
    variance: seedVariance / r + testVariance,
    seedVariance,
    between: 'seeds',
    degreesOfFreedom: r - 1,
    runs: r,
    testVariance,
    ...images,
  };
}

const average = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sample variance. */
function spread(values: readonly number[]): number {
  const mean = average(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/** Over the pairs that are asked for; ≥ 0. */
function meanCovariance(
  covariance: readonly (readonly number[])[],
  wanted: (j: number, k: number) => boolean,
): number {
  let [sum, pairs] = [0, 0];
  covariance.forEach((row, j) => {
    row.forEach((value, k) => {
      if (!wanted(j, k)) return;
      sum += value;
      pairs++;
    });
  });
  return pairs > 0 ? Math.max(0, sum / pairs) : 0;
}

/**
 * Mean over folds of estimates that share no test image. One fold is returned as it is. Folds may differ in their number
 * of seeds; then every fold still counts alike, and `runs` is k² / Σ 1/r_f.
 * @param units one name a fold: folds of one unit share what training hangs on (a generator), and are no sample of each
 * other; default: each fold is its own
 */
export function combineFolds(folds: readonly SeedsEstimate[], units?: readonly string[]): SeedsEstimate {
  const k = folds.length;
  if (k === 1) return folds[0]!;
  const values = folds.flatMap((fold) => fold.values);
  const mean = average(folds.map((fold) => fold.mean));
  const across = acrossFolds(
    folds.map((fold) => fold.mean),
    units,
  );
  const influences = folds.flatMap((fold) => fold.influences.map((influence) => influence / k));
  const groupSizes = folds[0]!.groupSizes.map((_, i) => folds.flatMap((fold) => fold.groupSizes[i]!));
  const common = { mean, values, across, groupSizes, influences };
  const degreesOfFreedom = folds.reduce((sum, fold) => sum + fold.degreesOfFreedom, 0);
  const imagesUnknown = folds.some((fold) => Number.isNaN(fold.testVariance));
  if (degreesOfFreedom === 0 || imagesUnknown) {
    const seedVariance = spread(folds.map((fold) => fold.mean));
    const seen = { seedVariance, between: 'folds', degreesOfFreedom: k - 1, runs: k } as const;
    return { ...common, variance: seedVariance / k, ...seen, testVariance: 0 };
  }
  let [seedVariance, reciprocals, testVariance] = [0, 0, 0];
  for (const fold of folds) {
    seedVariance += ((fold.seedVariance ?? 0) * fold.degreesOfFreedom) / degreesOfFreedom;
    reciprocals += 1 / fold.runs;
    testVariance += fold.testVariance / k ** 2;
  }
  const runs = k ** 2 / reciprocals;
  const variance = seedVariance / runs + testVariance;
  return { ...common, variance, seedVariance, between: 'seeds', degreesOfFreedom, runs, testVariance };
}

/**
 * Variance of the mean over folds from how their means differ, S² / k where each fold is its own unit. Folds that share a
 * generator differ by their training sets all the same: whichever of both ways gives the wider interval counts.
 */
function acrossFolds(means: readonly number[], units?: readonly string[]): Source | null {
  const width = (source: Source | null): number =>
    source === null ? 0 : tQuantile(0.975, source.degreesOfFreedom) * Math.sqrt(source.variance);
  const [byUnit, byFold] = [units ? acrossUnits(means, units) : null, acrossUnits(means)];
  return width(byUnit) > width(byFold) ? byUnit : byFold;
}

function acrossUnits(means: readonly number[], units?: readonly string[]): Source | null {
  const mean = average(means);
  const sums = new Map<string, number>();
  means.forEach((value, i) => {
    const unit = units ? units[i]! : String(i);
    sums.set(unit, (sums.get(unit) ?? 0) + (value - mean) / means.length);
  });
  const count = sums.size;
  if (count < 2) return null;
  const squares = [...sums.values()].reduce((sum, value) => sum + value ** 2, 0);
  return { variance: (squares * count) / (count - 1), degreesOfFreedom: count - 1, testVariance: 0 };
}

/** What a reader of one set of images was trained by. */
export interface ReaderOrigin {
  fold: number;
  /** Another name for each generator; runs without one are their own. */
  generator: string;
}

/**
 * Mean of values that were all measured on the same images, by classifiers of several folds and generators (an external
 * test set). Runs of one generator are no sample of generators: their means are, and folds are a sample of training sets.
 * With one generator and one fold alone its runs are the readers, as in {@link combine}.
 */
function combineReaders(
  values: number[],
  covariance: readonly (readonly number[])[],
  {
    groupSizes,
    influences,
    origins,
  }: Required<Pick<CombineOptions, 'groupSizes' | 'influences'>> & { origins: readonly ReaderOrigin[] },
): SeedsEstimate {
  const keyOf = ({ fold, generator }: ReaderOrigin): string => `${fold} ${generator}`;
  const generators = byKey(values, origins.map(keyOf));
  const folds = byKey(
    [...generators.values()].map(({ mean }) => mean),
    [...generators.values()].map(({ first }) => String(origins[first]!.fold)),
  );
  const g = new Set(origins.map(({ generator }) => generator)).size;
  if (g < 2 && folds.size < 2) return combine(values, covariance, { groupSizes, influences });
  const means = [...folds.values()].map((fold) => fold.mean);
  const several = folds.size > 1;
  const apart = (j: number, k: number): boolean =>
    several ? origins[j]!.fold !== origins[k]!.fold : origins[j]!.generator !== origins[k]!.generator;
  const testVariance = meanCovariance(covariance, apart);
  const seedVariance = spread([...generators.values()].map(({ mean }) => mean));
  const runs = generators.size;
  const across = several ? acrossFolds(means) : null;
  return {
    mean: average(means),
    values,
    variance: seedVariance / runs + testVariance,
    seedVariance,
    between: 'generators',
    degreesOfFreedom: runs - 1,
    runs,
    testVariance,
    across: across && { ...across, testVariance },
    groupSizes,
    influences,
  };
}

/** Mean of the values of each key, and where the key comes first. */
function byKey(
  values: readonly number[],
  keys: readonly string[],
): Map<string, { mean: number; first: number }> {
  const lists = new Map<string, { first: number; values: number[] }>();
  keys.forEach((key, i) => {
    const list = lists.get(key);
    if (list) list.values.push(values[i]!);
    else lists.set(key, { first: i, values: [values[i]!] });
  });
  return new Map([...lists].map(([key, { first, values: own }]) => [key, { first, mean: average(own) }]));
}

export interface FoldSpread {
  /** Variance between the folds' means over what seeds and test images make of it. */
  ratio: number;
  /** Of the variance above, k − 1, and below (Satterthwaite). */
  degreesOfFreedom: [number, number];
  /** Chance of such a ratio where folds differ by seeds and test images alone. */
  p: number;
}

/**
 * Whether folds differ by more than their seeds and test images: by their training sets, or by the GAN that each has. The
 * variance between the k means against the mean of s²/r_f + C_f, on F; null with one fold, or one seed in each.
 */
export function foldSpread(folds: readonly SeedsEstimate[]): FoldSpread | null {
  const k = folds.length;
  if (k < 2) return null;
  const { between, seedVariance, degreesOfFreedom } = combineFolds(folds);
  if (between !== 'seeds' || seedVariance === null) return null;
  const ofSeeds = average(folds.map((fold) => seedVariance / fold.runs));
  const expected = ofSeeds + average(folds.map((fold) => fold.testVariance));
  if (!(expected > NOISE)) return null;
  const seen = spread(folds.map((fold) => fold.mean));
  const below = degreesOfFreedom * (expected / ofSeeds) ** 2;
  const ratio = seen / expected;
  return { ratio, degreesOfFreedom: [k - 1, below], p: fTail(ratio, k - 1, below) };
}

/**
 * Mean over some of the models that were measured on the same images.
 * @param models which, one a seed
 * @param origins of each, where they come from several folds or generators ({@link combine})
 */
export function meanOf(
  measured: AucCovariance,
  models: readonly number[],
  origins?: readonly ReaderOrigin[],
): SeedsEstimate {
  const { aucs, covariance, groupSizes } = measured;
  return combine(
    models.map((i) => aucs[i]!),
    models.map((i) => models.map((j) => covariance[i]![j]!)),
    { groupSizes, origins },
  );
}

/**
 * Mean paired difference (arm − baseline) over seeds.
 * @param arm, baseline one array a seed; the i-th arrays belong to the same seed.
 */
export function meanDifference(
  labels: Numbers,
  [arm, baseline]: readonly [arm: readonly Numbers[], baseline: readonly Numbers[]],
  groups?: readonly string[],
): SeedsEstimate {
  return differenceOf(
    aucCovariance(labels, [...arm, ...baseline], { groups }),
    arm.map((_, i) => [i, arm.length + i]),
  );
}

/**
 * Mean over seeds of the difference between two models each.
 * @param pairs arm and baseline, one pair a seed
 * @param origins of each pair, where they come from several folds or generators ({@link combine})
 */
export function differenceOf(
  { aucs, covariance, groupSizes, influences }: AucCovariance,
  pairs: readonly (readonly [number, number])[],
  origins?: readonly ReaderOrigin[],
): SeedsEstimate {
  const ofPairs = Array.from(influences[0]!, (_, g) =>
    average(pairs.map(([a, b]) => influences[a]![g]! - influences[b]![g]!)),
  );
  const at = (i: number, j: number): number => covariance[i]![j]!;
  return combine(
    pairs.map(([a, b]) => aucs[a]! - aucs[b]!),
    pairs.map(([a, b]) => pairs.map(([c, d]) => at(a, c) + at(b, d) - at(a, d) - at(b, c))),
    { groupSizes, influences: ofPairs, origins },
  );
}

/**
 * Effective groups of the class that has fewer, over all folds; Infinity where nothing is known of groups.
 * One less is what variances over images have for degrees of freedom.
 */
export function fewestGroups({ groupSizes }: Pick<SeedsEstimate, 'groupSizes'>): number {
  return Math.min(Number.POSITIVE_INFINITY, ...groupSizes.map(effectiveSize));
}

/** How many groups the value hangs on, (Σe²)² / Σe⁴ over their influences; 0 where none has any. */
const hangsOn = ({ influences }: SeedsEstimate): number =>
  effectiveSize(influences.map((influence) => (Math.abs(influence) < TINY ? 0 : influence ** 2)));

/** Sums over all groups, which every quantile of an estimate asks for again. */
const sums = new WeakMap<SeedsEstimate, { groups: number; hanging: number }>();

function sumsOf(estimate: SeedsEstimate): { groups: number; hanging: number } {
  let known = sums.get(estimate);
  if (!known) {
    known = { groups: fewestGroups(estimate), hanging: hangsOn(estimate) };
    sums.set(estimate, known);
  }
  return known;
}

/** What part of the two-sided interval of error rate `alpha` comes from, half widths all. */
function parts(
  estimate: SeedsEstimate,
  alpha: number,
): { runs: number; folds: number; spared: number; least: number } {
  const { seedVariance, testVariance, degreesOfFreedom, runs, across } = estimate;
  const { groups, hanging } = sumsOf(estimate);
  const images = tQuantile(1 - alpha / 2, Math.max(1, groups - 1));
  const spared = images / (groups + 2);
  const width = (source: Source): number =>
    Math.hypot(
      source.variance > NOISE
        ? tQuantile(1 - alpha / 2, source.degreesOfFreedom) * Math.sqrt(source.variance)
        : 0,
      source.testVariance > NOISE ? images * Math.sqrt(source.testVariance) : 0,
    );
  return {
    runs: width({ variance: (seedVariance ?? 0) / runs, degreesOfFreedom, testVariance }),
    folds: across ? width(across) : 0,
    spared,
    least: spared / Math.sqrt(Math.max(1, hanging)),
  };
}

/** Half the width of the two-sided interval with error rate `alpha`. */
export function halfWidth(estimate: SeedsEstimate, alpha: number): number {
  const { runs, folds, least } = parts(estimate, alpha);
  const seen = Math.max(runs, folds);
  return estimate.influences.length > 0 || seen === 0 ? Math.max(seen, least) : seen;
}

/** The same for "no difference that matters": with what the groups may all have been spared. */
export function equivalenceHalfWidth(estimate: SeedsEstimate, alpha: number): number {
  const { spared } = parts(estimate, alpha);
  return Math.hypot(halfWidth(estimate, alpha), estimate.influences.length > 0 ? spared : 0);
}

/** Whether nothing was seen to vary, so that the interval is as narrow as so few groups allow. */
export function isSaturated(estimate: SeedsEstimate, alpha = 0.05): boolean {
  const { runs, folds, least } = parts(estimate, alpha);
  return Math.max(runs, folds) < least;
}

/** The same estimate with its folds and generators taken as given: an interval for these and no others. */
export const forThese = (estimate: SeedsEstimate): SeedsEstimate =>
  estimate.between === 'folds' ? estimate : { ...estimate, across: null };

/** Error rate at which the two-sided interval is `distance` wide on each side; 1 where it is 0, whatever the estimate. */
function errorRateAt(estimate: SeedsEstimate, distance: number, width = halfWidth): number {
  if (width(estimate, 0.5) === 0) return distance < 1e-12 ? 1 : 0;
  if (distance <= 0) return 1;
  // The half width falls as alpha grows: bisect ln(alpha), then close in by secants (Illinois), which need few steps.
  const excess = (logAlpha: number): number => width(estimate, Math.exp(logAlpha)) - distance;
  let [low, high] = [Math.log(1e-15), 0];
  if (excess(low) <= 0) return 1e-15;
  for (let i = 0; i < 12; i++) {
    const middle = 0.5 * (low + high);
    if (excess(middle) > 0) low = middle;
    else high = middle;
  }
  let [atLow, atHigh] = [excess(low), excess(high)];
  for (let i = 0; i < 40 && high - low > 1e-14 && atHigh < 0; i++) {
    const next = high - (atHigh * (high - low)) / (atHigh - atLow);
    const value = excess(next);
    if (value > 0) {
      [low, atLow] = [next, value];
      atHigh /= 2;
    } else {
      [high, atHigh] = [next, value];
      atLow /= 2;
    }
  }
  return Math.exp(high);
}

/**
 * Interval of an estimate and its two-sided p-value against zero: the error rate at which the interval just
 * reaches zero.
 * @param options.withP false: p is NaN; it takes dozens of half widths
 */
export function inference(
  estimate: SeedsEstimate,
  level = 0.95,
  { withP = true }: { withP?: boolean } = {},
): { low: number; high: number; standardError: number; p: number } {
  const { mean } = estimate;
  const half = halfWidth(estimate, 1 - level);
  return {
    low: mean - half,
    high: mean + half,
    standardError: Math.sqrt(estimate.variance),
    p: withP ? errorRateAt(estimate, Math.abs(mean)) : Number.NaN,
  };
}

/**
 * Two one-sided tests (Schuirmann, J. Pharmacokinet. Biopharm. 1987): p-value against "the true mean lies outside ±margin",
 * the larger of the two. It is at most α/2 exactly where mean ± equivalenceHalfWidth(α) lies within ±margin.
 * @param margin greater than 0
 */
export function equivalenceP(estimate: SeedsEstimate, margin: number): number {
  const oneSided = (distance: number): number => {
    const half = errorRateAt(estimate, Math.abs(distance), equivalenceHalfWidth) / 2;
    return distance >= 0 ? half : 1 - half;
  };
  return Math.max(oneSided(margin - estimate.mean), oneSided(margin + estimate.mean));
}
