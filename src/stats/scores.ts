/**
 * Scores of a two-class decision: every one at once, for images that may carry weights (a bootstrap replicate is a set of
 * weights), and the threshold that decides. Several classes are scored one against the rest: labels 1 for the class, 0 for
 * all others.
 *
 * A threshold is chosen on validation images only and then used on test images as it is. Scores "at 90 % specificity" read
 * the operating point off the same images; they compare classifiers, and promise nothing about a threshold that was fixed
 * before. All others use the threshold given.
 */
import { DataError } from 'graft-torch/base';
import { checkBinary, type Numbers, rocPoints, sortedOrder } from './roc.js';

/** NaN where a score is not defined: precision where nothing is called positive, rates of a class without weight. */
export interface BinaryScores {
  auc: number;
  /** Area under the precision–recall curve (./precision-recall.ts). */
  averagePrecision: number;
  accuracy: number;
  /** Mean of sensitivity and specificity. */
  balancedAccuracy: number;
  sensitivity: number;
  specificity: number;
  /** Positive predictive value. */
  precision: number;
  negativePredictiveValue: number;
  /** Harmonic mean of precision and sensitivity, 2TP / (2TP + FP + FN). */
  f1: number;
  /** Mean squared error of the probabilities (Brier 1950). */
  brier: number;
  /** Mean negative log-likelihood in nats, probabilities kept 1e-15 away from 0 and 1. */
  logLoss: number;
  /** Highest sensitivity among the thresholds with this specificity or more, and the reverse. */
  sensitivityAt90Specificity: number;
  sensitivityAt95Specificity: number;
  specificityAt90Sensitivity: number;
  specificityAt95Sensitivity: number;
}

/** The largest log loss of an image: of one that is certain and wrong. (The logarithm of 1e-15 but for rounding.) */
export const LARGEST_LOG_LOSS = -Math.log1p(-(1 - 1e-15));

/**
 * The independent groups that a score rests on: of the class that it is a share of, else of the smaller one.
 * @param groups effective groups of each class (./groups.ts)
 */
export function groupsBehind(
  score: keyof BinaryScores,
  { positives, negatives }: { positives: number; negatives: number },
): number {
  if (score.startsWith('sensitivity')) return positives;
  if (score.startsWith('specificity')) return negatives;
  return Math.min(positives, negatives);
}

/**
 * Prepares labels and probabilities once (they are sorted) and gives a function that scores them under weights, in linear
 * time a call.
 * @param labels 0 or 1
 * @param probabilities in [0, 1]
 * @param threshold called positive from here on
 * @returns scores under weights (how often each image counts); without weights each counts once
 * @throws DataError for unequal lengths, labels other than 0 and 1, a missing class, scores that are not finite
 */
export function binaryScorer(
  labels: Numbers,
  probabilities: Numbers,
  threshold: number,
): (weights?: Numbers) => BinaryScores {
  checkBinary(labels, probabilities);
  const n = labels.length;
  const order = sortedOrder(probabilities).reverse();
  const endsTie = Uint8Array.from(order, (image, i) =>
    i + 1 === n || probabilities[order[i + 1]!] !== probabilities[image] ? 1 : 0,
  );
  const squares = new Float64Array(n);
  const losses = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const p = Math.min(1 - 1e-15, Math.max(1e-15, probabilities[i]!));
    squares[i] = (probabilities[i]! - labels[i]!) ** 2;
    losses[i] = labels[i] === 1 ? -Math.log(p) : -Math.log1p(-p);
  }

  return (weights) => {
    const weightOf = (i: number): number => weights?.[i] ?? 1;
    let [positives, negatives, squareSum, lossSum, tp, fp] = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const weight = weightOf(i);
      squareSum += weight * squares[i]!;
      lossSum += weight * losses[i]!;
      const called = probabilities[i]! >= threshold;
      if (labels[i] === 1) {
        positives += weight;
        if (called) tp += weight;
      } else {
        negatives += weight;
        if (called) fp += weight;
      }
    }
    const total = positives + negatives;
    const [fn, tn] = [positives - tp, negatives - fp];
    const { auc, averagePrecision, sensitivityAt, specificityAt } = walk(labels, {
      order,
      endsTie,
      weightOf,
      positives,
      negatives,
    });
    const sensitivity = tp / positives;
    const specificity = tn / negatives;
    return {
      auc,
      averagePrecision,
      accuracy: (tp + tn) / total,
      balancedAccuracy: (sensitivity + specificity) / 2,
      sensitivity,
      specificity,
      precision: tp / (tp + fp),
      negativePredictiveValue: tn / (tn + fn),
      f1: (2 * tp) / (2 * tp + fp + fn),
      brier: squareSum / total,
      logLoss: lossSum / total,
      sensitivityAt90Specificity: sensitivityAt[0]!,
      sensitivityAt95Specificity: sensitivityAt[1]!,
      specificityAt90Sensitivity: specificityAt[0]!,
      specificityAt95Sensitivity: specificityAt[1]!,
    };
  };
}

/** Operating points are read at these rates; a rate that is reached but for rounding counts as reached. */
const RATES = [0.9, 0.95];
const ROUNDING = 1e-12;

