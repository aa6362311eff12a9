import { expect, test } from 'vitest';
import { binaryCounts, fewest, fewLines } from './few.js';
import { ganCautions } from './gan-cautions.js';
import type { Comparison, Estimate } from './gan-scores.js';

const rows = (positives: number, negatives: number, perGroup = 1) => [
  ...Array.from({ length: positives }, (_, i) => ({
    group: `p${Math.floor(i / perGroup)}`,
    label: 1 as const,
  })),
  ...Array.from({ length: negatives }, (_, i) => ({
    group: `n${Math.floor(i / perGroup)}`,
    label: 0 as const,
  })),
];

test('three positives, or sixty of three patients, are too few; twenty of each class are not', () => {
  expect(fewest(binaryCounts(rows(20, 20), 'mel'))).toBeNull();
  expect(fewLines(binaryCounts(rows(3, 400), 'mel'))[0]).toBe(
    "Only 3 groups of 'mel' (patients, lesions or images): too few to judge by, whatever the figures; take 20 or more.",
  );
  expect(fewest(binaryCounts(rows(60, 600, 20), 'mel'))).toEqual({ name: 'mel', groups: 3 });
  expect(fewest(binaryCounts(rows(30, 5), 'mel'))).toEqual({ name: 'not mel', groups: 5 });
});

test('GAN-train beside classifiers at chance, and GAN-test beyond the real images, are told', () => {
  const estimate = (value: number): Estimate => ({
    value,
    interval: [value - 0.1, value + 0.1],
    sd: null,
    values: [value],
  });
  const compare = (synthetic: number, real: number): Comparison => ({
    synthetic: estimate(synthetic),
    real: estimate(real),
    difference: { ...estimate(synthetic - real), p: null },
  });
  const images = { positive: 'mel', positives: 40, others: 90 };
  const scored = (one: Comparison) => ({ ...one, score: 'auc' as const, images: { real: 9, synthetic: 9 } });
  expect(ganCautions(compare(0.7, 0.8), [scored(compare(0.8, 0.8))], images)).toEqual([]);
  expect(ganCautions(compare(0.58, 0.55), [], images)[0]).toMatch(
    /real images are not shown to be better than chance \(AUC 0\.550 \[0\.450, 0\.650\]\)/,
  );
  expect(ganCautions(compare(0.52, 0.8), [], images)[0]).toMatch(
    /GAN-train is not shown to be better than chance/,
  );
  expect(ganCautions(compare(0.7, 0.8), [scored(compare(0.99, 0.7))], images)[0]).toContain('no praise');
  expect(ganCautions(compare(0.7, 0.8), [], { ...images, positives: 3 })[0]).toContain(
    "Only 3 groups of 'mel'",
  );
});
