/** Folds, external test sets, looks and scores: what a trial of today has besides seeds on one test set. */

import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { delongTest } from '../stats/delong.js';
import { spendingShares } from '../stats/multiplicity.js';
import { pairedT } from '../stats/paired.js';
import { binaryScorer, splitScores } from '../stats/scores.js';
import { combineFolds, inference, meanDifference } from '../stats/seeds.js';
import { summarise } from '../trial/analysis.js';
import { exampleSummary } from '../trial/example.test-data.js';
import type { AnalysisOptions, TrialAnalysis } from './analysis.js';
import { foldVarianceOf } from './detectable.js';
import { verdictKind } from './kind.js';
import { decideVerdict } from './verdict.js';

const none = { replicates: 0 };
const summary = exampleSummary({ folds: 3, seeds: 2, testImages: 150, external: ['outside'] });
const analysis = summarise(summary, { replicates: 100 });
const primary = analysis.comparisons[analysis.primary!]!;
const scoresOf = (arm: string, fold: number): number[][] =>
  summary.runs.filter((run) => run.arm === arm && run.fold === fold).map((run) => run.testScores);

describe('folds', () => {
  test('estimates are those of the folds, combined; test images are counted over all', () => {
    const estimate = combineFolds(
      summary.folds.map(({ fold, test: { labels, groups } }) =>
        meanDifference(labels, [scoresOf(primary.arm, fold), scoresOf(primary.baseline, fold)], groups),
      ),
    );
    const { low, high, p } = inference(estimate);
    expect(primary.difference).toMatchObject({ value: estimate.mean, low, high });
    expect(primary.p).toBe(p);
    expect(primary.variance).toEqual({
      seeds: estimate.seedVariance,
      between: 'seeds',
      test: estimate.testVariance,
      runs: 6,
      degreesOfFreedom: 3,
      folds: estimate.across!.variance,
      beyond: foldVarianceOf(estimate, 3),
    });
    expect(analysis.folds).toBe(3);
    expect(analysis.test).toEqual({ images: 450, positives: 90, groups: 435, positiveGroups: 90 });
    expect(primary.runs).toHaveLength(6);
    expect(primary.seeds).toEqual([1, 2]);
  });

  test('the corrected resampled t stands beside it, with test over training images', () => {
    expect(primary.foldDifferences.map(({ fold }) => fold)).toEqual([1, 2, 3]);
    expect(primary.resampled!.testToTrain).toBeCloseTo(150 / 1200, 12);
    const expected = pairedT(
      primary.foldDifferences.map(({ difference }) => difference),
      0.95,
      150 / 1200,
    )!;
    expect(primary.resampled!.p).toBeCloseTo(expected.p, 12);
    expect(primary.resampled!.low).toBeCloseTo(expected.low, 12);
  });

  test('each run has DeLong’s test of its own', () => {
    const own = primary.perRun.find(({ fold, seed }) => fold === 2 && seed === 1)!;
    const { labels, groups } = summary.folds[1]!.test;
    const pick = (arm: string) => scoresOf(arm, 2)[0]!;
    const expected = delongTest(labels, [pick(primary.arm), pick(primary.baseline)], { groups });
    expect(own.difference).toBeCloseTo(expected.difference, 12);
    expect(own.p).toBeCloseTo(expected.p, 12);
  });

  test('three folds say more than one: the interval narrows', () => {
    const one = summarise(exampleSummary({ seeds: 2, testImages: 150 }), none);
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    expect(width(primary.difference)).toBeLessThan(width(one.comparisons[one.primary!]!.difference) / 2);
  });

  test('one seed in each fold: folds are the sample, and the verdict says what it cannot know', () => {
    const singles = summarise(exampleSummary({ folds: 3, seeds: 1, testImages: 150 }), none);
    const own = singles.comparisons[singles.primary!]!;
    expect(own.variance).toMatchObject({ between: 'folds', degreesOfFreedom: 2, test: 0 });
    expect(own.detectable.floor).toBeNull();
    const verdict = decideVerdict(singles);
    expect(verdict.kind).not.toBe('single-seed');
    if (verdict.kind === 'underpowered') expect(verdict.paragraph).toContain('one seed in each fold');
  });

  test('refuses a group that is tested in two folds, a run of no fold, scores of no external set', () => {
    const shared = structuredClone(summary);
    shared.folds[1]!.test.groups[0] = shared.folds[0]!.test.groups[0]!;
    expect(() => summarise(shared, none)).toThrow(/disjoint/);
    const lost = structuredClone(summary);
    lost.runs[0]!.fold = 9;
    expect(() => summarise(lost, none)).toThrow(/no such fold/);
    expect(() => summarise({ ...summary, external: [] }, none)).toThrow(/no such external set/);
    const short = structuredClone(summary);
    short.runs[0]!.externalScores.outside!.pop();
    expect(() => summarise(short, none)).toThrow(/149 scores for 150 images of outside/);
  });
});

