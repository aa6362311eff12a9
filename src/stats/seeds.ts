/**
 * Inference when both the training runs (seeds) and the test images are samples: another seed and other
 * patients would have given another AUC. Every seed's classifier scores the same images, the design of a reader
 * study with seeds as readers:
 *
 *   Var(mean) = s² / r  +  max(C, 0)
 *
 * s²: variance of the r seeds' values; C: mean covariance between *different* seeds' values that comes from
 * sharing the test images (DeLong, by group). Degrees of freedom: (s²/r + C)² / ((s²/r)² / (r − 1)).
 * Sources: Obuchowski & Rockette, Commun. Stat. 1995; Hillis, Stat. Med. 2007 (degrees of freedom). For two arms
 * s² = 2·MS(T×R) and C = 2·(Cov2 − Cov3) in their notation.
 *
 * With one seed s² cannot be known: the variance is DeLong's, for the trained models as they are.
 */
import { aucCovariance } from './delong.js';
import type { Numbers } from './roc.js';
import { tQuantile, tTwoSided } from './student-t.js';

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
  /** Infinity where the normal distribution applies (one seed, or seeds that do not differ at all). */
  degreesOfFreedom: number;
}

/** Combines r values and their DeLong covariance matrix into the mean and its variance. */
function combine(values: number[], covariance: readonly (readonly number[])[]): SeedsEstimate {
  const r = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / r;
  if (r === 1) {
    const variance = Math.max(0, covariance[0]![0]!);
    return {
      mean,
      values,
      variance,
      seedVariance: null,
      testVariance: variance,
      degreesOfFreedom: Number.POSITIVE_INFINITY,
    };
  }
  const seedVariance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (r - 1);
  let between = 0;
  for (let j = 0; j < r; j++) for (let k = 0; k < r; k++) if (j !== k) between += covariance[j]![k]!;
  const testVariance = Math.max(0, between / (r * (r - 1)));
  const variance = seedVariance / r + testVariance;
  return {
    mean,
    values,
    variance,
    seedVariance,
    testVariance,
    degreesOfFreedom: degreesOfFreedom(seedVariance, testVariance, r),
  };
}

/** Hillis's degrees of freedom for r seeds, between r − 1 (only seeds vary) and Infinity (only images do). */
export function degreesOfFreedom(seedVariance: number, testVariance: number, seeds: number): number {
  const fromSeeds = seedVariance / seeds;
  if (fromSeeds === 0) return Number.POSITIVE_INFINITY;
  return (fromSeeds + testVariance) ** 2 / (fromSeeds ** 2 / (seeds - 1));
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

/** Interval and two-sided p-value against zero of an estimate, by Student's t. */
export function inference(
  estimate: SeedsEstimate,
  level = 0.95,
): { low: number; high: number; standardError: number; p: number } {
  // Below this only rounding is left: the arms ranked every image alike.
  const standardError = estimate.variance < 1e-18 ? 0 : Math.sqrt(estimate.variance);
  const half = tQuantile(0.5 + level / 2, estimate.degreesOfFreedom) * standardError;
  const p =
    standardError > 0
      ? tTwoSided(estimate.mean / standardError, estimate.degreesOfFreedom)
      : Math.abs(estimate.mean) < 1e-12
        ? 1
        : 0;
  return { low: estimate.mean - half, high: estimate.mean + half, standardError, p };
}
