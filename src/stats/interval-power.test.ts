import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { meanAndDeviation } from './paired.js';
import { chanceOfEffect, chanceOfEquivalence, detectableDifference, powerOfT } from './power.js';
import { halfWidth } from './seeds.js';

/** Shares of simulated trials whose interval excludes zero, and lies within ±margin. */
function simulate(
  design: { seeds: number; folds: number; s2: number; c: number },
  effect: number,
  margin: number,
) {
  const { seeds, folds, s2, c } = design;
  const random = new Random(77);
  const count = 4000;
  let [found, within] = [0, 0];
  for (let i = 0; i < count; i++) {
    const own = Array.from({ length: folds }, () => {
      const shared = effect + Math.sqrt(c * folds) * random.normal();
      return meanAndDeviation(Array.from({ length: seeds }, () => shared + Math.sqrt(s2) * random.normal()));
    });
    const mean = own.reduce((sum, fold) => sum + fold.mean, 0) / folds;
    const half = halfWidth(
      {
        mean,
        values: [],
        variance: 0,
        seedVariance: own.reduce((sum, fold) => sum + fold.deviation ** 2, 0) / folds,
        between: 'seeds',
        degreesOfFreedom: folds * (seeds - 1),
        runs: folds * seeds,
        testVariance: c,
        across:
          folds > 1
            ? {
                variance: meanAndDeviation(own.map((fold) => fold.mean)).deviation ** 2 / folds,
                degreesOfFreedom: folds - 1,
                testVariance: 0,
              }
            : null,
        groupSizes: [],
        influences: [],
      },
      0.05,
    );
    if (Math.abs(mean) > half) found++;
    if (Math.abs(mean) + half <= margin) within++;
  }
  return { found: found / count, within: within / count };
}

describe('what an interval will say', () => {
  test('the same shares as simulated trials, to three standard errors', () => {
    for (const design of [
      { seeds: 2, folds: 1, s2: 1, c: 0.3 },
      { seeds: 3, folds: 1, s2: 1, c: 1 },
      { seeds: 3, folds: 5, s2: 2, c: 0.2 },
    ]) {
      const { seeds, folds, s2, c } = design;
      const known = { seeds, folds, seedVariance: s2, testVariance: c };
      const effect = 1.5;
      const margin = 4;
      const { found, within } = simulate(design, effect, margin);
      expect(Math.abs(found - chanceOfEffect(effect, known))).toBeLessThan(0.025);
      expect(Math.abs(within - chanceOfEquivalence(margin, known, { effect }))).toBeLessThan(0.025);
    }
  });

  test('without images’ share it is the t test; without seeds’ share the z test; at zero at most α', () => {
    const seedsOnly = { seeds: 5, seedVariance: 2, testVariance: 0 };
    expect(chanceOfEffect(1.7, seedsOnly)).toBeCloseTo(powerOfT(1.7 / Math.sqrt(0.4), 4), 8);
    const imagesOnly = { seeds: 1, seedVariance: null, testVariance: 1 };
    expect(chanceOfEffect(0, imagesOnly)).toBeCloseTo(0.05, 10);
    expect(chanceOfEffect(2.801585, imagesOnly)).toBeCloseTo(0.8, 4);
    for (const seeds of [2, 3, 5])
      expect(chanceOfEffect(0, { seeds, seedVariance: 1, testVariance: 0.5 })).toBeLessThanOrEqual(0.05);
  });

  test('the detectable difference is found with about the power it was stated for', () => {
    for (const seeds of [2, 3, 5, 8]) {
      for (const testVariance of [0.01, 0.3, 2]) {
        const design = { seeds, folds: 2, seedVariance: 1, testVariance };
        const chance = chanceOfEffect(detectableDifference(design), design);
        expect(chance).toBeGreaterThan(0.795);
        expect(chance).toBeLessThan(0.84);
      }
    }
  });

  test('at an effect of just the margin equivalence is claimed in at most half of α', () => {
    for (const seeds of [2, 3, 8]) {
      const design = { seeds, seedVariance: 1e-4, testVariance: 5e-5 };
      const wrong = chanceOfEquivalence(0.03, design, { effect: 0.03 });
      expect(wrong).toBeLessThanOrEqual(0.025);
    }
    expect(chanceOfEquivalence(0.03, { seeds: 8, seedVariance: 1e-4, testVariance: 5e-5 })).toBeGreaterThan(
      0.3,
    );
  });
});