describe('folds that disagree', () => {
  /** A trial whose synthetic arm is better or worse by another amount in every fold. */
  const trial = (luck: number, seed: number, options: AnalysisOptions = { ...none, kindOnly: true }) => {
    const made = exampleSummary({ folds: 4, seeds: 4, testImages: 250, seed });
    const random = new Random(seed).fork('luck');
    for (const { fold, test } of made.folds) {
      const shift = luck * random.normal();
      for (const run of made.runs) {
        if (run.fold !== fold || run.arm !== primary.arm) continue;
        run.testScores = run.testScores.map((score, i) => {
          const logit = Math.log(score / (1 - score)) + shift * test.labels[i]!;
          return 1 / (1 + Math.exp(-logit));
        });
        run.test = splitScores(
          test.labels as (0 | 1)[],
          run.testScores,
          run.test.threshold,
        ) as typeof run.test;
      }
    }
    return summarise(made, options);
  };
  const spreadOf = ({ comparisons, primary: index }: TrialAnalysis) => comparisons[index!]!.foldSpread!;

  test('where they differ by seeds and images alone, the test says so as often as it should', () => {
    const ps = Array.from({ length: 120 }, (_, i) => spreadOf(trial(0, i)).p);
    const called = ps.filter((p) => p < 0.05).length;
    // 120 · 0.05 = 6; more than 13 in less than 0.5 % of such series.
    expect(called).toBeLessThanOrEqual(13);
    expect(ps.filter((p) => p < 0.5).length).toBeGreaterThan(35);
  }, 60_000);

  test('where each has a luck of its own, it is found, and the verdict says what the interval is about', () => {
    const lucky = Array.from({ length: 20 }, (_, i) => trial(0.8, 100 + i));
    const found = lucky.filter((one) => spreadOf(one).p < 0.05);
    expect(found.length).toBeGreaterThan(14);
    const first = lucky.indexOf(found[0]!);
    const verdict = decideVerdict(trial(0.8, 100 + first, none));
    expect(verdict.limits[0]!.detail).toMatch(
      /The folds disagree by more than seeds and test images explain \(p .*\): [−+]0\.\d+ to [−+]0\.\d+\. Each has its own training images and generator, .* for these alone the interval would be /,
    );
    expect(verdict.limits.map(({ id }) => id)).toContain('folds');
    // What a reader takes from it is about the recipe, whose generators have no effect on the mean.
    const claims = lucky.filter((one) => ['helps', 'harms'].includes(verdictKind(one)));
    expect(claims.length).toBeLessThanOrEqual(3);
    const ofThese = lucky.filter(({ comparisons, primary: index }) => {
      const { low, high } = comparisons[index!]!.forThese;
      return low > 0 || high < 0;
    });
    expect(ofThese.length).toBeGreaterThan(8);
    const { degreesOfFreedom, ratio } = spreadOf(found[0]!);
    expect(degreesOfFreedom[0]).toBe(3);
    expect(degreesOfFreedom[1]).toBeGreaterThanOrEqual(12);
    expect(ratio).toBeGreaterThan(1);
  });

  test('folds that agree are not spoken of; one fold, or one seed in each, tells nothing', () => {
    const calm = Array.from({ length: 20 }, (_, i) => i).find((i) => spreadOf(trial(0, i)).p > 0.2)!;
    expect(decideVerdict(trial(0, calm, none)).limits.map(({ id }) => id)).not.toContain('folds');
    for (const few of [
      { folds: 1, seeds: 3 },
      { folds: 3, seeds: 1 },
    ]) {
      const { comparisons } = summarise(exampleSummary(few), none);
      expect(comparisons.map(({ foldSpread }) => foldSpread)).toEqual(comparisons.map(() => null));
    }
  });
});

