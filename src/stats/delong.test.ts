import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { aucCovariance, aucInterval, delongTest, structuralComponents } from './delong.js';
import { normalCdf } from './distributions.js';
import { statsGolden } from './golden.test-data.js';

/** Test images of a binormal model: positives are shifted by `shift`. */
function sample(random: Random, positives: number, negatives: number, shift: number) {
  const labels = [...new Array<number>(positives).fill(1), ...new Array<number>(negatives).fill(0)];
  return { labels, scores: labels.map((label) => random.normal(shift * label)) };
}

const matrixClose = (actual: number[][], expected: number[][]): void => {
  actual.forEach((row, i) => {
    row.forEach((value, j) => {
      expect(Math.abs(value - expected[i]![j]!)).toBeLessThan(1e-15);
    });
  });
};

describe('DeLong', () => {
  test('AUCs, covariance and test equal the quadratic formulas in numpy', () => {
    for (const golden of statsGolden.delong) {
      const { aucs, covariance } = aucCovariance(golden.labels, golden.scores);
      aucs.forEach((value, i) => {
        expect(value).toBeCloseTo(golden.aucs[i]!, 13);
      });
      matrixClose(covariance, golden.covariance);
      const { z, p } = delongTest(golden.labels, [golden.scores[0]!, golden.scores[1]!]);
      expect(z).toBeCloseTo(golden.z, 10);
      expect(p).toBeCloseTo(golden.p, 10);
      const { low, high } = aucInterval(aucs[0]!, covariance[0]![0]!);
      expect(low).toBeCloseTo(golden.logit[0], 12);
      expect(high).toBeCloseTo(golden.logit[1], 12);
    }
  });

  test('clustered images: equals Obuchowski’s sums over clusters', () => {
    for (const golden of statsGolden.delong) {
      matrixClose(
        aucCovariance(golden.labels, golden.scores, { groups: golden.groups }).covariance,
        golden.clustered,
      );
    }
  });

  test('property: a group of identical copies counts once', () => {
    const { labels, scores } = sample(new Random(5), 30, 50, 1);
    const twice = <T>(items: readonly T[]): T[] => [...items, ...items];
    const groups = labels.map((_, i) => `patient ${i}`);
    const single = aucCovariance(labels, [scores], { groups }).covariance[0]![0]!;
    const doubled = aucCovariance(twice(labels), [twice(scores)], { groups: twice(groups) })
      .covariance[0]![0]!;
    expect(doubled).toBeCloseTo(single, 12);
    // Blind to groups, the copies would halve the variance.
    expect(aucCovariance(twice(labels), [twice(scores)]).covariance[0]![0]!).toBeLessThan(0.52 * single);
  });

  test('components average to the AUC in both classes', () => {
    const { labels, scores } = sample(new Random(2), 12, 17, 0.5);
    const { auc, components } = structuralComponents(labels, scores);
    const mean = (label: number): number => {
      const kept = Array.from(components).filter((_, i) => labels[i] === label);
      return kept.reduce((a, b) => a + b, 0) / kept.length;
    };
    expect(mean(1)).toBeCloseTo(auc, 12);
    expect(mean(0)).toBeCloseTo(auc, 12);
  });

  test('coverage: the 95 % interval holds the true AUC in 93 to 97 % of 1,000 samples', () => {
    const random = new Random(77);
    const truth = normalCdf(1.2 / Math.SQRT2);
    let covered = 0;
    for (let i = 0; i < 1000; i++) {
      const { labels, scores } = sample(random, 40, 60, 1.2);
      const { aucs, covariance } = aucCovariance(labels, [scores]);
      const { low, high } = aucInterval(aucs[0]!, covariance[0]![0]!);
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / 1000).toBeGreaterThan(0.93);
    expect(covered / 1000).toBeLessThan(0.97);
  });

  test('perfect separation does not claim certainty', () => {
    const labels = [0, 0, 0, 1, 1, 1, 1];
    const scores = [1, 2, 3, 4, 5, 6, 7];
    const { aucs, covariance } = aucCovariance(labels, [scores]);
    const { low, high } = aucInterval(aucs[0]!, covariance[0]![0]!, { smallerClass: 3 });
    expect(high).toBe(1);
    expect(low).toBeCloseTo(0.025 ** (1 / 3), 12);
    expect(aucInterval(1, 0)).toEqual({ low: 0, high: 1 });
  });

  test('identical models: no difference, p = 1, but no certainty; too few groups: refused', () => {
    const { labels, scores } = sample(new Random(3), 10, 10, 1);
    const alike = delongTest(labels, [scores, scores]);
    expect(alike).toMatchObject({ difference: 0, p: 1 });
    expect(alike.high).toBeCloseTo(1.959963984540054 / 12, 12);
    expect(alike.low).toBe(-alike.high);
    expect(() => aucCovariance([1, 0, 0], [[3, 1, 2]])).toThrow(/two groups/);
  });
});
