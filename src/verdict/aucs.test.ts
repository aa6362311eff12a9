import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type AucVerdict, analyseAucs, decideAucs } from './aucs.js';
import { writeAucReport } from './report/aucs.js';
import { type AucTable, readScoreTable, type VerdictPlan, verdictPlanSchema } from './table.js';

const root = mkdtempSync(join(tmpdir(), 'graft-aucs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** AUCs of both arms by fold, in percent. */
async function tableOf(
  { real, synthetic }: { real: number[]; synthetic: number[] },
  { counts = '', ...plan }: Partial<VerdictPlan> & { counts?: string } = {},
): Promise<AucTable> {
  const path = join(root, 'aucs.csv');
  const rows = (arm: string, values: number[]): string[] =>
    values.map((value, i) => `${arm},${i + 1},${(value / 100).toFixed(4)}${counts}`);
  const header = `arm,fold,auc${counts === '' ? '' : ',positives,negatives'}`;
  writeFileSync(path, [header, ...rows('real', real), ...rows('real+synthetic', synthetic)].join('\n'));
  const table = await readScoreTable([path], verdictPlanSchema.parse({ baseline: 'real', ...plan }));
  if (table.kind !== 'aucs') throw new Error('a table of scores');
  return table;
}

async function judge(...args: Parameters<typeof tableOf>): Promise<AucVerdict> {
  const table = await tableOf(...args);
  return decideAucs(analyseAucs(table), table.design);
}

describe('folds that all differ by exactly the same', () => {
  test.each([
    ['rounded alike, no difference', { real: [80, 80, 80], synthetic: [80, 80, 80] }],
    ['two folds', { real: [80, 80], synthetic: [80, 80] }],
    ['three points each, by copying', { real: [80, 79, 83], synthetic: [83, 82, 86] }],
  ])('%s: nothing can be said', async (_, aucs) => {
    for (const counts of ['', ',30,170']) {
      const table = await tableOf(aucs, { counts });
      const analysis = analyseAucs(table);
      expect(analysis.comparisons[0]).toMatchObject({ identical: true, resampled: null, overFolds: null });
      const verdict = decideAucs(analysis, table.design);
      expect(verdict.kind).toBe('not-decidable');
      expect(verdict.sentence).toMatch(
        /all folds differ by exactly the same \(.*\): rounded or copied AUCs\.$/,
      );
    }
  });
});

describe('that nothing matters', () => {
  const close = { real: [80, 82, 81, 79, 83], synthetic: [80.1, 82, 81.1, 79, 83.2] };

  test('is said where the table counts its images, and not from AUCs alone', async () => {
    expect((await judge(close, { counts: ',30,170' })).kind).toBe('equivalent');
    const alone = await judge(close);
    expect(alone.kind).toBe('underpowered');
    expect(alone.paragraph).toMatch(/does not say how many images were tested \(positives, negatives\)/);
  });
});

describe('re-balancing the real images', () => {
  const better = { real: [80, 82, 81, 79, 83], synthetic: [86, 87.5, 87, 84, 88.5] };

  test('limits “helps” where no arm does it, in headline, sentence and report', async () => {
    const table = await tableOf(better);
    const analysis = analyseAucs(table);
    const verdict = decideAucs(analysis, table.design);
    expect(verdict).toMatchObject({ kind: 'helps', limits: [{ id: 'balance' }] });
    expect(verdict.short).toBe('Synthetic images help, but: balance not ruled out');
    expect(verdict.sentence).toMatch(
      /; but no arm re-balances the real images alone, which may do as much\.$/,
    );
    const html = writeAucReport(table, join(root, 'report'), { analysis, verdict, registration: null });
    expect(readFileSync(html, 'utf8')).toContain('Balance not ruled out.');
  });

  test('limits no comparison without synthetic images', async () => {
    const verdict = await judge(better, { synthetic: false });
    expect(verdict).toMatchObject({ kind: 'helps', limits: [], short: '‘real+synthetic’ helps' });
  });
});

describe('pairs', () => {
  const judgeRows = async (rows: string[], plan: Partial<VerdictPlan>): Promise<AucVerdict> => {
    const path = join(root, 'pairs.csv');
    writeFileSync(path, ['arm,fold,seed,auc', ...rows].join('\n'));
    const table = await readScoreTable([path], verdictPlanSchema.parse({ baseline: 'real', ...plan }));
    if (table.kind !== 'aucs') throw new Error('a table of scores');
    return decideAucs(analyseAucs(table), table.design);
  };
  const arm = (name: string, seed: number, values: number[]): string[] =>
    values.map((auc, fold) => `${name},${fold + 1},${seed},${auc}`);
  const real = arm('real', 0, [0.8, 0.81, 0.79, 0.8]);
  const synthetic = [0.9, 0.912, 0.888, 0.905];

  test('arms that share no fold and seed are refused in one line', async () => {
    await expect(
      judgeRows([...real, ...arm('real+synthetic', 1, synthetic)], { arm: 'real+synthetic' }),
    ).rejects.toThrow(/no seed is paired: 'real\+synthetic' has fold 1, seed 1/);
  });

  test('a control without a single pair is not beaten', async () => {
    const plan = { arm: 'real+synthetic', balanceControls: ['over'] };
    const rows = [...real, ...arm('real+synthetic', 0, synthetic)];
    const beaten = await judgeRows([...rows, ...arm('over', 0, [0.7, 0.71, 0.7, 0.69])], plan);
    expect(beaten.kind).toBe('helps');
    const apart = await judgeRows([...rows, ...arm('over', 4, [0.7, 0.71, 0.7, 0.69])], plan);
    expect(apart.kind).toBe('balance-only');
  });
});