describe('external test sets', () => {
  test('every (fold, seed) is a reader of the same images', () => {
    const [outside] = analysis.external;
    const { labels, groups } = summary.external[0]!;
    const scores = (arm: string) =>
      summary.runs.filter((run) => run.arm === arm).map((run) => run.externalScores.outside!);
    const expected = meanDifference(labels, [scores(primary.arm), scores(primary.baseline)], groups);
    const own = outside!.comparisons.find(({ role }) => role === 'primary')!;
    expect(own.runs).toHaveLength(6);
    expect(own.difference.value).toBeCloseTo(expected.mean, 12);
    expect(own.difference.low).toBeCloseTo(inference(expected).low, 12);
    expect(outside!.test.images).toBe(150);
    expect(outside!.arms).toHaveLength(4);
    expect(own.scores!.brier!.interval).not.toBeNull();
  });

  test('runs that did not score a set are left out, and that is said', () => {
    const partial = structuredClone(summary);
    for (const run of partial.runs) if (run.seed === 2) run.externalScores = {};
    const { external, notes } = summarise(partial, none);
    expect(external[0]!.comparisons[0]!.runs).toHaveLength(3);
    expect(notes.join(' ')).toContain('outside: 12 runs did not score it');
  });
});

test('an external set of one class has no AUC; it is left out, and the rest stands', () => {
  const oneClass = structuredClone(summary);
  oneClass.external[0]!.labels.fill(0);
  const result = summarise(oneClass, none);
  expect(result.external).toEqual([]);
  expect(result.notes.join(' ')).toContain('outside is left out: an AUC needs two groups of each class');
  expect(result.comparisons[result.primary!]!.difference).toEqual(primary.difference);
});

describe('scores besides AUC', () => {
  test('means of the runs’ scores at their own thresholds, with intervals around them', () => {
    const arm = analysis.arms[0]!;
    const values = summary.runs
      .filter((run) => run.arm === arm.arm)
      .map((run) =>
        binaryScorer(summary.folds[run.fold - 1]!.test.labels, run.testScores, run.test.threshold)(),
      );
    for (const [name, { mean, interval }] of Object.entries(arm.scores)) {
      const expected = values.reduce((sum, value) => sum + value[name as 'brier'], 0) / values.length;
      expect(mean).toBeCloseTo(expected, 12);
      expect(interval!.low).toBeLessThan(mean);
      expect(interval!.high).toBeGreaterThan(mean);
    }
    expect(Object.keys(arm.scores)).toHaveLength(7);
  });

  test('paired differences for the primary comparison only; none without replicates', () => {
    const { scores } = primary;
    const [ours, theirs] = [primary.arm, primary.baseline].map(
      (name) => analysis.arms.find(({ arm }) => arm === name)!.scores,
    );
    expect(scores!.brier!.mean).toBeCloseTo(ours!.brier!.mean - theirs!.brier!.mean, 12);
    expect(scores!.brier).not.toHaveProperty('p');
    expect(analysis.comparisons.filter((one) => one.scores !== null)).toHaveLength(1);
    const quick = summarise(summary, none);
    expect(quick.arms[0]!.scores.brier!.interval).toBeNull();
    expect(quick.comparisons[0]!.bootstrap).toBeNull();
    expect(quick.comparisons[quick.primary!]!.difference).toEqual(primary.difference);
  });
});

describe('looks', () => {
  test('intervals widen to the look’s level, p-values by its share; the verdict says so', () => {
    const looks = [2, 5];
    const seen = (reached: number) =>
      summarise({ ...summary, sequential: { looks, reached, stopped: 'running' } }, none);
    const shares = spendingShares(looks);
    const [first, last] = [seen(1), seen(2)].map((one) => one.comparisons[one.primary!]!);
    expect(first!.level).toBeCloseTo(1 - 0.05 * shares[0]!, 12);
    expect(first!.p).toBeCloseTo(Math.min(1, primary.p / shares[0]!), 12);
    expect(last!.difference.low).toBeLessThan(primary.difference.low);
    expect(first!.difference.low).toBeLessThan(last!.difference.low);
    expect(seen(1).look).toMatchObject({ number: 1, looks, stopped: 'running' });
    expect(decideVerdict(seen(2)).paragraph).toContain('look 2 of 2');
    expect(decideVerdict(seen(1)).sentence).toMatch(/9\d\.\d % interval/);
  });
});
