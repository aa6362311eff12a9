import { describe, expect, test } from 'vitest';
import { Random } from '../random.js';
import { percentileInterval } from './bootstrap.js';
import { delongTest } from './delong.js';
import { statsGolden } from './golden.test-data.js';
import { halfWidth, inference, meanAuc, meanDifference } from './seeds.js';

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
