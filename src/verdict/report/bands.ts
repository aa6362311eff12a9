/** Several curves over one axis, one a run, as their mean and the range that they fill. */
import {
  type PrecisionRecallCurve,
  precisionRecallCurve,
  type RocCurve,
  rocCurve,
  sensitivityAt,
} from '../../stats/index.js';

/** The part of a trial's scores that curves are made of. */
export interface CurveScores {
  folds: readonly { fold: number; test: { labels: readonly (0 | 1)[] } }[];
  runs: readonly { arm: string; fold: number; testScores: readonly number[] }[];
}

export interface BandPoint {
  x: number;
  /** Mean over the runs. */
  y: number;
  /** Lowest and highest run. */
  low: number;
  high: number;
}

/** Vertical mean and range of curves that can be asked anywhere. */
export function bandOf<T>(
  curves: readonly T[],
  at: (curve: T, x: number) => number,
  points = 101,
): BandPoint[] {
  return Array.from({ length: points }, (_, i) => {
    const x = i / (points - 1);
    return { x, ...spreadOf(curves.map((curve) => at(curve, x))) };
  });
}

export function spreadOf(values: readonly number[]): Omit<BandPoint, 'x'> {
  return {
    y: values.reduce((sum, value) => sum + value, 0) / values.length,
    low: Math.min(...values),
    high: Math.max(...values),
  };
}

/**
 * Precision where the recall is at least this: what a threshold brings that finds so many. A step function, since straight
 * lines between the points would be too good (Davis & Goadrich, ICML 2006).
 */
export function precisionAt({ recall, precision }: PrecisionRecallCurve, wanted: number): number {
  let [low, high] = [0, recall.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (recall[middle]! >= wanted - 1e-12) high = middle;
    else low = middle + 1;
  }
  return precision[low]!;
}

/** Every run of an arm with the labels of its own test images. */
export function runsOf(
  { runs, folds }: CurveScores,
  arm: string,
): { labels: readonly number[]; scores: readonly number[] }[] {
  return runs
    .filter((run) => run.arm === arm)
    .map((run) => ({
      labels: folds.find(({ fold }) => fold === run.fold)!.test.labels,
      scores: run.testScores,
    }));
}

/** ROC curve: sensitivity over 1 − specificity, from (0, 0). */
export function rocBand(scores: CurveScores, arm: string): BandPoint[] {
  const curves = runsOf(scores, arm).map((run): RocCurve => rocCurve(run.labels, run.scores));
  // At a rate of 0 the curves rise; the line begins in the corner.
  return [{ x: 0, y: 0, low: 0, high: 0 }, ...bandOf(curves, sensitivityAt)];
}

/** Precision over recall, from the first hundredth on: where nothing is called positive, there is no precision. */
export function precisionBand(scores: CurveScores, arm: string): BandPoint[] {
  const curves = runsOf(scores, arm).map((run) => precisionRecallCurve(run.labels, run.scores));
  return bandOf(curves, precisionAt).slice(1);
}
