/**
 * Net benefit: what acting on a probability is worth, to whom a rightly treated patient is worth one and a wrongly treated
 * one costs the odds of the threshold,
 *
 *   net benefit(t) = TP / n − FP / n · t / (1 − t)
 *
 * Whoever treats from the probability t on says by it that one true positive outweighs (1 − t) / t false alarms. Held
 * against treating all and treating none (0). Vickers & Elkin, Medical Decision Making 2006.
 */
import { checkBinary, type Numbers } from './roc.js';

const checkThreshold = (threshold: number): void => {
  if (!(threshold >= 0 && threshold < 1))
    throw new RangeError(`a threshold probability lies in [0, 1), not at ${threshold}`);
};

/** What each image adds, n times its share of the net benefit. @param threshold from which probability on one acts */
export function benefitOfImages(labels: Numbers, probabilities: Numbers, threshold: number): Float64Array {
  checkThreshold(threshold);
  const cost = threshold / (1 - threshold);
  const own = new Float64Array(labels.length);
  for (let i = 0; i < own.length; i++)
    own[i] = probabilities[i]! >= threshold ? (labels[i] === 1 ? 1 : -cost) : 0;
  return own;
}

/** @param probabilities in [0, 1] */
export function netBenefit(labels: Numbers, probabilities: Numbers, threshold: number): number {
  checkBinary(labels, probabilities);
  const own = benefitOfImages(labels, probabilities, threshold);
  return own.reduce((sum, value) => sum + value, 0) / own.length;
}

/** Of acting on everybody. @param prevalence share of positives */
export function benefitOfAll(prevalence: number, threshold: number): number {
  checkThreshold(threshold);
  return prevalence - ((1 - prevalence) * threshold) / (1 - threshold);
}
