/**
 * Scores of a classifier on one split, besides AUC: those that need a threshold and those that judge the
 * probabilities themselves. A threshold is chosen on validation images only and then used on test images as it is.
 */
import { DataError } from 'graft-torch/base';
import { auc, checkBinary, type Numbers, rocPoints } from './roc.js';

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

/** Mean squared error of probabilities, 0 to 1 (Brier 1950). */
export function brier(labels: Numbers, probabilities: Numbers): number {
  checkProbabilities(labels, probabilities);
  let sum = 0;
  for (let i = 0; i < labels.length; i++) sum += (probabilities[i]! - labels[i]!) ** 2;
  return sum / labels.length;
}

/** Mean negative log-likelihood in nats; probabilities are kept 1e-15 away from 0 and 1. */
export function logLoss(labels: Numbers, probabilities: Numbers): number {
  checkProbabilities(labels, probabilities);
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const p = Math.min(1 - 1e-15, Math.max(1e-15, probabilities[i]!));
    sum -= labels[i] === 1 ? Math.log(p) : Math.log1p(-p);
  }
  return sum / labels.length;
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

/** Highest sensitivity among the thresholds whose specificity is at least this on the same split. */
export function sensitivityAtSpecificity(labels: Numbers, scores: Numbers, specificity: number): number {
  const { falsePositiveRate, truePositiveRate } = rocPoints(labels, scores);
  let best = 0;
  for (let i = 0; i < falsePositiveRate.length; i++) {
    if (1 - falsePositiveRate[i]! >= specificity - 1e-12) best = Math.max(best, truePositiveRate[i]!);
  }
  return best;
}

/** All scores of one split at a threshold chosen elsewhere. @param probabilities in [0, 1]. */
export function splitScores(labels: Numbers, probabilities: Numbers, threshold: number): SplitScores {
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = confusion(
    labels,
    probabilities,
    threshold,
  );
  const sensitivity = truePositives / (truePositives + falseNegatives);
  const specificity = trueNegatives / (trueNegatives + falsePositives);
  return {
    auc: auc(labels, probabilities),
    logLoss: logLoss(labels, probabilities),
    brier: brier(labels, probabilities),
    threshold,
    accuracy: (truePositives + trueNegatives) / labels.length,
    balancedAccuracy: (sensitivity + specificity) / 2,
    sensitivity,
    specificity,
  };
}

function checkProbabilities(labels: Numbers, probabilities: Numbers): void {
  if (labels.length === 0 || labels.length !== probabilities.length) {
    throw new DataError(`Got ${labels.length} labels for ${probabilities.length} probabilities.`);
  }
  for (let i = 0; i < probabilities.length; i++) {
    if (!(probabilities[i]! >= 0 && probabilities[i]! <= 1)) {
      throw new DataError(
        `Probabilities must lie in [0, 1]; number ${i} is ${probabilities[i]}. Apply the sigmoid first.`,
      );
    }
  }
}
