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
 * Interval: half width² = (t_{r−1} · s/√r)² + (z · √C)². Each part has the quantile it would need alone (Howe,
 * J. Am. Stat. Assoc. 1974; the "variance recovery" of Zou & Donner 2008). The customary single t with Satterthwaite's or
 * Hillis's degrees of freedom falls to 87–91 % coverage with two or three seeds that differ; this one keeps its
 * level (docs/trial.md has the simulation).
 *
 * With one seed s² cannot be known: the variance is DeLong's, for the trained models as they are.
 *
 * k folds, each with r seeds and test images that no other fold has: the mean over folds of the folds' means has
 *
 *   Var(mean) = s² / (k·r)  +  Σ C_f / k²
 *
 * with s² pooled within the folds, on k(r − 1) degrees of freedom. What differs between folds beyond seeds and images
 * (their training sets) is taken as given: the estimate is of the mean over these k training sets.
 *
 * With one seed in each of k folds, the variance between folds estimates everything at once: Var(mean) = S² / k on k − 1
 * degrees of freedom. It holds what training sets differ by as well, which makes the interval wider than it need be.
 */
import { type AucCovariance, aucCovariance } from './delong.js';
import { fTail } from './fisher-f.js';
import { normalQuantile } from './normal.js';
import type { Numbers } from './roc.js';
import { tQuantile } from './student-t.js';

/** Variances below this are rounding: the arms ranked every image alike. */
const NOISE = 1e-18;

export interface SeedsEstimate {
  /** Mean over seeds (of AUC, or of the paired difference). */
  mean: number;
  /** One value a seed. */
  values: number[];
  variance: number;
  /** s²: between seeds; null with one seed. With one seed a fold S², between folds, and `testVariance` is in it. */
  seedVariance: number | null;
  /** What `seedVariance` was seen between; null where it was not seen. */
  between: 'seeds' | 'folds' | null;
  /** Of `seedVariance`: r − 1, over folds k(r − 1), between folds k − 1. */
  degreesOfFreedom: number;
  /** What s² is divided by in the variance of the mean: r, over folds k·r. */
  runs: number;
  /** C: what sharing one test set adds, whatever the number of seeds; ≥ 0. Over folds Σ C_f / k². */
  testVariance: number;
}

/**
 * Combines r values, one a seed, and their covariance matrix over the choice of images into the mean and its variance.
 * @param covariance `[r][r]`: DeLong's for AUCs, ./shares.ts's for shares
 */
export function combine(values: number[], covariance: readonly (readonly number[])[]): SeedsEstimate {
  const r = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / r;
  if (r === 1) {
    const variance = Math.max(0, covariance[0]![0]!);
    return {
      mean,
      values,
      variance,
      seedVariance: null,
      between: null,
      degreesOfFreedom: 0,
      runs: 1,
      testVariance: variance,
    };
  }
  const seedVariance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (r - 1);
  let between = 0;
  for (let j = 0; j < r; j++) for (let k = 0; k < r; k++) if (j !== k) between += covariance[j]![k]!;
  const testVariance = Math.max(0, between / (r * (r - 1)));
  return {
    mean,
    values,
    variance: seedVariance / r + testVariance,
    seedVariance,
    between: 'seeds',
    degreesOfFreedom: r - 1,
    runs: r,
    testVariance,
  };
}

/**
 * Mean over folds of estimates that share no test image. One fold is returned as it is. Folds may differ in their number
 * of seeds; then every fold still counts alike, and `runs` is k² / Σ 1/r_f.
 */
export function combineFolds(folds: readonly SeedsEstimate[]): SeedsEstimate {
  const k = folds.length;
  if (k === 1) return folds[0]!;
  const values = folds.flatMap((fold) => fold.values);
  const mean = folds.reduce((sum, fold) => sum + fold.mean, 0) / k;
  const degreesOfFreedom = folds.reduce((sum, fold) => sum + fold.degreesOfFreedom, 0);
  if (degreesOfFreedom === 0) {
    const seedVariance = folds.reduce((sum, fold) => sum + (fold.mean - mean) ** 2, 0) / (k - 1);
    const spread = { seedVariance, between: 'folds', degreesOfFreedom: k - 1, runs: k } as const;
    return { mean, values, variance: seedVariance / k, ...spread, testVariance: 0 };
  }
  let [seedVariance, reciprocals, testVariance] = [0, 0, 0];
  for (const fold of folds) {
    seedVariance += ((fold.seedVariance ?? 0) * fold.degreesOfFreedom) / degreesOfFreedom;
    reciprocals += 1 / fold.runs;
    testVariance += fold.testVariance / k ** 2;
  }
  const runs = k ** 2 / reciprocals;
  const variance = seedVariance / runs + testVariance;
  return { mean, values, variance, seedVariance, between: 'seeds', degreesOfFreedom, runs, testVariance };
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
  const { mean, between, seedVariance, degreesOfFreedom } = combineFolds(folds);
  if (between !== 'seeds' || seedVariance === null) return null;
  const ofSeeds = folds.reduce((sum, fold) => sum + seedVariance / fold.runs, 0) / k;
  const expected = ofSeeds + folds.reduce((sum, fold) => sum + fold.testVariance, 0) / k;
  if (!(expected > NOISE)) return null;
  const seen = folds.reduce((sum, fold) => sum + (fold.mean - mean) ** 2, 0) / (k - 1);
  const below = degreesOfFreedom * (expected / ofSeeds) ** 2;
  const ratio = seen / expected;
  return { ratio, degreesOfFreedom: [k - 1, below], p: fTail(ratio, k - 1, below) };
}

