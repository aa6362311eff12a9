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
 */
import { aucCovariance } from './delong.js';
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
  /** s²: between seeds; null with one seed. */
  seedVariance: number | null;
  /** C: what sharing one test set adds, whatever the number of seeds; ≥ 0. */
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
    return { mean, values, variance, seedVariance: null, testVariance: variance };
  }
  const seedVariance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (r - 1);
  let between = 0;
  for (let j = 0; j < r; j++) for (let k = 0; k < r; k++) if (j !== k) between += covariance[j]![k]!;
  const testVariance = Math.max(0, between / (r * (r - 1)));
  return { mean, values, variance: seedVariance / r + testVariance, seedVariance, testVariance };
}

/** Mean AUC of one arm. @param scores one array a seed, each in the order of `labels`. */
export function meanAuc(
  labels: Numbers,
  scores: readonly Numbers[],
  groups?: readonly string[],
): SeedsEstimate {
  const { aucs, covariance } = aucCovariance(labels, scores, groups);
  return combine(aucs, covariance);
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
  const r = arm.length;
  const { aucs, covariance } = aucCovariance(labels, [...arm, ...baseline], groups);
  const at = (i: number, j: number): number => covariance[i]![j]!;
  const values = arm.map((_, i) => aucs[i]! - aucs[r + i]!);
  const differences = values.map((_, j) =>
    values.map((_, k) => at(j, k) + at(r + j, r + k) - at(j, r + k) - at(r + j, k)),
  );
  return combine(values, differences);
}

/** Half the width of the two-sided interval with error rate `alpha`. */
export function halfWidth(estimate: SeedsEstimate, alpha: number): number {
  const { seedVariance, testVariance, values } = estimate;
  const fromImages = testVariance > NOISE ? normalQuantile(1 - alpha / 2) * Math.sqrt(testVariance) : 0;
  if (seedVariance === null || seedVariance < NOISE) return fromImages;
  const fromSeeds = tQuantile(1 - alpha / 2, values.length - 1) * Math.sqrt(seedVariance / values.length);
  return Math.hypot(fromSeeds, fromImages);
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
  const distance = Math.abs(mean);
  let p = 1;
  if (half === 0) {
    p = distance < 1e-12 ? 1 : 0;
  } else if (distance > 0) {
    // The half width falls as alpha grows, so bisect ln(alpha).
    let low = Math.log(1e-15);
    let high = 0;
    for (let i = 0; i < 60; i++) {
      const middle = 0.5 * (low + high);
      if (halfWidth(estimate, Math.exp(middle)) > distance) low = middle;
      else high = middle;
    }
    p = Math.exp(high);
  }
  return { low: mean - half, high: mean + half, standardError: Math.sqrt(estimate.variance), p };
}
