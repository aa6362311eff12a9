import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { binormalCovariance, bivariateNormalCdf } from './binormal.js';
import { aucCovariance } from './delong.js';
import { normalCdf, normalQuantile } from './distributions.js';
import { statsGolden } from './golden.test-data.js';

describe('binormal model', () => {
  test('covariance of two AUCs equals the sum over pairs with scipy’s bivariate normal', () => {
    for (const { covariance, ...pair } of statsGolden.binormal) {
      // scipy integrates to about 1e-8 of a probability.
      expect(binormalCovariance(pair)).toBeCloseTo(covariance, 9);
    }
  });

  test('bivariate normal: independence, full correlation, symmetry, orthant probability', () => {
    expect(bivariateNormalCdf(0.3, -1.1, 0)).toBeCloseTo(normalCdf(0.3) * normalCdf(-1.1), 12);
    expect(bivariateNormalCdf(0.3, 0.5, 1)).toBeCloseTo(normalCdf(0.3), 12);
    expect(bivariateNormalCdf(0.3, 0.5, -1)).toBeCloseTo(normalCdf(0.3) + normalCdf(0.5) - 1, 12);
    expect(bivariateNormalCdf(0.3, 0.5, 0.7)).toBeCloseTo(bivariateNormalCdf(0.5, 0.3, 0.7), 12);
    for (const r of [-0.9, -0.2, 0.5, 0.99])
      expect(bivariateNormalCdf(0, 0, r)).toBeCloseTo(0.25 + Math.asin(r) / (2 * Math.PI), 9);
  });

  test('simulated scores: variance and covariance of AUCs, and what DeLong estimates, within 10 %', () => {
    const random = new Random(31);
    const [positives, negatives, correlation] = [25, 60, 0.6];
    const aucs = [0.8, 0.7] as const;
    const shifts = aucs.map((auc) => Math.SQRT2 * normalQuantile(auc));
    const labels = Array.from({ length: positives + negatives }, (_, i) => (i < positives ? 1 : 0));
    const drawn: number[][] = [];
    let delong = 0;
    for (let i = 0; i < 4000; i++) {
      const scores: [number[], number[]] = [[], []];
      for (const label of labels) {
        const common = Math.sqrt(correlation) * random.normal();
        for (const c of [0, 1] as const)
          scores[c].push(common + Math.sqrt(1 - correlation) * random.normal() + label * shifts[c]!);
      }
      const { aucs: found, covariance } = aucCovariance(labels, scores);
      drawn.push(found);
      delong += covariance[0]![1]! / 4000;
    }
    const mean = [0, 1].map((c) => drawn.reduce((sum, one) => sum + one[c]!, 0) / drawn.length);
    const moment = (a: number, b: number): number =>
      drawn.reduce((sum, one) => sum + (one[a]! - mean[a]!) * (one[b]! - mean[b]!), 0) / (drawn.length - 1);
    const model = (a: 0 | 1, b: 0 | 1, r: number): number =>
      binormalCovariance({ aucs: [aucs[a], aucs[b]], correlation: r, positives, negatives });
    expect(moment(0, 0) / model(0, 0, 1)).toBeCloseTo(1, 1);
    expect(moment(1, 1) / model(1, 1, 1)).toBeCloseTo(1, 1);
    expect(Math.abs(moment(0, 1) / model(0, 1, correlation) - 1)).toBeLessThan(0.1);
    expect(Math.abs(delong / model(0, 1, correlation) - 1)).toBeLessThan(0.05);
  });

  test('says what is wrong', () => {
    const pair = { aucs: [0.8, 0.8] as const, correlation: 0.5, positives: 10, negatives: 10 };
    expect(() => binormalCovariance({ ...pair, aucs: [1, 0.8] })).toThrow(/between 0 and 1/);
    expect(() => binormalCovariance({ ...pair, correlation: 1.1 })).toThrow(/correlation/);
    expect(() => binormalCovariance({ ...pair, positives: 0 })).toThrow(/both classes/);
  });
});
