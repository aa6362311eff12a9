import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { shareCovariance } from './proportion.js';

const random = new Random(4);
const draw = (count: number, share: number): number[] =>
  Array.from({ length: count }, () => (random.chance(share) ? 1 : 0));

describe('share of images', () => {
  test('binomial variance, and the sample covariance of two models, over N', () => {
    const a = [1, 1, 1, 0, 0, 1, 0, 1];
    const b = [1, 0, 1, 0, 1, 1, 0, 1];
    const { shares, covariance } = shareCovariance([a, b]);
    expect(shares).toEqual([5 / 8, 5 / 8]);
    expect(covariance[0]![0]).toBeCloseTo((5 / 8) * (3 / 8) * (1 / 7), 15);
    // numpy.cov(a, b)[0, 1] / 8: (4 − 8 · 5/8 · 5/8) / 7 / 8
    expect(covariance[0]![1]).toBeCloseTo((4 - 25 / 8) / 7 / 8, 15);
    expect(covariance[1]![0]).toBe(covariance[0]![1]);
  });

  test('images of one group count together: a set doubled in its groups is no more certain', () => {
    const once = draw(60, 0.7);
    const groups = once.map((_, i) => `lesion-${i}`);
    const single = shareCovariance([once], groups);
    const doubled = shareCovariance([[...once, ...once]], [...groups, ...groups]);
    expect(doubled.groups).toBe(60);
    expect(doubled.covariance[0]![0]).toBeCloseTo(single.covariance[0]![0]!, 15);
    const apart = shareCovariance([[...once, ...once]]);
    expect(apart.covariance[0]![0]! / single.covariance[0]![0]!).toBeCloseTo(59 / 119, 12);
  });

  test('the variance is that of shares over repeated sets of groups of unequal size', () => {
    const sizes = [1, 1, 1, 2, 5];
    const sets = Array.from({ length: 4000 }, () => {
      const values: number[] = [];
      const groups: string[] = [];
      for (let g = 0; g < 40; g++) {
        const mood = random.uniform(0.2, 1);
        for (let k = 0; k < sizes[random.int(5)]!; k++) {
          values.push(random.chance(mood) ? 1 : 0);
          groups.push(String(g));
        }
      }
      return shareCovariance([values], groups);
    });
    const shares = sets.map((set) => set.shares[0]!);
    const mean = shares.reduce((sum, value) => sum + value, 0) / shares.length;
    const empirical = shares.reduce((sum, value) => sum + (value - mean) ** 2, 0) / shares.length;
    const claimed = sets.reduce((sum, set) => sum + set.covariance[0]![0]!, 0) / sets.length;
    expect(claimed / empirical).toBeGreaterThan(0.93);
    expect(claimed / empirical).toBeLessThan(1.07);
  });

  test('one group is refused', () => {
    expect(() => shareCovariance([[1, 0]], ['a', 'a'])).toThrow(/two groups of images at least; got 1/);
  });
});
