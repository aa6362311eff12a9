import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { classifyGolden } from './classify.test-data.js';
import { aucCovariance, aucInterval } from './delong.js';
import { averagePrecision, precisionRecallCurve } from './precision-recall.js';
import { type BinaryScores, binaryScorer } from './scores.js';

const close = (ours: BinaryScores, theirs: BinaryScores): void => {
  for (const [name, value] of Object.entries(theirs))
    expect(ours[name as keyof BinaryScores], name).toBeCloseTo(value, 12);
};

describe('scores of two classes', () => {
  test('equal scikit-learn’s, with and without ties', () => {
    for (const { labels, probabilities, threshold, scores } of classifyGolden.scores)
      close(binaryScorer(labels, probabilities, threshold)(), scores);
  });

  test('under weights, scikit-learn’s with sample_weight', () => {
    for (const { labels, probabilities, threshold, weights, weighted } of classifyGolden.scores)
      close(binaryScorer(labels, probabilities, threshold)(weights), weighted);
  });

  test('weights are repetitions', () => {
    const { labels, probabilities, threshold, weights } = classifyGolden.scores[2]!;
    const repeated = labels.flatMap((_, i) => new Array<number>(weights[i]!).fill(i));
    close(
      binaryScorer(labels, probabilities, threshold)(weights),
      binaryScorer(
        repeated.map((i) => labels[i]!),
        repeated.map((i) => probabilities[i]!),
        threshold,
      )(),
    );
  });

  test('a rate that is reached exactly counts as reached', () => {
    // One false alarm among ten, above both positives: 1 − 1/10 is a rounding error away from 0.9.
    const labels = [0, 1, 1, ...new Array<number>(9).fill(0)];
    const scores = [0.9, 0.8, 0.7, ...new Array<number>(9).fill(0.1)];
    expect(binaryScorer(labels, scores, 0.5)()).toMatchObject({
      sensitivityAt90Specificity: 1,
      sensitivityAt95Specificity: 0,
      specificityAt90Sensitivity: 0.9,
    });
  });

  test('a threshold that nothing reaches: precision is not defined, all others are', () => {
    const { precision, ...others } = binaryScorer([0, 1, 0, 1], [0.2, 0.3, 0.1, 0.6], 2)();
    expect(precision).toBeNaN();
    expect(others).toMatchObject({ sensitivity: 0, specificity: 1, f1: 0, accuracy: 0.5, auc: 1 });
  });

  test('one class, other labels, unequal lengths are refused', () => {
    expect(() => binaryScorer([1, 1], [0.5, 0.6], 0.5)()).toThrow(/both classes/);
    expect(() => binaryScorer([0, 2], [0.5, 0.6], 0.5)()).toThrow(/0 or 1/);
    expect(() => binaryScorer([0, 1], [0.5], 0.5)()).toThrow(/one score/);
  });
});

describe('precision–recall curve', () => {
  test('has scikit-learn’s points, and its average precision', () => {
    for (const { labels, probabilities, curve, scores } of classifyGolden.scores) {
      const ours = precisionRecallCurve(labels, probabilities);
      expect(ours.thresholds.slice(1)).toEqual(curve.thresholds.slice().reverse());
      // scikit-learn's last point, recall 0 and precision 1, is our first.
      curve.precision
        .slice()
        .reverse()
        .forEach((value, i) => {
          expect(ours.precision[i]).toBeCloseTo(value, 13);
        });
      curve.recall
        .slice()
        .reverse()
        .forEach((value, i) => {
          expect(ours.recall[i]).toBeCloseTo(value, 13);
        });
      expect(averagePrecision(labels, probabilities)).toBeCloseTo(scores.averagePrecision, 13);
    }
  });

  test('one score for all gives the prevalence, a perfect order 1', () => {
    expect(averagePrecision([1, 0, 0, 0, 0], [0.4, 0.4, 0.4, 0.4, 0.4])).toBeCloseTo(0.2, 14);
    expect(averagePrecision([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.2])).toBe(1);
  });

  test('noise gets about the prevalence', () => {
    const random = new Random(4);
    const labels = Array.from({ length: 4000 }, (_, i) => (i % 10 === 0 ? 1 : 0));
    const noise = labels.map(() => random.next());
    expect(Math.abs(averagePrecision(labels, noise) - 0.1)).toBeLessThan(0.02);
  });
});

test('DeLong: pROC’s published example, 0.7314 (95 % CI 0.6301–0.8326)', () => {
  const { labels, ranks, published } = classifyGolden.asah;
  expect(labels).toHaveLength(113);
  const { aucs, covariance } = aucCovariance(labels, [ranks]);
  const { low, high } = aucInterval(aucs[0]!, covariance[0]![0]!, { scale: 'plain' });
  expect(aucs[0]).toBeCloseTo(published.auc, 4);
  expect(low).toBeCloseTo(published.low, 4);
  expect(high).toBeCloseTo(published.high, 4);
});
