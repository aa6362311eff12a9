import { readFileSync } from 'node:fs';
import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { crossFitter, dealFolds } from './cross-fit.js';

interface Golden {
  shrinkage: number;
  cases: {
    name: string;
    features: number[][];
    labels: number[];
    groups: number[];
    folds: number[];
    auc: number;
    groupInfluence: number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/audit/cross_fit.json', import.meta.url), 'utf8'),
) as Golden;

describe.each(golden.cases)(
  'against scikit-learn: $name',
  ({ features, labels, groups, folds, ...expected }) => {
    const fitter = crossFitter(
      features.map((codes) => Uint16Array.from(codes)),
      Uint8Array.from(folds),
      { shrinkage: golden.shrinkage },
    );

    test('AUC', () => {
      expect(fitter.auc(labels)).toBeCloseTo(expected.auc, 10);
      expect(fitter.fit(labels).auc).toBe(fitter.auc(labels));
    });

    test('influence of each group', () => {
      const { influence } = fitter.fit(labels);
      const names = [...new Set(groups)].sort((a, b) => a - b);
      const sums = names.map((name) =>
        influence.reduce((sum, value, i) => (groups[i] === name ? sum + value : sum), 0),
      );
      for (const [i, sum] of sums.entries()) expect(sum).toBeCloseTo(expected.groupInfluence[i]!, 7);
    });

    test('other labels in between leave no trace', () => {
      fitter.auc(labels.map((label) => 1 - label));
      expect(fitter.auc(labels)).toBeCloseTo(expected.auc, 10);
    });
  },
);

test('one feature: the score of a level is its shrunk class rate in the other folds', () => {
  // Fold 1 teaches: level 0 has 0 of 4, level 1 has 3 of 4. Fold 0 is then scored in that order.
  const codes = Uint16Array.of(0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1);
  const labels = [0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0];
  const folds = Uint8Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  // Fold 0: pairs (1 above 0), (1 ties 1), (0 below 1), (0 ties 0) → 2 of 4. Fold 1: fold 0 teaches nothing (1 of 2
  // in both levels) → all tie, half of 3 · 5.
  expect(crossFitter([codes], folds, { shrinkage: 10 }).auc(labels)).toBe((2 + 7.5) / (4 + 15));
});

test('no fold with both classes: no AUC', () => {
  const fitter = crossFitter([Uint16Array.of(0, 1, 0, 1)], Uint8Array.of(0, 0, 1, 1), { shrinkage: 1 });
  expect(fitter.auc([0, 0, 1, 1])).toBeNaN();
});

test('dealFolds: groups stay whole, folds come out equally large, labels have no say', () => {
  const random = new Random(4);
  const groups = Array.from({ length: 500 }, () => `g${random.int(90)}`);
  const folds = dealFolds(groups, 10, random);
  const of = new Map<string, number>();
  groups.forEach((group, i) => {
    expect(of.get(group) ?? folds[i]).toBe(folds[i]);
    of.set(group, folds[i]!);
  });
  const sizes = Array.from({ length: 10 }, (_, k) => folds.filter((fold) => fold === k).length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(2);
  expect(dealFolds(groups, 10, new Random(1))).toEqual(dealFolds(groups, 10, new Random(1)));
  expect(dealFolds(groups, 10, new Random(1))).not.toEqual(dealFolds(groups, 10, new Random(2)));
});
