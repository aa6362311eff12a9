import { liveTensors, type Tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { densityCoverage } from './density-coverage.js';
import { frechetDistance } from './frechet.js';
import { gaussian } from './golden.test-data.js';
import { type HalfSampleOptions, halfSampleIntervals } from './interval.js';

const meanOf = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
const deviationOf = (values: number[]): number => {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
};
const shift = (a: Tensor, b: Tensor): number => b.mean().sub(a.mean()).item();

/** Of one figure. */
const intervalOf = (
  [first, second]: readonly [Tensor, Tensor],
  statistic: typeof shift,
  options: HalfSampleOptions,
) => halfSampleIntervals({ first, second }, (a, b) => ({ value: statistic(a, b) }), options).value;

describe('half-sampling', () => {
  it('has the textbook standard error of a difference of means', () => {
    tidy(() => {
      // Odd and even sets alike; 1,500 replicates know the standard error to 1.8 %.
      for (const [n, m] of [
        [40, 60],
        [7, 9],
      ] as const) {
        const [a, b] = [gaussian(n, 1, 1), gaussian(m, 1, 2, 0, 3)];
        const expected = Math.sqrt(a.var().item() / n + b.var().item() / m);
        const found = intervalOf([a, b], shift, { random: new Random(1), replicates: 1500 });
        expect(found.value).toBe(shift(a, b));
        expect(Math.abs(found.sd / expected - 1)).toBeLessThan(0.06);
        expect(found.high - found.value).toBeCloseTo(found.value - found.low, 12);
        expect((found.high - found.value) / found.sd).toBeCloseTo(1.9615, 3);
      }
    });
  });

  it('has the standard error that fresh sets show: Fréchet distance, coverage', () => {
    const before = liveTensors();
    tidy(() => {
      const draws = Array.from({ length: 40 }, (_, i) =>
        halfSampleIntervals(
          { first: gaussian(100, 3, 2 * i), second: gaussian(100, 3, 2 * i + 1, 0.7) },
          (a, b) => ({ frechet: frechetDistance(a, b), coverage: densityCoverage(a, b, { k: 3 }).coverage }),
          { random: new Random(i), replicates: 16 },
        ),
      );
      for (const name of ['frechet', 'coverage'] as const) {
        const values = draws.map((draw) => draw[name].value);
        const ratio = meanOf(draws.map((draw) => draw[name].sd)) / deviationOf(values);
        expect(ratio).toBeGreaterThan(0.8);
        expect(ratio).toBeLessThan(1.35);
        // About the expectation at this N.
        const mean = meanOf(values);
        const covered = draws.filter((draw) => draw[name].low <= mean && mean <= draw[name].high);
        expect(covered.length / draws.length).toBeGreaterThan(0.88);
      }
    });
    expect(liveTensors()).toBe(before);
  });

  it('draws whole groups: images of one patient are no evidence of their own', () => {
    tidy(() => {
      // Ten patients with eight images each that are all alike: ten values, not eighty.
      const patients = gaussian(10, 1, 3);
      const first = patients.expand([10, 8]).reshape([80, 1]);
      const second = gaussian(1000, 1, 4);
      const names = Array.from({ length: 80 }, (_, i) => `patient ${Math.floor(i / 8)}`);
      const run = (groups?: { first: string[] }) =>
        intervalOf([first, second], shift, { random: new Random(5), replicates: 400, groups }).sd;
      const expected = Math.sqrt(patients.var().item() / 10 + 1 / 1000);
      expect(Math.abs(run({ first: names }) / expected - 1)).toBeLessThan(0.12);
      expect(run()).toBeLessThan(0.5 * expected);
      // Every image a group: the same as without.
      expect(run({ first: names.map((_, i) => String(i)) })).toBe(run());
    });
  });

  it('gives the same figures for the same seed, and hands over halves without a row twice', () => {
    tidy(() => {
      const x = gaussian(20, 2, 6);
      const sizes: number[] = [];
      const distinct: number[] = [];
      const statistic = (a: Tensor, b: Tensor): number => {
        sizes.push(a.shape[0]!, b.shape[0]!);
        distinct.push(new Set(Array.from(a.narrow(1, 0, 1).toArray() as Float64Array)).size);
        return shift(a, b);
      };
      const run = (seed: number) =>
        intervalOf([x, x.narrow(0, 0, 9)], statistic, { random: new Random(seed) });
      expect(run(1)).toEqual(run(1));
      expect(run(1).sd).not.toBe(run(2).sd);
      expect(new Set(sizes)).toEqual(new Set([20, 10, 9, 4, 5]));
      expect(new Set(distinct)).toEqual(new Set([20, 10]));
    });
  });

  it('refuses what has no halves', () => {
    tidy(() => {
      const x = gaussian(6, 1, 1);
      const options = { random: new Random(1) };
      expect(() => intervalOf([x.narrow(0, 0, 3), x], shift, options)).toThrow(/first set has 3 images/);
      const groups = { second: ['a', 'a', 'b', 'b', 'c', 'c'] };
      expect(() => intervalOf([x, x], shift, { ...options, groups })).toThrow(/second set has 3 groups/);
      expect(() => intervalOf([x, x], shift, { ...options, groups: { first: ['a'] } })).toThrow(
        /6 images and 1 group names/,
      );
      expect(() => intervalOf([x, x], shift, { ...options, replicates: 1 })).toThrow(DataError);
    });
  });
});
