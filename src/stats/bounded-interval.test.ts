import { describe, expect, it } from 'vitest';
import { boundedInterval, pOfAlike, replicateInterval } from './bounded-interval.js';

describe('bounded interval', () => {
  it('is Clopper and Pearson’s where all are alike at an end', () => {
    // scipy.stats.binomtest(6, 6).proportion_ci(method='exact') = [0.54074, 1]; (0, 11): [0, 0.28491].
    const all = boundedInterval({ low: 1, high: 1 }, { value: 1, groups: 6 });
    expect(all.low).toBeCloseTo(0.54074, 5);
    expect(all.high).toBe(1);
    const none = boundedInterval({ low: 0, high: 0 }, { value: 0, groups: 11 });
    expect(none.low).toBe(0);
    expect(none.high).toBeCloseTo(0.28491, 5);
  });

  it('is no point within the range either, and reaches towards both ends', () => {
    const { low, high } = boundedInterval({ low: 0.5, high: 0.5 + 1e-15 }, { value: 0.5, groups: 6 });
    expect(low).toBeCloseTo(0.27037, 5);
    expect(high).toBeCloseTo(0.72963, 5);
    const difference = boundedInterval({ low: 0, high: 0 }, { value: 0, groups: 6, range: [-1, 1] });
    expect(difference.low).toBeCloseTo(-0.45926, 5);
    expect(difference.high).toBeCloseTo(0.45926, 5);
  });

  it('keeps a wider interval, and what varies as it is', () => {
    expect(boundedInterval({ low: 0.2, high: 1 }, { value: 1, groups: 6 })).toEqual({ low: 0.2, high: 1 });
    expect(boundedInterval({ low: 0.7, high: 0.9 }, { value: 0.8, groups: 2 })).toEqual({
      low: 0.7,
      high: 0.9,
    });
  });

  it('stays in its range, and is the whole of it where nothing is known', () => {
    expect(boundedInterval({ low: -1.3, high: 0.4 }, { value: -0.4, groups: 9, range: [-1, 1] })).toEqual({
      low: -1,
      high: 0.4,
    });
    expect(boundedInterval({ low: 1, high: 1 }, { value: 1, groups: 0 })).toEqual({ low: 0, high: 1 });
  });

  it('has a p-value that says the same as the interval', () => {
    for (const level of [0.5, 0.8, 0.95, 0.99]) {
      for (const [value, groups] of [
        [0.5, 6],
        [-0.1, 40],
        [0.9, 3.5],
      ] as const) {
        const { low, high } = boundedInterval(
          { low: value, high: value },
          { value, groups, range: [-1, 1], level },
        );
        expect(low > 0 || high < 0).toBe(pOfAlike(value, groups) < 1 - level);
      }
    }
    expect(pOfAlike(0, 12)).toBe(1);
  });

  it('takes the middle of replicates, and null for none', () => {
    const replicates = Array.from({ length: 1001 }, (_, i) => i / 1000);
    const { low, high } = replicateInterval(replicates, { value: 0.5, groups: 3 })!;
    expect(low).toBeCloseTo(0.025, 12);
    expect(high).toBeCloseTo(0.975, 12);
    expect(replicateInterval([], { value: 1, groups: 3 })).toBeNull();
  });
});
