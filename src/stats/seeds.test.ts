import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { percentileInterval } from './bootstrap.js';
import { aucCovariance, delongTest } from './delong.js';
import { tQuantile, tTwoSided } from './distributions.js';
import { statsGolden } from './golden.test-data.js';
import { pairedT } from './paired.js';
import {
  combine,
  combineFolds,
  equivalenceHalfWidth,
  equivalenceP,
  fewestGroups,
  forThese,
  halfWidth,
  inference,
  isSaturated,
  meanDifference,
  meanOf,
} from './seeds.js';

/**
 * A trial with true difference zero: scores are signal + what is hard about the image + an arm's own opinion of
 * the image + noise of the seed; `wobble` makes whole seeds better or worse.
 */
function nullTrial(random: Random, options: { seeds: number; images: number; wobble: number }) {
  const labels = Array.from({ length: options.images }, (_, i) => (i % 3 === 0 ? 1 : 0));
  const hardness = labels.map(() => random.normal());
  const arms = [0, 1].map(() => {
    const opinion = labels.map(() => random.normal(0, 0.4));
    return Array.from({ length: options.seeds }, () => {
      const signal = 1.2 + options.wobble * random.normal();
      return labels.map((label, i) => signal * label + hardness[i]! + opinion[i]! + random.normal(0, 0.5));
    });
  });
  return { labels, arm: arms[0]!, baseline: arms[1]! };
}

