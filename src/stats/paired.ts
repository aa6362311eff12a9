/**
 * Pairs: comparisons over seeds on one and the same test set (these know training chance only; ./seeds.ts adds the choice
 * of test images), and how far two measures rank alike.
 */
import { DataError } from 'graft-torch/base';
import type { Interval } from './delong.js';
import { tQuantile, tTwoSided } from './distributions.js';
import { midRanks, type Numbers } from './roc.js';

/** Mean and sample standard deviation (n − 1; 0 for one value). */
export function meanAndDeviation(values: Numbers): { mean: number; deviation: number } {
  const n = values.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += values[i]! / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  return { mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 };
}

/** Mean over lists of their means, and the standard deviation within lists, pooled over them (0 where none has two values). */
export function pooledSpread(lists: readonly Numbers[]): { mean: number; deviation: number } {
  let [mean, squares, degreesOfFreedom] = [0, 0, 0];
  for (const list of lists) {
    const own = meanAndDeviation(list);
    mean += own.mean / lists.length;
    squares += own.deviation ** 2 * (list.length - 1);
    degreesOfFreedom += list.length - 1;
  }
  return { mean, deviation: degreesOfFreedom > 0 ? Math.sqrt(squares / degreesOfFreedom) : 0 };
}

export interface PairedT extends Interval {
  mean: number;
  deviation: number;
  t: number;
  degreesOfFreedom: number;
  /** Two-sided. */
  p: number;
}

/**
 * Paired t test of differences against zero with its interval; null for fewer than two differences.
 * @param testToTrain for differences of the folds of a cross-validation: number of test images over number of training
 * images. Training sets of different folds overlap, so that their differences are not independent, and the variance of the
 * mean is taken to be (1/n + testToTrain)·s² (Nadeau & Bengio, "Inference for the generalization error", Machine Learning
 * 2003). Default 0: independent differences.
 */
export function pairedT(differences: Numbers, level = 0.95, testToTrain = 0): PairedT | null {
  const n = differences.length;
  if (n < 2) return null;
  const { mean, deviation } = meanAndDeviation(differences);
  const standardError = deviation * Math.sqrt(1 / n + testToTrain);
  const t = standardError > 0 ? mean / standardError : mean === 0 ? 0 : Math.sign(mean) * Number.MAX_VALUE;
  const half = tQuantile(0.5 + level / 2, n - 1) * standardError;
  return {
    mean,
    deviation,
    t,
    degreesOfFreedom: n - 1,
    p: tTwoSided(t, n - 1),
    low: mean - half,
    high: mean + half,
  };
}

/**
 * Exact two-sided Wilcoxon signed-rank test: zeros are dropped, ties share mid-ranks, and the distribution is
 * counted over all 2^n signs (by dynamic programming over rank sums, so that n = 200 is no trouble).
 * With n differences the smallest possible p is 2^(1−n): three seeds can never reach .05.
 */
export function wilcoxonSignedRank(differences: Numbers): { statistic: number; p: number; n: number } {
  const nonZero = Array.from(differences).filter((value) => value !== 0);
  const n = nonZero.length;
  if (n === 0) return { statistic: 0, p: 1, n };
  // Mid-ranks are multiples of a half: doubled they are integers and can index a table.
  const doubled = Array.from(midRanks(nonZero.map(Math.abs)), (rank) => Math.round(2 * rank));
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  const positive = doubled.reduce((sum, rank, i) => sum + (nonZero[i]! > 0 ? rank : 0), 0);
  const smaller = Math.min(positive, total - positive);
  // Probabilities instead of counts: 2^n would overflow.
  let probability = new Float64Array(total + 1);
  probability[0] = 1;
  for (const rank of doubled) {
    const next = new Float64Array(total + 1);
    for (let sum = 0; sum <= total; sum++) {
      next[sum] = 0.5 * probability[sum]! + (sum >= rank ? 0.5 * probability[sum - rank]! : 0);
    }
    probability = next;
  }
  let tail = 0;
  for (let sum = 0; sum <= smaller; sum++) tail += probability[sum]!;
  return { statistic: smaller / 2, p: Math.min(1, 2 * tail), n };
}

/**
 * Spearman's rank correlation: the correlation of mid-ranks (ties share the mean of their ranks).
 * @returns −1 … 1; NaN where one side has the same value throughout, and so no order
 * @throws DataError for unequal lengths
 */
export function spearman(first: Numbers, second: Numbers): number {
  if (first.length !== second.length) {
    throw new DataError(`A correlation needs pairs: got ${first.length} and ${second.length} values.`);
  }
  const [a, b] = [midRanks(first), midRanks(second)];
  const mean = (a.length + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - mean) * (b[i]! - mean);
    aa += (a[i]! - mean) ** 2;
    bb += (b[i]! - mean) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