interface Walk {
  /** Images by descending probability. */
  order: Uint32Array;
  endsTie: Uint8Array;
  weightOf: (image: number) => number;
  positives: number;
  negatives: number;
}

/** From the upper threshold down: the areas under both curves, and the points of the ROC curve with the rates asked for. */
function walk(labels: Numbers, { order, endsTie, weightOf, positives, negatives }: Walk) {
  const sensitivityAt = RATES.map(() => 0);
  const specificityAt = RATES.map(() => 0);
  let [tp, fp, area, averagePrecision, tiedPositives, tiedNegatives] = [0, 0, 0, 0, 0, 0];
  order.forEach((image, i) => {
    if (labels[image] === 1) tiedPositives += weightOf(image);
    else tiedNegatives += weightOf(image);
    if (endsTie[i] === 0) return;
    area += tiedNegatives * (tp + 0.5 * tiedPositives);
    tp += tiedPositives;
    fp += tiedNegatives;
    if (tiedPositives > 0) averagePrecision += (tiedPositives / positives) * (tp / (tp + fp));
    tiedPositives = 0;
    tiedNegatives = 0;
    const sensitivity = tp / positives;
    const specificity = 1 - fp / negatives;
    RATES.forEach((rate, r) => {
      if (specificity >= rate - ROUNDING) sensitivityAt[r] = Math.max(sensitivityAt[r]!, sensitivity);
      if (sensitivity >= rate - ROUNDING) specificityAt[r] = Math.max(specificityAt[r]!, specificity);
    });
  });
  return { auc: area / (positives * negatives), averagePrecision, sensitivityAt, specificityAt };
}

export interface Confusion {
  truePositives: number;
  falsePositives: number;
  trueNegatives: number;
  falseNegatives: number;
}

export interface SplitScores {
  auc: number;
  /** Mean negative log-likelihood in nats; lower is better. */
  logLoss: number;
  /** Mean squared error of the probabilities; lower is better. */
  brier: number;
  /** Called positive from here on (probability ≥ threshold). */
  threshold: number;
  accuracy: number;
  /** Mean of sensitivity and specificity; .5 is chance whatever the prevalence. */
  balancedAccuracy: number;
  sensitivity: number;
  specificity: number;
}

/** How a threshold is chosen. */
export type ThresholdRule =
  | { rule: 'balanced-accuracy' }
  | { rule: 'sensitivity'; atLeast: number }
  | { rule: 'specificity'; atLeast: number };

/** Counts with "probability ≥ threshold" called positive. */
export function confusion(labels: Numbers, probabilities: Numbers, threshold: number): Confusion {
  checkBinary(labels, probabilities);
  const counts: Confusion = { truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0 };
  for (let i = 0; i < labels.length; i++) {
    const called = probabilities[i]! >= threshold;
    if (labels[i] === 1) counts[called ? 'truePositives' : 'falseNegatives']++;
    else counts[called ? 'falsePositives' : 'trueNegatives']++;
  }
  return counts;
}

/**
 * The threshold that the rule asks for, among the scores that occur. Give it *validation* labels and scores.
 * 'balanced-accuracy' takes the point of the ROC curve furthest above the diagonal (Youden 1950); 'sensitivity'
 * the highest threshold that reaches it; 'specificity' the lowest. Where the best is to call nothing positive the
 * answer is 2, which no probability reaches (and which JSON can hold, unlike Infinity).
 */
export function chooseThreshold(
  labels: Numbers,
  probabilities: Numbers,
  rule: ThresholdRule = { rule: 'balanced-accuracy' },
): number {
  const { falsePositiveRate, truePositiveRate, thresholds } = rocPoints(labels, probabilities);
  let best = 0;
  for (let i = 0; i < thresholds.length; i++) {
    const specificity = 1 - falsePositiveRate[i]!;
    if (rule.rule === 'sensitivity' && truePositiveRate[i]! >= rule.atLeast)
      return Math.min(2, thresholds[i]!);
    if (rule.rule === 'specificity' && specificity >= rule.atLeast - 1e-12) best = i;
    if (
      rule.rule === 'balanced-accuracy' &&
      truePositiveRate[i]! + specificity > truePositiveRate[best]! + 1 - falsePositiveRate[best]! + 1e-12
    ) {
      best = i;
    }
  }
  return Math.min(2, thresholds[best]!);
}

/**
 * All scores of one split at a threshold chosen elsewhere.
 * @param probabilities in [0, 1]
 * @throws DataError as {@link binaryScorer}, and for what is no probability
 */
export function splitScores(labels: Numbers, probabilities: Numbers, threshold: number): SplitScores {
  for (let i = 0; i < probabilities.length; i++) {
    if (!(probabilities[i]! >= 0 && probabilities[i]! <= 1)) {
      throw new DataError(
        `Probabilities must lie in [0, 1]; number ${i} is ${probabilities[i]}. Apply the sigmoid first.`,
      );
    }
  }
  const scores = binaryScorer(labels, probabilities, threshold)();
  const { auc, logLoss, brier, accuracy, balancedAccuracy, sensitivity, specificity } = scores;
  return { auc, logLoss, brier, threshold, accuracy, balancedAccuracy, sensitivity, specificity };
}