describe('seeds × test images', () => {
  test('variance as Obuchowski and Rockette write it (MS, Cov2, Cov3); interval and p as Howe does', () => {
    for (const golden of statsGolden.seeds) {
      const estimate = meanDifference(golden.labels, [golden.arm, golden.baseline]);
      const result = inference(estimate);
      expect(estimate.mean).toBeCloseTo(golden.mean, 12);
      expect(estimate.variance).toBeCloseTo(golden.variance, 14);
      expect(result.p).toBeCloseTo(golden.p, 10);
      expect(result.low).toBeCloseTo(golden.low, 10);
      expect(result.high).toBeCloseTo(golden.high, 10);
    }
  });

  test('one seed is DeLong’s test, on t for as many images as there are', () => {
    const { labels, arm, baseline } = nullTrial(new Random(9), { seeds: 1, images: 90, wobble: 0 });
    const estimate = meanDifference(labels, [arm, baseline]);
    const delong = delongTest(labels, [arm[0]!, baseline[0]!]);
    expect(estimate.seedVariance).toBeNull();
    expect(estimate.variance).toBeCloseTo(delong.standardError ** 2, 15);
    const { p, low, high } = inference(estimate);
    expect(p).toBeCloseTo(tTwoSided(delong.z, 29), 12);
    expect((high - low) / (delong.high - delong.low)).toBeCloseTo(
      tQuantile(0.975, 29) / 1.959963984540054,
      9,
    );
  });

  test('coverage with 3 seeds: zero lies in the 95 % interval in at least 94 % of 500 null trials', () => {
    for (const wobble of [0, 0.3]) {
      const random = new Random(41);
      let covered = 0;
      for (let i = 0; i < 500; i++) {
        const { labels, arm, baseline } = nullTrial(random, { seeds: 3, images: 90, wobble });
        const estimate = meanDifference(labels, [arm, baseline]);
        if (Math.abs(estimate.mean) <= halfWidth(estimate, 0.05)) covered++;
      }
      expect(covered / 500).toBeGreaterThanOrEqual(0.94);
      expect(covered / 500).toBeLessThan(0.995);
    }
  });

  test('folds: pooled s² over k(r − 1) degrees of freedom, ΣC/k²; equivalence; corrected resampled t', () => {
    for (const golden of statsGolden.folds) {
      const folds = golden.folds.map(({ labels, arm, baseline }) => meanDifference(labels, [arm, baseline]));
      const estimate = combineFolds(folds);
      const result = inference(estimate);
      expect(estimate.mean).toBeCloseTo(golden.mean, 12);
      expect(estimate.variance).toBeCloseTo(golden.variance, 14);
      expect(result.p).toBeCloseTo(golden.p, 10);
      expect(result.low).toBeCloseTo(golden.low, 10);
      expect(result.high).toBeCloseTo(golden.high, 10);
      expect(equivalenceP(estimate, golden.margin)).toBeCloseTo(golden.equivalenceP, 9);
      const { testToTrain, p, low } = golden.resampled;
      const resampled = pairedT(
        folds.map(({ mean }) => mean),
        0.95,
        testToTrain,
      )!;
      expect(resampled.p).toBeCloseTo(p, 10);
      expect(resampled.low).toBeCloseTo(low, 10);
    }
  });

  test('one fold is the estimate itself; with one seed a fold, folds are the sample', () => {
    const { labels, arm, baseline } = nullTrial(new Random(5), { seeds: 3, images: 60, wobble: 0.1 });
    const estimate = meanDifference(labels, [arm, baseline]);
    expect(combineFolds([estimate])).toBe(estimate);
    const singles = [0, 1, 2].map((i) => meanDifference(labels, [[arm[i]!], [baseline[i]!]]));
    expect(combineFolds(singles)).toMatchObject({ between: 'folds', degreesOfFreedom: 2, testVariance: 0 });
    const t = pairedT(singles.map(({ mean }) => mean))!;
    expect(inference(combineFolds(singles)).p).toBeCloseTo(t.p, 9);
    expect(inference(forThese(combineFolds(singles))).p).toBeCloseTo(t.p, 9);
  });

  test('equivalence: p ≤ α/2 exactly where its interval of error rate α is within the margin', () => {
    const random = new Random(12);
    let within = 0;
    for (let i = 0; i < 60; i++) {
      const { labels, arm, baseline } = nullTrial(random, { seeds: 3, images: 90, wobble: 0.1 });
      const estimate = meanDifference(labels, [arm, baseline]);
      const half = equivalenceHalfWidth(estimate, 0.1);
      expect(half).toBeGreaterThan(halfWidth(estimate, 0.1));
      const inside = Math.abs(estimate.mean) + half <= 0.12;
      if (inside) within++;
      expect(equivalenceP(estimate, 0.12) <= 0.05).toBe(inside);
    }
    expect(within).toBeGreaterThan(5);
    expect(within).toBeLessThan(55);
  });

  test('identical arms: zero, p = 1, and an interval all the same; one arm’s mean AUC', () => {
    const { labels, arm } = nullTrial(new Random(4), { seeds: 3, images: 60, wobble: 0.2 });
    const alike = inference(meanDifference(labels, [arm, arm]));
    expect(alike).toMatchObject({ p: 1, standardError: 0 });
    // Twenty positives: one further, ranked otherwise.
    expect(alike.high).toBeCloseTo(tQuantile(0.975, 19) / 22, 12);
    const estimate = meanOf(aucCovariance(labels, arm), [...arm.keys()]);
    expect(estimate.values).toHaveLength(3);
    expect(estimate.variance).toBeGreaterThan(estimate.seedVariance! / 3);
  });

  test('the quantiles of a percentile interval', () => {
    const { low, high } = percentileInterval(
      Array.from({ length: 101 }, (_, i) => 100 - i),
      0.9,
    );
    expect(low).toBeCloseTo(5, 12);
    expect(high).toBeCloseTo(95, 12);
  });
});

