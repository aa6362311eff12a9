import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { rocPointsGolden, statsGolden } from './golden.test-data.js';
import { auc, midRanks, rocCurve, rocPoints, sensitivityAt } from './roc.js';

const trapezoid = (x: readonly number[], y: readonly number[]): number =>
  x.slice(1).reduce((sum, value, i) => sum + (value - x[i]!) * 0.5 * (y[i]! + y[i + 1]!), 0);

describe('ROC and AUC', () => {
  test('AUC equals scikit-learn, with and without ties', () => {
    for (const { labels, scores, auc: expected } of statsGolden.roc)
      expect(auc(labels, scores)).toBeCloseTo(expected, 14);
  });

  test('curve: the area under it is the AUC, and it passes scikit-learn’s corners', () => {
    for (const golden of statsGolden.roc) {
      const curve = rocCurve(golden.labels, golden.scores);
      expect(trapezoid(curve.falsePositiveRate, curve.truePositiveRate)).toBeCloseTo(golden.auc, 12);
      // scikit-learn keeps collinear points of ties; every corner of ours is one of its points.
      const theirs = new Set(golden.fpr.map((x, i) => `${x.toFixed(12)} ${golden.tpr[i]!.toFixed(12)}`));
      curve.falsePositiveRate.forEach((x, i) => {
        expect(theirs.has(`${x.toFixed(12)} ${curve.truePositiveRate[i]!.toFixed(12)}`)).toBe(true);
      });
    }
  });

  test.each(rocPointsGolden)('operating points equal scikit-learn’s, none left out: $name', (golden) => {
    const points = rocPoints(golden.labels, golden.scores);
    expect(points.thresholds.slice(1)).toEqual(golden.thresholds);
    expect(points.falsePositiveRate).toEqual(golden.fpr);
    expect(points.truePositiveRate).toEqual(golden.tpr);
  });

  test('property: strictly increasing maps change nothing, reversal gives 1 − AUC, swap of labels too', () => {
    const random = new Random(1);
    for (let round = 0; round < 20; round++) {
      const labels = Array.from({ length: 40 }, (_, i) => (i < 2 ? i : random.int(2)));
      const scores = labels.map((label) => Math.round(4 * random.normal(label)) / 4);
      const value = auc(labels, scores);
      expect(
        auc(
          labels,
          scores.map((s) => Math.exp(3 * s) - 100),
        ),
      ).toBe(value);
      expect(
        auc(
          labels,
          scores.map((s) => -s),
        ),
      ).toBeCloseTo(1 - value, 14);
      expect(
        auc(
          labels.map((l) => 1 - l),
          scores,
        ),
      ).toBeCloseTo(1 - value, 14);
    }
  });

  test('extremes and constants', () => {
    expect(auc([0, 0, 1, 1], [1, 2, 3, 4])).toBe(1);
    expect(auc([0, 0, 1, 1], [5, 5, 5, 5])).toBe(0.5);
    expect(Array.from(midRanks([3, 1, 3, 2]))).toEqual([3.5, 1, 3.5, 2]);
  });

  test('refuses one class, wrong labels, NaN, unequal lengths', () => {
    expect(() => auc([1, 1], [0.1, 0.2])).toThrow(/both classes/);
    expect(() => auc([1, 2], [0.1, 0.2])).toThrow(/0 or 1/);
    expect(() => auc([1, 0], [Number.NaN, 0.2])).toThrow(/finite/);
    expect(() => auc([1, 0], [0.2])).toThrow(/one label and one score/);
  });

  test('reading between points', () => {
    const curve = rocCurve([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8]);
    expect(sensitivityAt(curve, 0)).toBe(1);
    const chance = rocCurve([0, 1], [1, 1]);
    expect(sensitivityAt(chance, 0.3)).toBeCloseTo(0.3);
  });
});
