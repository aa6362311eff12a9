import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { crossFitAuc } from './cross-fit-auc.js';

/** Images with a feature of `levels` levels; `rate` gives the class rate of each. */
function draw(seed: number, images: number, levels: number, rate: (level: number) => number) {
  const random = new Random(seed);
  const codes = Uint16Array.from({ length: images }, () => random.int(levels));
  const labels = Uint8Array.from(codes, (level) => (random.chance(rate(level)) ? 1 : 0));
  return { codes, labels };
}

describe('features that have nothing to do with the label', () => {
  const seeds = Array.from({ length: 200 }, (_, seed) => seed);
  const levels = [2, 3, 5, 10, 25, 50];
  const found = levels.map((count) =>
    seeds.map((seed) => {
      const { codes, labels } = draw(1000 * count + seed, 200, count, () => 0.2);
      return crossFitAuc([codes], labels, { repeats: 2 })!;
    }),
  );

  test('2 to 50 levels: the AUC is 0.5 on average, neither above (memory) nor below (pooling)', () => {
    for (const own of found) {
      const mean = own.reduce((sum, { auc }) => sum + auc, 0) / own.length;
      const deviation = Math.sqrt(own.reduce((sum, { auc }) => sum + (auc - mean) ** 2, 0) / own.length);
      expect(Math.abs(mean - 0.5)).toBeLessThan((3.5 * deviation) / Math.sqrt(own.length));
    }
  });

  test('2 to 50 levels: the interval lies above 0.5 in 2.5 % at most', () => {
    const above = found.flat().filter(({ interval }) => interval.low > 0.5).length;
    const trials = found.flat().length;
    // Three standard errors of a share of 2.5 %.
    expect(above / trials).toBeLessThanOrEqual(0.025 + 3 * Math.sqrt((0.025 * 0.975) / trials));
    expect(above).toBeGreaterThan(0); // no test at all would be no better
  });

  test('without the permutations the interval would lie above 0.5 too often', () => {
    const naive = seeds.filter((seed) => {
      const { codes, labels } = draw(25_000 + seed, 200, 25, () => 0.2);
      return crossFitAuc([codes], labels, { repeats: 2, permutations: 0 })!.interval.low > 0.5;
    });
    expect(naive.length / seeds.length).toBeGreaterThan(0.06);
  });

  test('the interval is never wholly below chance', () => {
    for (const { interval } of found.flat()) expect(interval.high).toBeGreaterThanOrEqual(0.5);
  });
});

test('a site that every patient keeps: images of one patient are one observation', () => {
  const above = { grouped: 0, single: 0 };
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed);
    const groups: string[] = [];
    const labels: number[] = [];
    const codes: number[] = [];
    for (let patient = 0; patient < 60; patient++) {
      const [rate, site] = [random.chance(0.3) ? 0.7 : 0.03, random.int(10)];
      for (let image = random.int(12); image >= 0; image--) {
        groups.push(`p${patient}`);
        labels.push(random.chance(rate) ? 1 : 0);
        codes.push(site);
      }
    }
    const feature = Uint16Array.from(codes);
    const grouped = crossFitAuc([feature], labels, { groups, repeats: 1 });
    if (grouped && grouped.interval.low > 0.5) above.grouped++;
    if (crossFitAuc([feature], labels, { repeats: 1 })!.interval.low > 0.5) above.single++;
  }
  // 2.5 % of 60 is 1.5; three standard errors above it are 5.
  expect(above.grouped).toBeLessThanOrEqual(5);
  expect(above.single).toBeGreaterThan(40);
});

test('planted features are found, and the interval holds the AUC of the true rates', () => {
  const rates = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4];
  const prevalence = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  let truth = 0;
  rates.forEach((one, i) => {
    rates.forEach((other, j) => {
      truth += one * (1 - other) * (i > j ? 1 : i === j ? 0.5 : 0);
    });
  });
  truth /= rates.length ** 2 * prevalence * (1 - prevalence);
  expect(truth).toBeCloseTo(0.708, 3);
  let covered = 0;
  for (let seed = 0; seed < 40; seed++) {
    const { codes, labels } = draw(seed, 2000, rates.length, (level) => rates[level]!);
    const { interval } = crossFitAuc([codes], labels, { repeats: 1 })!;
    expect(interval.low).toBeGreaterThan(0.6);
    if (interval.low <= truth && truth <= interval.high) covered++;
  }
  // 38 of 40 in expectation; fewer than 33 would happen once in a hundred such tests.
  expect(covered).toBeGreaterThanOrEqual(33);
});

test('a relation that runs up and down again is found too', () => {
  const { codes, labels } = draw(7, 1000, 10, (level) => (level > 2 && level < 7 ? 0.5 : 0.1));
  expect(crossFitAuc([codes], labels)!.interval.low).toBeGreaterThan(0.65);
});

test('several features: what they share counts once, what each adds counts', () => {
  const random = new Random(3);
  const a = Uint16Array.from({ length: 1500 }, () => random.int(4));
  const b = Uint16Array.from({ length: 1500 }, () => random.int(4));
  const labels = Uint8Array.from(a, (level, i) => (random.chance(0.05 + 0.1 * (level + b[i]!)) ? 1 : 0));
  const [alone, twice, both] = [[a], [a, a], [a, b]].map((features) => crossFitAuc(features, labels)!.auc);
  expect(twice).toBeCloseTo(alone!, 2);
  expect(both).toBeGreaterThan(alone! + 0.03);
});

test('a perfect feature: an AUC of 1 whose lower limit is not 1', () => {
  const labels = Uint8Array.from({ length: 60 }, (_, i) => i % 2);
  const found = crossFitAuc([Uint16Array.from(labels)], labels)!;
  expect(found.auc).toBe(1);
  expect(found.interval.low).toBeLessThan(0.95);
  expect(found.interval.low).toBeGreaterThan(0.5);
});

test('one seed gives one result; classes in too few groups give none', () => {
  const { codes, labels } = draw(1, 300, 6, (level) => 0.1 + 0.08 * level);
  const seeded = (seed: number) => crossFitAuc([codes], labels, { seed });
  expect(seeded(2)).toEqual(seeded(2));
  expect(seeded(2)!.auc).not.toBe(seeded(3)!.auc);
  expect(
    crossFitAuc([codes], labels, { groups: codes.reduce<string[]>((all) => [...all, 'one'], []) }),
  ).toBeNull();
  expect(crossFitAuc([codes], new Uint8Array(300))).toBeNull();
});

test('features whose AUC does not vary over images: an interval, not a point', () => {
  // Two features that tell all apart, and one that is the same everywhere among as many of each class.
  const labels = Uint8Array.from({ length: 40 }, (_, i) => i % 2);
  for (const codes of [Uint16Array.from(labels), new Uint16Array(40)]) {
    const { auc, interval } = crossFitAuc([codes], labels, { folds: 2 })!;
    expect(interval.high - interval.low).toBeGreaterThan(0.05);
    expect(interval.high).toBeGreaterThanOrEqual(Math.max(auc, 0.5));
  }
});
