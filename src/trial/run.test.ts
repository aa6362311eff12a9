import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openDataset } from '../data/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { InterruptedError, neverInterrupted } from '../run/interrupt.js';
import { createRun, openRun } from '../run/run-folder.js';
import { auc } from '../stats/roc.js';
import { setThreads } from '../torch/index.js';
import { type TrialConfig, trialConfigSchema } from './config.js';
import { writeReport } from './report/index.js';
import { readTrialSummary } from './result.js';
import { runTrial, type TrialHooks } from './run.js';
import type { TrialSummary } from './summary.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-trial-'));
const data = join(folder, 'phantoms');

const configOf = (settings: object = {}): TrialConfig =>
  trialConfigSchema.parse({
    name: 'small',
    data,
    arms: ['real', 'real+synthetic'],
    seeds: [0, 1],
    gan: {
      set: {
        steps: 3,
        batchSize: 4,
        latentSize: 8,
        generatorWidth: 4,
        discriminatorWidth: 4,
        sampleCount: 4,
      },
    },
    classifier: { set: { steps: 3, batchSize: 8, evaluateEvery: 2, warmupSteps: 1 } },
    threads: 2,
    ...settings,
  });

async function trial(name: string, settings: object = {}, hooks: TrialHooks = {}): Promise<TrialSummary> {
  const config = configOf(settings);
  const dir = join(folder, name);
  const run = existsSync(dir) ? openRun(dir, { kind: 'trial' }) : createRun(dir, { kind: 'trial', config });
  try {
    return await runTrial(run, config, hooks);
  } finally {
    run.close();
  }
}

let whole: TrialSummary;
beforeAll(async () => {
  setThreads(2);
  await createPhantomDataset(data, { count: 120, sizePx: 64, prevalence: 0.3, seed: 1 });
  whole = await trial('whole');
});

test('every arm and seed is run, with equal steps, on the same real test images', () => {
  const dataset = openDataset(data);
  expect(whole.runs.map((run) => [run.arm, run.seed])).toEqual([
    ['real', 0],
    ['real+synthetic', 0],
    ['real', 1],
    ['real+synthetic', 1],
  ]);
  expect(new Set(whole.runs.map((run) => run.optimiserSteps))).toEqual(new Set([3]));
  const test = dataset.rows.filter((row) => row.split === 'test');
  expect(whole.test.ids).toEqual(test.map((row) => row.id));
  for (const run of whole.runs) expect(auc(whole.test.labels, run.testScores)).toBeCloseTo(run.test.auc, 12);
  const train = dataset.rows.filter((row) => row.split === 'train');
  const positives = train.filter((row) => row.label === dataset.positive).length;
  expect(whole.runs.map((run) => run.syntheticImages)).toEqual([
    0,
    train.length - 2 * positives,
    0,
    train.length - 2 * positives,
  ]);
});

test('a stopped trial goes on: what has finished is not repeated, and the figures are those of one never stopped', async () => {
  let parts = 0;
  const interrupt = { ...neverInterrupted, poll: async () => parts >= 3 };
  const onPart = (): void => void parts++;
  await expect(trial('stopped', {}, { interrupt, onPart })).rejects.toThrow(InterruptedError);
  const done = join(folder, 'stopped', 'runs', 'real', 'seed-0', 'summary.json');
  const firstRun = statSync(done).mtimeMs;
  const resumed = await trial('stopped');
  expect(statSync(done).mtimeMs).toBe(firstRun);
  expect(resumed.runs.map((run) => run.testScores)).toEqual(whole.runs.map((run) => run.testScores));
  expect(resumed.metrics).toEqual(whole.metrics);
});

test('the report stands, and is the same from the folder alone', () => {
  const dir = join(folder, 'whole');
  expect(readTrialSummary(dir)).toEqual(whole);
  const { html, verdict } = writeReport(readTrialSummary(dir), join(dir, 'report'), { baseDir: dir });
  const page = readFileSync(html, 'utf8');
  expect(page).toContain(verdict.sentence);
  expect(page).not.toMatch(/(src|href)="(?!data:|#)/);
  expect(readdirSync(join(dir, 'report'))).toEqual(
    expect.arrayContaining(['report.html', 'report.md', 'summary.json']),
  );
});

test('synthetic images whose GAN saw a test group are refused', async () => {
  const source = join(folder, 'whole');
  const dir = join(folder, 'leak');
  const config = configOf({ gan: { run: join(source, 'gan') } });
  const run = createRun(dir, { kind: 'trial', config });
  const path = join(source, 'gan', 'summary.json');
  const before = readFileSync(path, 'utf8');
  const leaked = openDataset(data).rows.find((row) => row.split === 'test')!.group;
  const summary = JSON.parse(before) as { trainingGroups: string[] };
  summary.trainingGroups.push(leaked);
  writeFileSync(path, JSON.stringify(summary));
  try {
    await expect(runTrial(run, config)).rejects.toThrow(
      `trained on 1 groups of the validation or test split (${leaked})`,
    );
  } finally {
    run.close();
    writeFileSync(path, before);
  }
});

test('a seed that stands twice is refused: it would be counted as evidence', async () => {
  await expect(trial('twice', { seeds: [1, 1] })).rejects.toThrow('seeds: 1 stands twice');
});