describe('folds as a sample', () => {
  const alike = [
    [0, 0.004],
    [0.004, 0],
  ];
  const fold = (mean: number, seeds = 3) => ({
    ...meanDifference([1, 1, 0, 0], [[[4, 3, 2, 1]], [[4, 3, 2, 1]]]),
    mean,
    values: Array.from({ length: seeds }, () => mean),
    seedVariance: 1e-6,
    between: 'seeds' as const,
    degreesOfFreedom: seeds - 1,
    runs: seeds,
    testVariance: 1e-6,
    groupSizes: [],
    influences: [],
  });

  test('folds that differ by more than their seeds widen the interval to t over folds; those for these stay', () => {
    const means = [0.1, 0.02, -0.03, 0.05];
    const estimate = combineFolds(means.map((mean) => fold(mean)));
    const t = pairedT(means)!;
    expect(inference(estimate).low).toBeCloseTo(t.low, 12);
    expect(inference(estimate).p).toBeCloseTo(t.p, 9);
    const these = inference(forThese(estimate));
    expect(these.high - these.low).toBeLessThan((t.high - t.low) / 10);
  });

  test('folds that share a generator are one unit: fewer degrees of freedom', () => {
    const folds = [0.1, 0.02, -0.03, 0.05].map((mean) => fold(mean));
    const pairs = pairedT([0.06, 0.01])!;
    const estimate = combineFolds(folds, ['a', 'a', 'b', 'b']);
    expect(inference(estimate).low).toBeCloseTo(pairs.low, 12);
    expect(inference(combineFolds(folds, ['a', 'b', 'c', 'd'])).low).toBeCloseTo(
      inference(combineFolds(folds)).low,
      15,
    );
  });

  test('a fold with one group of a class leaves the folds as the sample', () => {
    const means = [0.1, 0.02, -0.03];
    const folds = means.map((mean, i) => ({ ...fold(mean), testVariance: i === 1 ? Number.NaN : 1e-6 }));
    expect(combineFolds(folds)).toMatchObject({ between: 'folds', degreesOfFreedom: 2, testVariance: 0 });
    expect(inference(combineFolds(folds)).p).toBeCloseTo(pairedT(means)!.p, 9);
  });

  test('readers of an external set: generators are the sample, not their seeds', () => {
    const values = [0.05, 0.051, 0.049, -0.02, -0.021, -0.019, 0.01, 0.011, 0.009];
    const origins = values.map((_, i) => ({
      fold: Math.floor(i / 3) + 1,
      generator: `g${Math.floor(i / 3)}`,
    }));
    const covariance = values.map(() => values.map(() => 2e-4));
    const estimate = combine(values, covariance, { origins });
    expect(estimate).toMatchObject({ between: 'generators', runs: 3, degreesOfFreedom: 2 });
    expect(estimate.testVariance).toBeCloseTo(2e-4, 15);
    const t = pairedT([0.05, -0.02, 0.01])!;
    expect(halfWidth(estimate, 0.05)).toBeCloseTo(
      Math.hypot((t.high - t.low) / 2, 1.959963984540054 * Math.sqrt(2e-4)),
      9,
    );
    // One generator of one fold: its seeds are all there is.
    const one = combine(values.slice(0, 2), alike, { origins: origins.slice(0, 2) });
    expect(one).toMatchObject({ between: 'seeds', runs: 2 });
  });
});

describe('few groups', () => {
  test('images count by effective groups: a patient with sixty is hardly more than one', () => {
    const { labels, arm, baseline } = nullTrial(new Random(3), { seeds: 3, images: 90, wobble: 0.1 });
    const groups = labels.map((label, i) => (label === 1 && i < 60 ? 'giant' : `p${i}`));
    const estimate = meanDifference(labels, [arm, baseline], groups);
    expect(fewestGroups(estimate)).toBeCloseTo(30 ** 2 / (20 ** 2 + 10), 12);
    const alone = meanDifference(labels, [arm, baseline]);
    expect(fewestGroups(alone)).toBeCloseTo(30, 12);
  });

  test('a test that both arms pass: no certainty, and no equivalence, from a dozen images', () => {
    const labels = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    const perfect = (s: number) => labels.map((v, i) => v * 10 + ((i * 7 + s * 3) % 5) / 10);
    const constant = labels.map(() => 0.3);
    const both = meanDifference(labels, [[0, 1, 2].map(perfect), [3, 4, 5].map(perfect)]);
    expect(isSaturated(both)).toBe(true);
    expect(inference(both).high).toBeCloseTo(tQuantile(0.975, 5) / 8, 12);
    expect(equivalenceP(both, 0.02)).toBeGreaterThan(0.4);
    const against = inference(
      meanDifference(labels, [[0, 1, 2].map(perfect), [constant, constant, constant]]),
    );
    expect(against.p).toBeLessThan(0.05);
    expect(delongTest(labels, [perfect(0), constant]).p).toBeLessThan(0.05);
  });
});
