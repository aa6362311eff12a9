import { describe, expect, test } from 'vitest';
import { Random } from '../random.js';
import { percentileInterval } from './bootstrap.js';
import { delongTest } from './delong.js';
import { statsGolden } from './golden.test-data.js';
import { pairedT } from './paired.js';
import { combineFolds, equivalenceP, halfWidth, inference, meanAuc, meanDifference } from './seeds.js';

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
      const estimate = meanDifference(golden.labels, golden.arm, golden.baseline);
      const result = inference(estimate);
      expect(estimate.mean).toBeCloseTo(golden.mean, 12);
      expect(estimate.variance).toBeCloseTo(golden.variance, 14);
      expect(result.p).toBeCloseTo(golden.p, 10);
      expect(result.low).toBeCloseTo(golden.low, 10);
      expect(result.high).toBeCloseTo(golden.high, 10);
    }
  });

  test('one seed is DeLong’s test', () => {
    const { labels, arm, baseline } = nullTrial(new Random(9), { seeds: 1, images: 90, wobble: 0 });
    const estimate = meanDifference(labels, arm, baseline);
    const delong = delongTest(labels, arm[0]!, baseline[0]!);
    expect(estimate.seedVariance).toBeNull();
    expect(inference(estimate).p).toBeCloseTo(delong.p, 12);
    expect(inference(estimate).low).toBeCloseTo(delong.low, 12);
  });

  test('coverage with 3 seeds: zero lies in the 95 % interval in at least 94 % of 500 null trials', () => {
    for (const wobble of [0, 0.3]) {
      const random = new Random(41);
      let covered = 0;
      for (let i = 0; i < 500; i++) {
        const { labels, arm, baseline } = nullTrial(random, { seeds: 3, images: 90, wobble });
        const estimate = meanDifference(labels, arm, baseline);
        if (Math.abs(estimate.mean) <= halfWidth(estimate, 0.05)) covered++;
      }
      expect(covered / 500).toBeGreaterThanOrEqual(0.94);
      expect(covered / 500).toBeLessThan(0.995);
    }
  });

  test('folds: pooled s² over k(r − 1) degrees of freedom, ΣC/k²; equivalence; corrected resampled t', () => {
    for (const golden of statsGolden.folds) {
      const folds = golden.folds.map(({ labels, arm, baseline }) => meanDifference(labels, arm, baseline));
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
    const estimate = meanDifference(labels, arm, baseline);
    expect(combineFolds([estimate])).toBe(estimate);
    const singles = [0, 1, 2].map((i) => meanDifference(labels, [arm[i]!], [baseline[i]!]));
    expect(combineFolds(singles)).toMatchObject({ between: 'folds', degreesOfFreedom: 2, testVariance: 0 });
    const t = pairedT(singles.map(({ mean }) => mean))!;
    expect(inference(combineFolds(singles)).p).toBeCloseTo(t.p, 9);
  });

  test('equivalence: p ≤ α/2 exactly where the interval of level 1 − α is within the margin', () => {
    const random = new Random(12);
    let within = 0;
    for (let i = 0; i < 60; i++) {
      const { labels, arm, baseline } = nullTrial(random, { seeds: 3, images: 90, wobble: 0.1 });
      const estimate = meanDifference(labels, arm, baseline);
      const { low, high } = inference(estimate, 0.9);
      const inside = low >= -0.08 && high <= 0.08;
      if (inside) within++;
      expect(equivalenceP(estimate, 0.08) <= 0.05).toBe(inside);
    }
    expect(within).toBeGreaterThan(5);
    expect(within).toBeLessThan(55);
  });

  test('identical arms: zero, p = 1; one arm’s mean AUC', () => {
    const { labels, arm } = nullTrial(new Random(4), { seeds: 3, images: 60, wobble: 0.2 });
    expect(inference(meanDifference(labels, arm, arm))).toMatchObject({ p: 1, standardError: 0 });
    const estimate = meanAuc(labels, arm);
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
