/**
 * The ROC curve and the area under it, over a whole split at once (an average of batch AUCs is another, wrong
 * number). Labels are 1 (positive) and 0 (negative); a higher score means "more likely positive".
 * AUC is the Mann–Whitney statistic: the chance that a positive scores above a negative, ties counting a half.
 */
import { DataError } from 'graft-torch/base';

export type Numbers = ArrayLike<number>;

/** A line to draw or to read between points. It says nothing of single thresholds: those are {@link rocPoints}. */
export interface RocCurve {
  /** 1 − specificity, from 0 to 1, ascending. */
  falsePositiveRate: number[];
  /** Sensitivity, from 0 to 1, ascending. */
  truePositiveRate: number[];
}

export interface RocPoints extends RocCurve {
  /** A point holds for "score ≥ threshold"; the first is Infinity (nothing is called positive). */
  thresholds: number[];
}

/** Refuses what no score can be computed from: unequal lengths, labels other than 0/1, one class, NaN. */
export function checkBinary(labels: Numbers, scores: Numbers): { positives: number; negatives: number } {
  if (labels.length !== scores.length) {
    throw new DataError(
      `Each image needs one label and one score: got ${labels.length} labels, ${scores.length} scores.`,
    );
  }
  let positives = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 0 && labels[i] !== 1)
      throw new DataError(`Labels must be 0 or 1; label ${i} is ${labels[i]}.`);
    if (!Number.isFinite(scores[i])) {
      throw new DataError(`Scores must be finite; score ${i} is ${scores[i]}. Did training diverge?`);
    }
    positives += labels[i]!;
  }
  const negatives = labels.length - positives;
  if (positives === 0 || negatives === 0) {
    throw new DataError(
      `AUC needs images of both classes; got ${positives} positive and ${negatives} negative. Use a larger split.`,
    );
  }
  return { positives, negatives };
}

/** Indices of `values` in ascending order of value. */
export function sortedOrder(values: Numbers): Uint32Array {
  const order = new Uint32Array(values.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order.sort((a, b) => values[a]! - values[b]!);
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function midRanks(values: Numbers): Float64Array {
  const order = sortedOrder(values);
  const ranks = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let j = i + 1;
    while (j < order.length && values[order[j]!] === values[order[i]!]) j++;
    for (let k = i; k < j; k++) ranks[order[k]!] = (i + 1 + j) / 2;
    i = j;
  }
  return ranks;
}

/** Area under the ROC curve in [0, 1], ties counted a half. */
export function auc(labels: Numbers, scores: Numbers): number {
  const { positives, negatives } = checkBinary(labels, scores);
  const ranks = midRanks(scores);
  let rankSum = 0;
  for (let i = 0; i < ranks.length; i++) if (labels[i] === 1) rankSum += ranks[i]!;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Every operating point there is, one a distinct score, for descending thresholds; images with equal scores move
 * together. Whatever asks for a threshold, a sensitivity or a specificity that is reached reads it here.
 */
export function rocPoints(labels: Numbers, scores: Numbers): RocPoints {
  const { positives, negatives, truePositives, falsePositives, thresholds } = countsByThreshold(
    labels,
    scores,
  );
  return {
    falsePositiveRate: falsePositives.map((count) => count / negatives),
    truePositiveRate: truePositives.map((count) => count / positives),
    thresholds,
  };
}

/**
 * The same as a line: points on the straight line between their neighbours are left out, which changes neither curve nor
 * area, but takes away operating points.
 */
export function rocCurve(labels: Numbers, scores: Numbers): RocCurve {
  const { positives, negatives, truePositives: tp, falsePositives: fp } = countsByThreshold(labels, scores);
  const corners: number[] = [];
  for (let i = 0; i < tp.length; i++) {
    const [before, last] = [corners.at(-2), corners.at(-1)];
    // Counts are integers, so that "collinear" is exact.
    if (
      before !== undefined &&
      last !== undefined &&
      (tp[last]! - tp[before]!) * (fp[i]! - fp[last]!) === (tp[i]! - tp[last]!) * (fp[last]! - fp[before]!)
    ) {
      corners.pop();
    }
    corners.push(i);
  }
  return {
    falsePositiveRate: corners.map((i) => fp[i]! / negatives),
    truePositiveRate: corners.map((i) => tp[i]! / positives),
  };
}

/** Images of each class at or above each distinct score, from nothing called positive down. */
function countsByThreshold(labels: Numbers, scores: Numbers) {
  const { positives, negatives } = checkBinary(labels, scores);
  const order = sortedOrder(scores);
  const truePositives = [0];
  const falsePositives = [0];
  const thresholds = [Number.POSITIVE_INFINITY];
  let tp = 0;
  let fp = 0;
  for (let i = order.length - 1; i >= 0; ) {
    const threshold = scores[order[i]!]!;
    for (; i >= 0 && scores[order[i]!] === threshold; i--) {
      if (labels[order[i]!] === 1) tp++;
      else fp++;
    }
    truePositives.push(tp);
    falsePositives.push(fp);
    thresholds.push(threshold);
  }
  return { positives, negatives, truePositives, falsePositives, thresholds };
}

/** Sensitivity at a false positive rate, linear between the points (the upper end where the curve is vertical). */
export function sensitivityAt(curve: RocCurve, falsePositiveRate: number): number {
  const { falsePositiveRate: x, truePositiveRate: y } = curve;
  let right = x.length - 1;
  for (let low = 0; low < right; ) {
    // First point strictly to the right.
    const middle = (low + right) >> 1;
    if (x[middle]! > falsePositiveRate) right = middle;
    else low = middle + 1;
  }
  if (x[right]! <= falsePositiveRate) return y[right]!;
  const left = right - 1;
  return y[left]! + ((y[right]! - y[left]!) * (falsePositiveRate - x[left]!)) / (x[right]! - x[left]!);
}
