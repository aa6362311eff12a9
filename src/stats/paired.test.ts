import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { statsGolden } from './golden.test-data.js';
import { holm } from './multiplicity.js';
import { meanAndDeviation, pairedT, wilcoxonSignedRank } from './paired.js';
import {
  detectableDifference,
  detectableFloor,
  minimumDetectableEffect,
  powerOfT,
  seedsNeeded,
} from './power.js';
import { halfWidth } from './seeds.js';

const golden = statsGolden.paired;

describe('paired tests', () => {
  test('t test equals scipy', () => {
    const result = pairedT(golden.differences)!;
    expect(result.t).toBeCloseTo(golden.t, 10);
    expect(result.p).toBeCloseTo(golden.p, 10);
    expect(result.low).toBeCloseTo(golden.low, 10);
    expect(pairedT([0.3])).toBeNull();
    expect(pairedT([0.5, 0.5, 0.5])!.p).toBe(0);
    expect(pairedT([0, 0, 0])!.p).toBe(1);
  });

  test('exact Wilcoxon equals scipy, and listing all signs where there are ties and zeros', () => {
    const plain = wilcoxonSignedRank(golden.differences);
    expect(plain.statistic).toBe(golden.wilcoxon.statistic);
    expect(plain.p).toBeCloseTo(golden.wilcoxon.p, 12);
    const tied = wilcoxonSignedRank(golden.tied.differences);
    expect(tied.statistic).toBe(golden.tied.statistic);
    expect(tied.p).toBeCloseTo(golden.tied.p, 12);
  });

  test('three seeds, however clear, cannot go below p = .25', () => {
    expect(wilcoxonSignedRank([0.1, 0.2, 0.3]).p).toBe(0.25);
    expect(wilcoxonSignedRank([0, 0]).p).toBe(1);
  });

  test('Holm: the textbook example, order kept, never below the raw p', () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((value, i) => {
      expect(adjusted[i]).toBeCloseTo(value, 12);
    });
    expect(holm([0.6, 0.9])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });

  test('mean and deviation', () => {
    expect(meanAndDeviation([1, 2, 3, 4])).toEqual({ mean: 2.5, deviation: Math.sqrt(5 / 3) });
  });
});

describe('power', () => {
  test('power of the t test and detectable effects equal quadrature and root finding in scipy', () => {
    for (const { delta, df, alpha, power } of statsGolden.power.power)
      expect(powerOfT(delta, df, alpha)).toBeCloseTo(power, 8);
    for (const { sd, n, alpha, power, effect } of statsGolden.power.detectable)
      expect(minimumDetectableEffect(sd / Math.sqrt(n), n - 1, { alpha, power }) / effect).toBeCloseTo(1, 6);
  });

  test('holds with one degree of freedom at a strict level, where the critical value is 38', () => {
    const effect = minimumDetectableEffect(1, 1, { alpha: 0.05 / 3 });
    expect(powerOfT(effect, 1, 0.05 / 3)).toBeCloseTo(0.8, 6);
    expect(minimumDetectableEffect(1, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(minimumDetectableEffect(0, 3)).toBe(0);
  });

  test('seeds needed: the first number whose detectable effect is small enough', () => {
    // G*Power's textbook case: dz = .5, α = .05 two-sided, power .8 needs n = 34.
    expect(seedsNeeded(0.5, { seedVariance: 1 })).toBe(34);
    const seeds = seedsNeeded(0.02, { seedVariance: 0.0009, testVariance: 1e-5 })!;
    expect(seeds).toBeGreaterThan(seedsNeeded(0.02, { seedVariance: 0.0009 })!);
  });

  test('a small test set sets a floor that no number of seeds goes below', () => {
    expect(seedsNeeded(0.02, { seedVariance: 0.0009, testVariance: 1e-4 })).toBeNull();
    const floor = detectableFloor({ seedVariance: 0.0009, testVariance: 1e-4 });
    expect(floor).toBeCloseTo(2.8016 * 0.01, 5);
    const design = { seeds: 500, seedVariance: 0.0009, testVariance: 1e-4 };
    expect(detectableDifference(design)).toBeGreaterThan(floor);
    expect(detectableDifference({ ...design, seedVariance: null, seeds: 1 })).toBeCloseTo(floor, 6);
  });

  test('simulation: at the detectable difference the interval excludes zero in about 80 % of trials', () => {
    const random = new Random(6);
    for (const [seeds, seedVariance, testVariance] of [
      [3, 3, 1],
      [5, 2, 0.2],
    ] as const) {
      const effect = detectableDifference({ seeds, seedVariance, testVariance });
      let found = 0;
      for (let i = 0; i < 2000; i++) {
        const shared = effect + Math.sqrt(testVariance) * random.normal();
        const values = Array.from(
          { length: seeds },
          () => shared + Math.sqrt(seedVariance) * random.normal(),
        );
        const { mean, deviation } = meanAndDeviation(values);
        const estimate = {
          mean,
          values,
          variance: 0,
          seedVariance: deviation ** 2,
          between: 'seeds' as const,
          degreesOfFreedom: seeds - 1,
          runs: seeds,
          testVariance,
          across: null,
          groupSizes: [],
          influences: [],
        };
        if (Math.abs(mean) > halfWidth(estimate, 0.05)) found++;
      }
      expect(found / 2000).toBeGreaterThan(0.77);
      expect(found / 2000).toBeLessThan(0.85);
    }
  });
});
