/**
 * The precision–recall curve and the average precision. Where positives are rare, ROC curves look good while most alarms
 * are false; precision says so. Chance is no 0.5 here but the prevalence, so that figures of sets with different
 * prevalence cannot be compared.
 *
 *   AP = Σₖ (Rₖ − Rₖ₋₁) Pₖ   over descending thresholds
 *
 * A step function, as scikit-learn's `average_precision_score`: straight lines between the points would be too good
 * (Davis & Goadrich, ICML 2006). Images with equal scores move together.
 */
import { checkBinary, type Numbers, sortedOrder } from './roc.js';

export interface PrecisionRecallCurve {
  /** Sensitivity, from 0 to 1, ascending. */
  recall: number[];
  /** Share of rightful alarms; 1 at recall 0, where nothing is called positive. */
  precision: number[];
  /** A point holds for "score ≥ threshold"; the first is Infinity. */
  thresholds: number[];
}

/**
 * Every point of the curve, one a distinct score.
 * @param weights how often each image counts; default once
 * @throws DataError for unequal lengths, labels other than 0 and 1, a missing class, scores that are not finite
 */
export function precisionRecallCurve(
  labels: Numbers,
  scores: Numbers,
  weights?: Numbers,
): PrecisionRecallCurve {
  checkBinary(labels, scores);
  const order = sortedOrder(scores);
  let positives = 0;
  for (let i = 0; i < labels.length; i++) positives += labels[i]! * (weights?.[i] ?? 1);
  const curve: PrecisionRecallCurve = { recall: [0], precision: [1], thresholds: [Number.POSITIVE_INFINITY] };
  let truePositives = 0;
  let called = 0;
  for (let i = order.length - 1; i >= 0; ) {
    const threshold = scores[order[i]!]!;
    for (; i >= 0 && scores[order[i]!] === threshold; i--) {
      const weight = weights?.[order[i]!] ?? 1;
      called += weight;
      truePositives += labels[order[i]!]! * weight;
    }
    if (called === 0) continue;
    curve.recall.push(truePositives / positives);
    curve.precision.push(truePositives / called);
    curve.thresholds.push(threshold);
  }
  return curve;
}

/** Average precision in (0, 1]; a classifier that knows nothing gets the prevalence. Errors: as the curve. */
export function averagePrecision(labels: Numbers, scores: Numbers, weights?: Numbers): number {
  const { recall, precision } = precisionRecallCurve(labels, scores, weights);
  let area = 0;
  for (let k = 1; k < recall.length; k++) area += (recall[k]! - recall[k - 1]!) * precision[k]!;
  return area;
}
