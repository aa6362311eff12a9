import { describe, expect, test } from 'vitest';
import { rocPointsGolden, statsGolden } from './golden.test-data.js';
import { rocPoints } from './roc.js';
import { binaryScorer, chooseThreshold, splitScores } from './scores.js';

const golden = statsGolden.scores;

/** Highest sensitivity among the thresholds whose specificity is at least this, by the definition. */
function sensitivityAtSpecificity(labels: number[], scores: number[], specificity: number): number {
  const { falsePositiveRate, truePositiveRate } = rocPoints(labels, scores);
  return Math.max(0, ...truePositiveRate.filter((_, i) => 1 - falsePositiveRate[i]! >= specificity - 1e-12));
}

describe('scores of a split', () => {
  test('equal scikit-learn', () => {
    const scores = splitScores(golden.labels, golden.probabilities, golden.threshold);
    const keys = [
      'auc',
      'logLoss',
      'brier',
      'accuracy',
      'balancedAccuracy',
      'sensitivity',
      'specificity',
    ] as const;
    for (const key of keys) expect(scores[key], key).toBeCloseTo(golden[key], 12);
    expect(sensitivityAtSpecificity(golden.labels, golden.probabilities, 0.9)).toBeCloseTo(
      golden.sensitivityAt90,
      12,
    );
  });

  test.each(rocPointsGolden)(
    'at a rate equal scikit-learn, whatever lies on a straight line: $name',
    (golden) => {
      const { labels, scores } = golden;
      for (const [rate, { sensitivity, threshold }] of Object.entries(golden.at)) {
        expect(sensitivityAtSpecificity(labels, scores, Number(rate)), rate).toBeCloseTo(sensitivity, 12);
        expect(chooseThreshold(labels, scores, { rule: 'sensitivity', atLeast: Number(rate) }), rate).toBe(
          threshold,
        );
      }
      const all = binaryScorer(labels, scores, 0.5)();
      expect(sensitivityAtSpecificity(labels, scores, 0.9)).toBe(all.sensitivityAt90Specificity);
      expect(sensitivityAtSpecificity(labels, scores, 0.95)).toBe(all.sensitivityAt95Specificity);
    },
  );

  test('thresholds: by balanced accuracy, by sensitivity, by specificity', () => {
    const labels = [0, 0, 0, 0, 1, 0, 1, 1];
    const p = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9];
    expect(chooseThreshold(labels, p)).toBe(0.4);
    expect(chooseThreshold(labels, p, { rule: 'sensitivity', atLeast: 0.6 })).toBe(0.6);
    expect(chooseThreshold(labels, p, { rule: 'specificity', atLeast: 0.8 })).toBe(0.4);
    // Worse than chance everywhere: call nothing positive.
    expect(chooseThreshold([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4])).toBe(2);
    expect(splitScores(labels, p, 0.4)).toMatchObject({ sensitivity: 1, specificity: 0.8 });
  });

  test('the chosen threshold is the best of all by brute force', () => {
    const { labels, probabilities } = golden;
    const best = Math.max(
      ...probabilities.map((t) => splitScores(labels, probabilities, t).balancedAccuracy),
    );
    const chosen = chooseThreshold(labels, probabilities);
    expect(splitScores(labels, probabilities, chosen).balancedAccuracy).toBeCloseTo(best, 12);
  });

  test('certain and wrong is costly, not infinite; logits are refused', () => {
    expect(splitScores([1, 0], [0, 0], 0.5).logLoss).toBeCloseTo(0.5 * -Math.log(1e-15), 8);
    expect(() => splitScores([1, 0], [2.3, -1], 0.5)).toThrow(/sigmoid/);
  });
});
