/**
 * Every score of a decision between several classes at once, for images that may carry weights: a bootstrap replicate is a
 * set of weights.
 *
 * The class that is called is the likeliest one. Ranking scores (AUC, average precision) are of each class's probability
 * against the rest; a macro mean gives every class the same weight, a weighted one as much as it has images. The mean
 * sensitivity over classes is the balanced accuracy, by which the ISIC 2018 challenge ranked (Codella et al. 2019,
 * arXiv:1902.03368).
 */
import { DataError } from 'graft-torch/base';
import type { Numbers } from './roc.js';
import { type BinaryScores, binaryScorer } from './scores.js';

/** Of one class against all others. NaN where a score is not defined: precision of a class that is never called. */
export type OneClassScores = Pick<
  BinaryScores,
  'auc' | 'averagePrecision' | 'sensitivity' | 'specificity' | 'precision' | 'negativePredictiveValue' | 'f1'
>;

/** Over all classes that have images. */
export interface OverallScores {
  macroAuc: number;
  weightedAuc: number;
  macroAveragePrecision: number;
  /** Mean sensitivity. */
  balancedAccuracy: number;
  /** Share of images that are called what they are; also the weighted sensitivity. */
  accuracy: number;
  /** A class that is never called counts as 0. */
  macroPrecision: number;
  macroF1: number;
  weightedF1: number;
  /** Mean negative log-likelihood of the right class in nats, probabilities kept above 1e-15. */
  logLoss: number;
  /** Mean over images of Σ (pₖ − yₖ)², 0 to 2 (Brier 1950). */
  brier: number;
}

export interface MultiClassScores {
  overall: OverallScores;
  /** In the order of the classes; null for a class without images. */
  byClass: (OneClassScores | null)[];
}

/** Index of the likeliest class, of equals the first. */
export const likeliest = (probabilities: Numbers): number => {
  let best = 0;
  for (let k = 1; k < probabilities.length; k++) if (probabilities[k]! > probabilities[best]!) best = k;
  return best;
};

/**
 * How often each class is called what, `[truth][called]`.
 * @param classes how many there are
 */
export function confusionMatrix(
  truths: Numbers,
  calls: Numbers,
  { classes, weights }: { classes: number; weights?: Numbers },
): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < truths.length; i++) matrix[truths[i]!]![calls[i]!]! += weights?.[i] ?? 1;
  return matrix;
}

/**
 * Prepares truths and probabilities once and gives a function that scores them under weights, in linear time a call.
 * @param truths index of each image's class
 * @param probabilities a row an image; rows sum to 1
 * @returns scores under weights (how often each image counts); without weights each counts once
 * @throws DataError for unequal lengths, fewer than two classes with images, probabilities that are not finite
 */
export function multiClassScorer(
  truths: Numbers,
  probabilities: readonly Numbers[],
): (weights?: Numbers) => MultiClassScores {
  const n = probabilities.length;
  if (n === 0 || truths.length !== n) throw new DataError(`Got ${truths.length} labels for ${n} images.`);
  const classes = probabilities[0]!.length;
  const present = new Set(Array.from(truths));
  if (present.size < 2)
    throw new DataError('The images are all of one class; scores need two or more: use a larger split.');
  const calls = probabilities.map(likeliest);
  // No threshold is used of these scorers: 2 is above every probability.
  const rankings = Array.from({ length: classes }, (_, k) =>
    present.has(k)
      ? binaryScorer(
          Array.from(truths, (truth) => (truth === k ? 1 : 0)),
          probabilities.map((row) => row[k]!),
          2,
        )
      : null,
  );
  const losses = probabilities.map((row, i) => -Math.log(Math.max(1e-15, row[truths[i]!]!)));
  const squares = probabilities.map((row, i) => {
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += (row[k]! - (truths[i] === k ? 1 : 0)) ** 2;
    return sum;
  });

  return (weights) => {
    const matrix = confusionMatrix(truths, calls, { classes, weights });
    const images = matrix.map((row) => row.reduce((sum, count) => sum + count, 0));
    const called = matrix.map((_, k) => matrix.reduce((sum, row) => sum + row[k]!, 0));
    const total = images.reduce((sum, count) => sum + count, 0);
    const byClass = rankings.map((ranking, k): OneClassScores | null => {
      if (ranking === null) return null;
      const { auc, averagePrecision } = ranking(weights);
      const right = matrix[k]![k]!;
      const others = total - images[k]!;
      const rightlyLeft = others - (called[k]! - right);
      return {
        auc,
        averagePrecision,
        sensitivity: right / images[k]!,
        specificity: rightlyLeft / others,
        precision: right / called[k]!,
        negativePredictiveValue: rightlyLeft / (total - called[k]!),
        f1: (2 * right) / (images[k]! + called[k]!),
      };
    });
    const mean = (value: (scores: OneClassScores) => number, weightOf: (k: number) => number): number => {
      let [sum, all] = [0, 0];
      byClass.forEach((scores, k) => {
        if (scores === null) return;
        sum += weightOf(k) * value(scores);
        all += weightOf(k);
      });
      return sum / all;
    };
    const alike = (): number => 1;
    const bySize = (k: number): number => images[k]!;
    const imageMean = (values: Numbers): number => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += (weights?.[i] ?? 1) * values[i]!;
      return sum / total;
    };
    return {
      overall: {
        macroAuc: mean(({ auc }) => auc, alike),
        weightedAuc: mean(({ auc }) => auc, bySize),
        macroAveragePrecision: mean(({ averagePrecision }) => averagePrecision, alike),
        balancedAccuracy: mean(({ sensitivity }) => sensitivity, alike),
        accuracy: matrix.reduce((sum, row, k) => sum + row[k]!, 0) / total,
        macroPrecision: mean(({ precision }) => (Number.isNaN(precision) ? 0 : precision), alike),
        macroF1: mean(({ f1 }) => f1, alike),
        weightedF1: mean(({ f1 }) => f1, bySize),
        logLoss: imageMean(losses),
        brier: imageMean(squares),
      },
      byClass,
    };
  };
}
