/** A quick version of `calibrate`: few small trials, a fixed seed; and the check itself must be able to fail. */

import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { analyse } from './analysis.js';
import {
  type CalibrationOptions,
  type CalibrationRow,
  calibrate,
  scenariosNamed,
  usualScenarios,
} from './calibration.js';
import { calibrationTable, scenarioList } from './calibration-table.js';
import type { Comparison } from './comparison.js';
import { judgeScores, judgeWith } from './judgement.js';
import { type Scenario, type ScenarioDesign, scenarios, simulateScores } from './simulation/index.js';
import { decideVerdict } from './verdict.js';

/** The same null on a few images, for speed. */
const small = (name: string): Scenario => {
  const [scenario] = scenariosNamed([name]);
  return { ...scenario!, cohort: { ...scenario!.cohort, positives: 40, negatives: 60 } };
};
const fiveByTwo: ScenarioDesign = { folds: 5, seeds: 2, each: 'fold', looks: null };

function rowOf(scenario: Scenario, options: CalibrationOptions = {}): CalibrationRow {
  return calibrate({ scenarios: [scenario], designs: [fiveByTwo], repetitions: 60, seed: 2, ...options })
    .rows[0]!;
}

/** What a careless author would print: the same interval, half as wide. */
function narrowed(primary: Comparison): Comparison {
  const { value, low, high } = primary.difference;
  const shrink = (end: number): number => value + (end - value) * 0.5;
  return { ...primary, difference: { ...primary.difference, low: shrink(low), high: shrink(high) } };
}

/** What was printed once: generators and training sets taken as given. */
const given = (primary: Comparison): Comparison => ({
  ...primary,
  difference: { ...primary.difference, ...primary.forThese },
});

/** Equality wherever the interval lies within the margin. */
const byInterval = (primary: Comparison): Comparison => ({
  ...primary,
  equivalence: { ...primary.equivalence, halfWidth: 0 },
});

describe('calibration', () => {
  test('where generators differ, claims of the recipe stay within the error rate; narrower rules do not', () => {
    const scenario = small('tau-05');
    const row = rowOf(scenario);
    // The share may exceed 5 % by chance, but 5 % must be within its interval.
    expect(row.falseClaims.low).toBeLessThanOrEqual(0.05);
    expect(row.coverage.recipe.high).toBeGreaterThanOrEqual(0.95);
    expect(row.falseEquivalence.low).toBeLessThanOrEqual(0.025);
    expect(row.generators).toBe(5);
    for (const careless of [narrowed, given]) {
      const { falseClaims, coverage } = rowOf(scenario, { judge: judgeWith(careless) });
      expect(falseClaims.low).toBeGreaterThan(0.05);
      expect(coverage.recipe.high).toBeLessThan(0.95);
    }
  });

  test('on tests that nearly everybody passes, equality is not claimed where there is none; by the interval alone it is', () => {
    const [scenario] = scenariosNamed(['small-6-99']);
    const many = { repetitions: 200, designs: [{ ...fiveByTwo, folds: 10 }] };
    expect(rowOf(scenario!, many).falseEquivalence.low).toBeLessThanOrEqual(0.025);
    const { falseEquivalence } = rowOf(scenario!, { ...many, judge: judgeWith(byInterval) });
    expect(falseEquivalence.low).toBeGreaterThan(0.025);
  });

  test('an effect is found, and one generator is never taken for the recipe', () => {
    const row = rowOf(small('tau-0'), { effect: 0.15 });
    expect(row.power.share).toBeGreaterThan(0.8);
    const alone: ScenarioDesign = { folds: 1, seeds: 5, each: 'trial', looks: null };
    const { falseClaims, generators } = rowOf(small('tau-05'), { designs: [alone] });
    expect([falseClaims.count, generators]).toEqual([0, 1]);
  });

  test('looks: an effect that is there saves seeds', () => {
    const looks: ScenarioDesign = { folds: 5, seeds: 4, each: 'fold', looks: [2, 4] };
    const row = rowOf(small('tau-0'), { designs: [looks], repetitions: 30, effect: 0.18 });
    expect(row.falseClaims.low).toBeLessThanOrEqual(0.05);
    expect(row.seeds.with).toBeLessThan(row.seeds.without);
  });

  test('the quick judgement is the verdict’s own', () => {
    const random = new Random(5);
    for (const scenario of scenarios.slice(0, 12)) {
      const { scores } = simulateScores({
        ...scenario,
        cohort: { ...scenario.cohort, positives: 24, negatives: 36 },
        design: { folds: 3, seeds: 2, each: 'fold' },
        effect: 0.15,
        margin: 0.02,
        random,
      });
      const analysis = analyse(scores, { replicates: 0 });
      const { kind, scope } = decideVerdict(analysis);
      const { low, high } = analysis.comparisons[analysis.primary!]!.difference;
      expect(judgeScores(scores)).toMatchObject({ kind, ofRecipe: scope === 'recipe', low, high });
    }
  });

  test('every trial counts for progress; the table has a line a row; unknown scenarios are refused', () => {
    const seen: number[] = [];
    const calibration = calibrate({
      scenarios: [small('tau-02')],
      designs: [fiveByTwo],
      repetitions: 10,
      onTrial: (done, total) => seen.push(done / total),
    });
    expect(seen).toHaveLength(30);
    expect(seen.at(-1)).toBe(1);
    expect(calibrationTable(calibration)).toContain('| tau-02 | 5 × 2, a generator a fold | 5 |');
    expect(scenarioList(scenarios)).toContain('giant');
    expect(() => scenariosNamed(['nonsense'])).toThrow(/no scenario 'nonsense'/);
    expect(usualScenarios().every(({ designs }) => designs.length === 1)).toBe(true);
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
  });
});
