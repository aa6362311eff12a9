/** A quick version of `calibrate`: few trials, a fixed seed; and the check itself must be able to fail. */
import { describe, expect, test } from 'vitest';
import { Random } from '../random.js';
import { auc } from '../stats/roc.js';
import type { Comparison } from './analysis.js';
import { calibrate, calibrationTable } from './calibration.js';
import { binormalModel, phantomModel, simulateTrial } from './simulation.js';

/** What a careless author would print: the same interval, half as wide. */
function narrowed(comparison: Comparison): Comparison {
  const { value, low, high, standardError } = comparison.difference;
  const shrink = (end: number): number => value + (end - value) * 0.5;
  return {
    ...comparison,
    difference: { value, low: shrink(low), high: shrink(high), standardError },
  };
}

const quick = {
  repetitions: 60,
  seed: 2,
  designs: [{ folds: 2, seeds: 3, testImages: 120 }],
};

describe('calibration', () => {
  test('without an effect claims stay within the error rate; a detectable effect is found; narrower intervals fail', () => {
    const [row] = calibrate(quick).rows;
    // The share may exceed 5 % by chance, but 5 % must be within its interval.
    expect(row!.falseClaims.low).toBeLessThanOrEqual(0.05);
    expect(row!.coverage.high).toBeGreaterThanOrEqual(0.95);
    expect(row!.found.high).toBeGreaterThanOrEqual(0.8);
    expect(row!.found.share).toBeLessThan(0.95);
    expect(row!.wrongEquivalence.low).toBeLessThanOrEqual(0.025);
    const [careless] = calibrate({ ...quick, judge: narrowed }).rows;
    expect(careless!.falseClaims.low).toBeGreaterThan(0.05);
    expect(careless!.coverage.high).toBeLessThan(0.95);
  });

  test('looks: an effect that is there saves seeds; claims stay within the error rate over all looks', () => {
    const looks = calibrate({
      ...quick,
      repetitions: 25,
      designs: [{ folds: 1, seeds: [3, 4, 6], testImages: 100 }],
    });
    const [row] = looks.rows;
    expect(row!.falseClaims.low).toBeLessThanOrEqual(0.05);
    expect(row!.seeds.with).toBeLessThan(row!.seeds.without);
    expect(calibrationTable(looks)).toContain('| 1 | looks at 3, 4, 6 |');
  });

  test('simulated trials have the true AUCs that they claim, binormal and phantoms', () => {
    for (const model of [binormalModel, phantomModel]) {
      const random = new Random(4);
      const means = [0, 0];
      const trials = 60;
      for (let i = 0; i < trials; i++) {
        const { folds, runs } = simulateTrial(
          model,
          { folds: 1, seeds: 1, testImages: 400 },
          { effect: 0.06, margin: 0.02, random },
        );
        runs.forEach((run, arm) => {
          means[arm]! += auc(folds[0]!.test.labels, run.testScores) / trials;
        });
      }
      expect(Math.abs(means[0]! - model.auc)).toBeLessThan(0.012);
      expect(Math.abs(means[1]! - model.auc - 0.06)).toBeLessThan(0.012);
    }
  });

  test('phantoms bound what classifiers can be', () => {
    const random = new Random(1);
    const design = { folds: 1, seeds: 1, testImages: 50 };
    expect(() => simulateTrial(phantomModel, design, { effect: 0.2, margin: 0.02, random })).toThrow(
      /best possible is 0\.900/,
    );
  });
});