/** Mean AUC of one arm. @param scores one array a seed, each in the order of `labels`. */
export function meanAuc(
  labels: Numbers,
  scores: readonly Numbers[],
  groups?: readonly string[],
): SeedsEstimate {
  return meanOf(
    aucCovariance(labels, scores, groups),
    scores.map((_, i) => i),
  );
}

/** Mean over some of the models that were measured on the same images. @param models which, one a seed */
export function meanOf({ aucs, covariance }: AucCovariance, models: readonly number[]): SeedsEstimate {
  return combine(
    models.map((i) => aucs[i]!),
    models.map((i) => models.map((j) => covariance[i]![j]!)),
  );
}

/**
 * Mean paired difference (arm − baseline) over seeds.
 * @param arm, baseline one array a seed; the i-th arrays belong to the same seed.
 */
export function meanDifference(
  labels: Numbers,
  arm: readonly Numbers[],
  baseline: readonly Numbers[],
  groups?: readonly string[],
): SeedsEstimate {
  return differenceOf(
    aucCovariance(labels, [...arm, ...baseline], groups),
    arm.map((_, i) => [i, arm.length + i]),
  );
}

/** Mean over seeds of the difference between two models each. @param pairs arm and baseline, one pair a seed */
export function differenceOf(
  { aucs, covariance }: AucCovariance,
  pairs: readonly (readonly [number, number])[],
): SeedsEstimate {
  const at = (i: number, j: number): number => covariance[i]![j]!;
  return combine(
    pairs.map(([a, b]) => aucs[a]! - aucs[b]!),
    pairs.map(([a, b]) => pairs.map(([c, d]) => at(a, c) + at(b, d) - at(a, d) - at(b, c))),
  );
}

/** Half the width of the two-sided interval with error rate `alpha`. */
export function halfWidth(estimate: SeedsEstimate, alpha: number): number {
  const { seedVariance, testVariance, degreesOfFreedom, runs } = estimate;
  const fromImages = testVariance > NOISE ? normalQuantile(1 - alpha / 2) * Math.sqrt(testVariance) : 0;
  if (seedVariance === null || seedVariance < NOISE) return fromImages;
  const fromSeeds = tQuantile(1 - alpha / 2, degreesOfFreedom) * Math.sqrt(seedVariance / runs);
  return Math.hypot(fromSeeds, fromImages);
}

/** Error rate at which the two-sided interval is `distance` wide on each side; 1 where it is 0, whatever the estimate. */
function errorRateAt(estimate: SeedsEstimate, distance: number): number {
  if (halfWidth(estimate, 0.5) === 0) return distance < 1e-12 ? 1 : 0;
  if (distance <= 0) return 1;
  // The half width falls as alpha grows: bisect ln(alpha), then close in by secants (Illinois), which need few steps.
  const excess = (logAlpha: number): number => halfWidth(estimate, Math.exp(logAlpha)) - distance;
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
 */
export function inference(
  estimate: SeedsEstimate,
  level = 0.95,
): { low: number; high: number; standardError: number; p: number } {
  const { mean } = estimate;
  const half = halfWidth(estimate, 1 - level);
  return {
    low: mean - half,
    high: mean + half,
    standardError: Math.sqrt(estimate.variance),
    p: errorRateAt(estimate, Math.abs(mean)),
  };
}

/**
 * Two one-sided tests (Schuirmann, J. Pharmacokinet. Biopharm. 1987): p-value against "the true mean lies outside ±margin",
 * the larger of the two. It is at most α/2 exactly where the two-sided interval of error rate α lies within ±margin.
 * @param margin greater than 0
 */
export function equivalenceP(estimate: SeedsEstimate, margin: number): number {
  const oneSided = (distance: number): number => {
    const half = errorRateAt(estimate, Math.abs(distance)) / 2;
    return distance >= 0 ? half : 1 - half;
  };
  return Math.max(oneSided(margin - estimate.mean), oneSided(margin + estimate.mean));
}
