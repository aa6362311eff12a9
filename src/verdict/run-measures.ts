/**
 * Measures of a run that are sums over its test images, or nearly so, as mean over folds and seeds with an interval: the
 * covariance over images comes from what each image adds (../stats/cluster-covariance.ts), the rest is as for AUC
 * (../stats/seeds.ts). For description: no verdict and no correction knows them.
 */

import type { Interval } from '../stats/index.js';
import {
  benefitOfImages,
  clusterCovariance,
  combine,
  combineFolds,
  type GroupSizes,
  halfWidth,
  recalibrate,
  type SeedsEstimate,
} from '../stats/index.js';

/** What is needed of a trial's scores. */
export interface GroupedScores {
  folds: readonly { fold: number; test: { labels: readonly (0 | 1)[]; groups: readonly string[] } }[];
  runs: readonly { arm: string; fold: number; seed: number; testScores: readonly number[] }[];
}

export interface Measured extends Interval {
  mean: number;
}

/** A value of one run, and what each of its test images adds to the deviation. */
interface RunValue {
  value: number;
  influences: Float64Array;
}

type Images = GroupedScores['folds'][number]['test'];

/** Images of each group, class by class. */
function groupSizesOf({ labels, groups }: Images): GroupSizes {
  return [1, 0].map((label) => {
    const sizes = new Map<string, number>();
    groups.forEach((group, i) => {
      if (labels[i] === label) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    });
    return [...sizes.values()];
  });
}

/** @param values one a run of the fold */
function estimateOf(values: readonly RunValue[], images: Images): SeedsEstimate {
  const { covariance } = clusterCovariance(
    values.map(({ influences }) => influences),
    images.labels.length,
    images.groups,
  );
  return combine(
    values.map(({ value }) => value),
    covariance,
    { groupSizes: groupSizesOf(images) },
  );
}

function measured(estimates: readonly SeedsEstimate[], level: number): Measured | null {
  if (estimates.length === 0) return null;
  const estimate = combineFolds(estimates);
  const half = halfWidth(estimate, 1 - level);
  return { mean: estimate.mean, low: estimate.mean - half, high: estimate.mean + half };
}

export interface ArmRecalibration {
  slope: Measured | null;
  intercept: Measured | null;
  runs: number;
  /** Runs that have no slope, since they tell the classes apart without error, or score all images alike. */
  without: number;
}

/** Calibration slope and intercept of an arm. @param scores probabilities */
export function armRecalibration(
  { folds, runs }: GroupedScores,
  arm: string,
  level: number,
): ArmRecalibration {
  let [known, without] = [0, 0];
  const estimates = folds.flatMap(({ fold, test }) => {
    const own = runs
      .filter((run) => run.arm === arm && run.fold === fold)
      .map((run) => recalibrate(test.labels, run.testScores));
    const found = own.filter((one) => one !== null);
    known += found.length;
    without += own.length - found.length;
    if (found.length === 0) return [];
    const estimate = (key: 'slope' | 'intercept'): SeedsEstimate =>
      estimateOf(
        found.map((one) => ({ value: one[key], influences: one.influences[key] })),
        test,
      );
    return [{ slope: estimate('slope'), intercept: estimate('intercept') }];
  });
  return {
    slope: measured(
      estimates.map(({ slope }) => slope),
      level,
    ),
    intercept: measured(
      estimates.map(({ intercept }) => intercept),
      level,
    ),
    runs: known,
    without,
  };
}

/** Net benefit of an arm, or of an arm over a baseline, at a threshold probability. @param scores probabilities */
export function armBenefit(
  { folds, runs }: GroupedScores,
  arm: string,
  { threshold, minus, level }: { threshold: number; minus?: string; level: number },
): Measured | null {
  const estimates = folds.flatMap(({ fold, test }) => {
    const own = runs.filter((run) => run.arm === arm && run.fold === fold);
    const values = own.flatMap(({ seed, testScores }): RunValue[] => {
      const benefit = benefitOfImages(test.labels, testScores, threshold);
      if (minus !== undefined) {
        const other = runs.find((run) => run.arm === minus && run.fold === fold && run.seed === seed);
        if (!other) return [];
        const theirs = benefitOfImages(test.labels, other.testScores, threshold);
        theirs.forEach((value, i) => {
          benefit[i]! -= value;
        });
      }
      const mean = benefit.reduce((sum, value) => sum + value, 0) / benefit.length;
      return [{ value: mean, influences: benefit.map((value) => (value - mean) / benefit.length) }];
    });
    return values.length > 0 ? [estimateOf(values, test)] : [];
  });
  return measured(estimates, level);
}
