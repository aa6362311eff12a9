import { liveTensors, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { wilson } from '../../data/eda/share.js';
import { proportionDifference } from '../../stats/proportion.js';
import { compareMeans, type ScoreKind } from './compare.js';
import { golden } from './golden.test-data.js';

const gaussian = (n: number, seed: number, mean = 0): Tensor => {
  const random = new Random(seed);
  return tensor(
    Float64Array.from({ length: n }, () => random.normal(mean, 1)),
    [n, 1],
  );
};

const compare = (
  real: Tensor,
  synthetic: Tensor,
  options: { groups?: readonly string[]; seed?: number; kind?: ScoreKind } = {},
) => {
  const { groups, seed = 1, kind = 'difference' } = options;
  return compareMeans(
    { real: { rows: real, groups }, synthetic: { rows: synthetic } },
    (a, b) => tidy(() => (kind === 'distance' ? b.sub(a).abs() : b.sub(a))),
    { random: new Random(seed), replicates: 400, halvings: 200, kinds: [kind] },
  )[0]!;
};

describe('comparison of means', () => {
  it('has an interval of the width that theory gives, and a floor of halves', () => {
    const before = liveTensors();
    tidy(() => {
      const { value, low, high, floor } = compare(gaussian(100, 1), gaussian(100, 2, 2));
      expect(value).toBeGreaterThan(1.5);
      // The SE of a difference of two means of 100 is √(2 / 100).
      expect((high - low) / (2 * 1.96 * Math.sqrt(0.02))).toBeGreaterThan(0.8);
      expect((high - low) / (2 * 1.96 * Math.sqrt(0.02))).toBeLessThan(1.25);
      // Halves of 50: √(2 / 50).
      expect(Math.abs(floor!.value)).toBeLessThan(0.05);
      expect(floor!.high / (1.96 * Math.sqrt(0.04))).toBeGreaterThan(0.75);
      expect(floor!.high / (1.96 * Math.sqrt(0.04))).toBeLessThan(1.25);
      expect(compare(gaussian(100, 1), gaussian(100, 2, 2))).toEqual({ value, low, high, floor });
    });
    expect(liveTensors()).toBe(before);
  });

  it('covers the true difference about 19 times of 20, near 0 distances not less', () => {
    tidy(() => {
      let signed = 0;
      let distance = 0;
      for (let i = 0; i < 60; i++) {
        const [real, synthetic] = [gaussian(40, 2 * i + 1), gaussian(40, 2 * i + 2, 0.5)];
        const one = compare(real, synthetic, { seed: i });
        if (one.low <= 0.5 && one.high >= 0.5) signed++;
        const none = compare(real, gaussian(40, 1000 + i), { seed: i, kind: 'distance' });
        expect(none.low).toBeGreaterThanOrEqual(0);
        if (none.low === 0) distance++;
      }
      expect(signed).toBeGreaterThanOrEqual(52);
      expect(signed).toBeLessThan(60);
      expect(distance).toBeGreaterThanOrEqual(52);
    });
  });

  it('draws and halves groups as a whole', () => {
    tidy(() => {
      // Ten values, twenty times each: single images would be far too sure.
      const values = gaussian(10, 3);
      const real = values.expand([10, 20]).reshape([200, 1]);
      const groups = Array.from({ length: 200 }, (_, i) => `patient ${Math.floor(i / 20)}`);
      const synthetic = gaussian(2000, 4);
      const single = compare(real, synthetic);
      const whole = compare(real, synthetic, { groups });
      const width = ({ low, high }: { low: number; high: number }) => high - low;
      expect(width(whole) / width(single)).toBeGreaterThan(3);
      expect(width(whole.floor!) / width(single.floor!)).toBeGreaterThan(3);
      expect(whole.value).toBe(single.value);
      expect(() => compare(real, synthetic, { groups: ['a'] })).toThrow(DataError);
      const few = Array.from({ length: 200 }, (_, i) => `patient ${i % 3}`);
      expect(compare(real, synthetic, { groups: few }).floor).toBeNull();
    });
  });
});

describe('difference of shares', () => {
  it.each(golden.newcombe)('is Newcombe’s: $first less $second', ({ first, second, low, high }) => {
    const found = proportionDifference(wilson(first[0], first[1])!, wilson(second[0], second[1])!);
    expect(found.difference).toBeCloseTo(first[0] / first[1] - second[0] / second[1], 12);
    expect(found.low).toBeCloseTo(low, 8);
    expect(found.high).toBeCloseTo(high, 8);
  });
});
