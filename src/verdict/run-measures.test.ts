import { describe, expect, test } from 'vitest';
import { netBenefit } from '../stats/decision-curve.js';
import { tQuantile } from '../stats/distributions.js';
import { recalibrate } from '../stats/recalibration.js';
import { exampleSummary } from '../trial/example.test-data.js';
import { scoresOf } from '../trial/scores.js';
import { armBenefit, armRecalibration } from './run-measures.js';

const scores = scoresOf(exampleSummary({ folds: 2, seeds: 3, testImages: 300 }));
const arm = 'real+standard+synthetic';
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const own = scores.runs.filter((run) => run.arm === arm);
const labelsOf = (fold: number) => scores.folds.find((one) => one.fold === fold)!.test.labels;

describe('calibration of an arm', () => {
  test('is the mean over runs, in an interval', () => {
    const { slope, intercept, runs, without } = armRecalibration(scores, arm, 0.95);
    const each = own.map((run) => recalibrate(labelsOf(run.fold), run.testScores)!);
    expect(slope!.mean).toBeCloseTo(mean(each.map((one) => one.slope)), 10);
    expect(intercept!.mean).toBeCloseTo(mean(each.map((one) => one.intercept)), 10);
    expect([runs, without]).toEqual([6, 0]);
    for (const value of [slope!, intercept!]) {
      expect(value.low).toBeLessThan(value.mean);
      expect(value.high - value.mean).toBeCloseTo(value.mean - value.low, 10);
    }
  });

  test('runs without a slope are counted', () => {
    const perfect = {
      ...scores,
      runs: own.map((run, i) =>
        i === 0 ? { ...run, testScores: labelsOf(run.fold).map((l) => 0.1 + 0.8 * l) } : run,
      ),
    };
    expect(armRecalibration(perfect, arm, 0.95)).toMatchObject({ runs: 5, without: 1 });
    expect(armRecalibration(scores, 'nobody', 0.95)).toMatchObject({ slope: null, runs: 0 });
  });
});

describe('net benefit of an arm', () => {
  test('is the mean over runs, and a difference that of the same runs', () => {
    const options = { threshold: 0.3, level: 0.95 };
    const each = own.map((run) => netBenefit(labelsOf(run.fold), run.testScores, 0.3));
    const benefit = armBenefit(scores, arm, options)!;
    expect(benefit.mean).toBeCloseTo(mean(each), 12);
    const base = armBenefit(scores, 'real+standard', options)!;
    const difference = armBenefit(scores, arm, { ...options, minus: 'real+standard' })!;
    expect(difference.mean).toBeCloseTo(benefit.mean - base.mean, 12);
    // Paired: narrower than either.
    expect(difference.high - difference.low).toBeLessThan(benefit.high - benefit.low);
  });

  test('with one run and images of their own, the interval is that of a mean, by t', () => {
    const one = scoresOf(exampleSummary({ seeds: 1, testImages: 200 }));
    const { test: images } = one.folds[0]!;
    const alone = { ...one, folds: [{ fold: 1, test: { ...images, groups: images.ids } }] };
    const [run] = alone.runs;
    const own = images.labels.map((label, i): number =>
      run!.testScores[i]! < 0.2 ? 0 : label === 1 ? 1 : -0.25,
    );
    const centre = mean(own);
    const deviation = Math.sqrt(
      own.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (own.length - 1),
    );
    const { low, high } = armBenefit(alone, run!.arm, { threshold: 0.2, level: 0.95 })!;
    // 40 positives are the class that has fewer.
    expect((high - low) / 2).toBeCloseTo((tQuantile(0.975, 39) * deviation) / Math.sqrt(own.length), 10);
  });
});
