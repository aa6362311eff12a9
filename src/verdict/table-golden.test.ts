import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../base/index.js';
import { auc } from '../stats/roc.js';
import { analyse } from './analysis.js';
import { analyseAucs, decideAucs } from './aucs.js';
import { readScoreTable, verdictPlanSchema } from './table.js';

/** Made by make.py there with pandas, scikit-learn and scipy. */
const goldens = join(packageRoot(), 'test', 'goldens', 'verdict-table');

interface Golden {
  runs: Record<string, number | string>[];
  differences: Record<string, number[]>;
  aucs: Record<
    string,
    { mean: number; low: number; high: number; p: number; plain: { low: number; high: number; p: number } }
  >;
}
const golden = JSON.parse(readFileSync(join(goldens, 'expected.json'), 'utf8')) as Golden;

test('a table of scores, from the file to the analysis, against scikit-learn', async () => {
  const table = await readScoreTable(
    [join(goldens, 'scores.csv')],
    verdictPlanSchema.parse({
      baseline: 'real',
      arm: 'real+synthetic',
      balanceControls: ['real+oversampling'],
    }),
  );
  if (table.kind !== 'scores') throw new Error('a table of AUCs');
  const { scores } = table;
  expect(scores.runs).toHaveLength(golden.runs.length);
  for (const expected of golden.runs) {
    const run = scores.runs.find(
      ({ arm, fold, seed }) => arm === expected.arm && fold === expected.fold && seed === expected.seed,
    )!;
    const { test: images } = scores.folds.find(({ fold }) => fold === run.fold)!;
    expect(auc(images.labels, run.testScores)).toBeCloseTo(expected.auc as number, 12);
    expect(run.validationAuc).toBeCloseTo(expected.validationAuc as number, 12);
    expect(run.threshold).toBe(expected.threshold);
  }
  const analysis = analyse(scores, { replicates: 20 });
  for (const { arm, scores: own } of analysis.arms)
    for (const name of ['averagePrecision', 'brier', 'logLoss', 'sensitivity', 'specificity'] as const) {
      const runs = golden.runs.filter((run) => run.arm === arm).map((run) => run[name] as number);
      expect(own[name]!.mean, `${arm} ${name}`).toBeCloseTo(
        runs.reduce((sum, value) => sum + value, 0) / runs.length,
        12,
      );
    }
  for (const [baseline, expected] of Object.entries(golden.differences)) {
    const pair = analysis.comparisons.find(
      (one) => one.arm === 'real+synthetic' && one.baseline === baseline,
    )!;
    pair.foldDifferences.forEach(({ difference }, i) => {
      expect(difference).toBeCloseTo(expected[i]!, 12);
    });
  }
});

test('a table of AUCs against scipy', async () => {
  const table = await readScoreTable(
    [join(goldens, 'aucs.csv')],
    verdictPlanSchema.parse({ baseline: 'real', arm: 'real+gan' }),
  );
  if (table.kind !== 'aucs') throw new Error('a table of scores');
  const analysis = analyseAucs(table);
  expect(analysis.testToTrain).toEqual({ value: 0.25, assumed: false });
  for (const [arm, { plain, ...expected }] of Object.entries(golden.aucs)) {
    const pair = analysis.comparisons.find((one) => one.arm === arm)!;
    expect(pair.mean).toBeCloseTo(expected.mean, 12);
    for (const part of ['low', 'high', 'p'] as const) {
      expect(pair.resampled![part], `${arm} ${part}`).toBeCloseTo(expected[part], 9);
      expect(pair.overFolds![part], `${arm} ${part}, plain`).toBeCloseTo(plain[part], 9);
    }
  }
  expect(analysis.comparisons.map(({ correctedP }) => correctedP)).toEqual([
    null,
    analysis.comparisons[1]!.resampled!.p,
  ]);
});

test('AUCs of one test set get no verdict, however many seeds there are', async () => {
  const plan = verdictPlanSchema.parse({ baseline: 'real', arm: 'real+gan' });
  const table = await readScoreTable([join(goldens, 'aucs.csv')], plan);
  if (table.kind !== 'aucs') throw new Error('a table of scores');
  const one = { ...table, rows: table.rows.filter(({ fold }) => fold === 1) };
  const analysis = analyseAucs(one);
  const verdict = decideAucs(analysis, one.design);
  expect(verdict.kind).toBe('one-test-set');
  expect(verdict.sentence).toMatch(/^No verdict from AUCs on one test set/);
  expect(analysis.comparisons[0]!.overSeeds).not.toBeNull();
});

test('AUCs: what the intervals say, and that it is the corrected one that says it', async () => {
  const plan = verdictPlanSchema.parse({ baseline: 'real', arm: 'real+gan', balanceControls: ['real+flow'] });
  const table = await readScoreTable([join(goldens, 'aucs.csv')], plan);
  if (table.kind !== 'aucs') throw new Error('a table of scores');
  const verdictWith = (gain: (fold: number) => number, controlGain = 0) => {
    const rows = table.rows.map((row) => ({
      ...row,
      auc:
        0.8 +
        0.01 * row.fold +
        (row.arm === 'real+gan' ? gain(row.fold) : row.arm === 'real+flow' ? controlGain : 0),
    }));
    return decideAucs(analyseAucs({ ...table, rows }), table.design);
  };
  expect(verdictWith((fold) => 0.05 + 0.001 * fold).kind).toBe('helps');
  expect(verdictWith((fold) => 0.05 + 0.001 * fold, 0.06).kind).toBe('balance-only');
  expect(verdictWith((fold) => -0.05 - 0.001 * fold).kind).toBe('harms');
  expect(verdictWith((fold) => 0.001 * fold - 0.003).kind).toBe('equivalent');
  // Plain t over five folds finds it, the corrected one does not.
  const between = verdictWith((fold) => 0.03 + 0.012 * (fold - 3));
  expect(between.kind).toBe('underpowered');
  expect(between.paragraph).toMatch(/plain t over folds.* has \+0\.0/);
});
