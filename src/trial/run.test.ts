import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setThreads } from 'graft-torch';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileProgram, program, programEnvironment } from '../../test/program.js';
import { openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { prepareDataset } from '../data/prepare/prepare.js';
import { InterruptedError, neverInterrupted } from '../run/interrupt.js';
import { createRun, openRun, readEvents, runStatus } from '../run/run-folder.js';
import { auc } from '../stats/roc.js';
import { jobTitle } from './board.js';
import { type TrialConfig, trialConfigSchema } from './config.js';
import { jobStates, readSchedule, writeSchedule } from './jobs.js';
import { jobDir, planTrial } from './plan.js';
import { writeReport } from './report/index.js';
import { readTrialSummary } from './result.js';
import { runTrial, type TrialOptions } from './run.js';
import type { TrialSummary } from './summary.js';
import { openTrial } from './trial.js';
import { work } from './work.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-trial-'));
const data = join(folder, 'phantoms');
const elsewhere = join(folder, 'elsewhere');

const tinyGan = {
  steps: 3,
  batchSize: 4,
  latentSize: 8,
  generatorWidth: 4,
  discriminatorWidth: 4,
  sampleCount: 4,
};

const configOf = (settings: object = {}): TrialConfig =>
  trialConfigSchema.parse({
    name: 'small',
    data,
    external: { elsewhere },
    arms: ['real', 'real+synthetic'],
    seeds: [0, 1],
    gans: { sngan: { set: tinyGan } },
    classifier: { set: { imageSize: 32, steps: 4, batchSize: 8, evaluateEvery: 2, warmupSteps: 1 } },
    threads: 1,
    ...settings,
  });

async function trial(name: string, settings: object = {}, options: TrialOptions = {}): Promise<TrialSummary> {
  const config = configOf(settings);
  const dir = join(folder, name);
  const run = existsSync(dir) ? openRun(dir, { kind: 'trial' }) : createRun(dir, { kind: 'trial', config });
  try {
    return await runTrial(run, openTrial(dir), { parallel: 2, ...options });
  } finally {
    run.close();
  }
}

/** What must be the same however a trial was run. */
const scoresOf = ({ runs }: TrialSummary) =>
  runs.map(({ arm, fold, seed, testScores, externalScores }) => ({
    arm,
    fold,
    seed,
    testScores,
    externalScores,
  }));

let whole: TrialSummary;
const outcomes: [string, string][] = [];
const children: ChildProcess[] = [];
beforeAll(async () => {
  await compileProgram();
  setThreads(1);
  await createPhantomDataset(data, { count: 120, sizePx: 64, prevalence: 0.3, seed: 1 });
  await createPhantomDataset(elsewhere, { count: 30, sizePx: 64, prevalence: 0.4, seed: 9 });
  whole = await trial('whole', {}, { onJob: (title, outcome) => outcomes.push([title, outcome]) });
}, 240_000);
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

test('every job is told of once, as done', () => {
  expect(outcomes.filter(([, outcome]) => outcome !== 'done')).toEqual([]);
  const jobs = planTrial(configOf(), openDataset(data));
  expect(outcomes.map(([title]) => title).sort()).toEqual(jobs.map(jobTitle).sort());
});

test('every arm and seed is run, with equal steps, on the same real images of the test split and from elsewhere', () => {
  const dataset = openDataset(data);
  expect(whole.runs.map((run) => [run.arm, run.fold, run.seed])).toEqual([
    ['real', 1, 0],
    ['real+synthetic', 1, 0],
    ['real', 1, 1],
    ['real+synthetic', 1, 1],
  ]);
  expect(new Set(whole.runs.map((run) => run.optimiserSteps))).toEqual(new Set([4]));
  const test = dataset.rows.filter((row) => row.split === 'test');
  expect(whole.folds.map((fold) => fold.test.ids)).toEqual([test.map((row) => row.id)]);
  expect(whole.external.map(({ name, ids }) => [name, ids])).toEqual([
    ['elsewhere', openDataset(elsewhere).rows.map((row) => row.id)],
  ]);
  for (const run of whole.runs) {
    expect(auc(whole.folds[0]!.test.labels, run.testScores)).toBeCloseTo(run.test.auc, 12);
    expect(run.externalScores.elsewhere).toHaveLength(30);
  }
  const train = dataset.rows.filter((row) => row.split === 'train');
  const positives = train.filter((row) => row.label === dataset.positive).length;
  const added = train.length - 2 * positives;
  expect(whole.runs.map((run) => run.syntheticImages)).toEqual([0, added, 0, added]);
  expect(whole.gans).toMatchObject([
    { name: 'sngan', trainingImages: positives, privacy: { verdict: expect.any(String) } },
  ]);
  expect(whole.distribution.map(({ record }) => record.metric)).toContain('frechet');
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

test('a stopped trial goes on: what has finished is not repeated, and the figures are those of one never stopped', async () => {
  let done = 0;
  const interrupt = { requested: false, poll: async () => done >= 4 };
  const onJob = (): void => void done++;
  await expect(trial('stopped', {}, { interrupt, onJob })).rejects.toThrow(InterruptedError);
  const dir = join(folder, 'stopped');
  expect(runStatus(dir)).toBe('resumable');
  const gan = join(dir, 'gans', 'sngan', 'fold-1', 'summary.json');
  const written = statSync(gan).mtimeMs;
  const resumed = await trial('stopped');
  expect(statSync(gan).mtimeMs).toBe(written);
  expect(scoresOf(resumed)).toEqual(scoresOf(whole));
  expect(resumed.metrics).toEqual(whole.metrics);
}, 120_000);

/** Starts `graft trial work` as a second machine would. */
function startWorker(dir: string): ChildProcess {
  const child = spawn(process.execPath, [program, 'trial', 'work', dir], {
    stdio: 'ignore',
    env: programEnvironment(),
  });
  children.push(child);
  return child;
}

test('a killed worker’s jobs are taken over, none is done twice, and the result is that of an undisturbed trial', async () => {
  const dir = join(folder, 'killed');
  // Enough steps to be killed within, and a checkpoint to go on from.
  const settings = {
    arms: ['real', 'real+standard'],
    external: {},
    classifier: { set: { imageSize: 32, steps: 40, batchSize: 8, evaluateEvery: 4, warmupSteps: 1 } },
  };
  const config = configOf(settings);
  const undisturbed = await trial('undisturbed', settings);
  createRun(dir, { kind: 'trial', config }).close();
  writeSchedule(dir, { seeds: 2, threads: 1, final: true, startedAt: new Date().toISOString() });
  const jobs = planTrial(config, openDataset(data));
  const states = () => [...jobStates(dir, jobs, config)];
  const runs = jobs.filter(({ kind }) => kind === 'classifier');
  const killed = startWorker(dir);
  const begun = () =>
    runs.find(
      ({ id }) =>
        existsSync(join(jobDir(dir, id), 'checkpoints')) &&
        readdirSync(join(jobDir(dir, id), 'checkpoints')).length > 0,
    );
  while (!begun()) await sleep(20);
  const victim = begun()!;
  killed.kill('SIGKILL');
  // Its child notices that nobody is left to tell, saves and ends, or was quicker than we are.
  const others = [startWorker(dir), startWorker(dir)];
  await Promise.all(others.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  expect(states().filter(([, state]) => state !== 'done')).toEqual([]);
  for (const { id } of runs) {
    const log = readFileSync(join(jobDir(dir, id), 'log.txt'), 'utf8');
    expect(log.match(/ finished$/gm), id).toHaveLength(1);
    expect(log.match(/ started: /gm), id).toHaveLength(1);
  }
  expect(readFileSync(join(jobDir(dir, victim.id), 'log.txt'), 'utf8')).toContain('opened to resume');
  expect(readSchedule(dir)?.seeds).toBe(2);
  const run = openRun(dir, { kind: 'trial' });
  try {
    expect(scoresOf(await runTrial(run, openTrial(dir), { parallel: 1 }))).toEqual(scoresOf(undisturbed));
  } finally {
    run.close();
  }
}, 240_000);

test('synthetic images whose GAN saw a test group are refused, with the group named', async () => {
  const gan = join(folder, 'whole', 'gans', 'sngan', 'fold-1');
  const path = join(gan, 'summary.json');
  const before = readFileSync(path, 'utf8');
  const leaked = openDataset(data).rows.find((row) => row.split === 'test')!.group;
  const summary = JSON.parse(before) as { trainingGroups: string[] };
  summary.trainingGroups.push(leaked);
  writeFileSync(path, JSON.stringify(summary));
  try {
    await expect(trial('leak', { gans: { sngan: { run: gan } } })).rejects.toThrow(
      `trained on 1 groups of the validation or test split (${leaked})`,
    );
  } finally {
    writeFileSync(path, before);
  }
}, 60_000);

test('a GAN of one fold is refused in another: its training images are tested there', async () => {
  const gan = join(folder, 'whole', 'gans', 'sngan', 'fold-1');
  await expect(trial('folds', { folds: 2, gans: { sngan: { run: gan } } })).rejects.toThrow(
    /trained on \d+ groups of the validation or test split/,
  );
}, 60_000);

test('an external test set that holds training images is refused, with the images named', async () => {
  await expect(trial('external', { external: { twin: join(folder, 'twin') } }, {})).rejects.toThrow('twin');
  await createPhantomDataset(join(folder, 'twin'), {
    count: 120,
    sizePx: 64,
    prevalence: 0.3,
    seed: 1,
    fractions: { train: 0.1, val: 0.1, test: 0.8 },
  });
  const first = openDataset(data).rows.find((row) => row.split !== 'test')!.id;
  await expect(
    trial('external', { external: { twin: join(folder, 'twin') }, arms: ['real'] }),
  ).rejects.toThrow(
    new RegExp(`external.twin: \\d+ of its images are training or validation images .*${first}`),
  );
}, 60_000);

test('pictures of training images in other files are refused, with the images named and the command that helps', async () => {
  const own = openDataset(data);
  const outside = join(folder, 'resized');
  await prepareDataset(own, outside, { sizesPx: [48] });
  const learned = own.rows.filter(({ split }) => split !== 'test');
  const settings = { external: { resized: outside }, arms: ['real'] };
  await expect(trial('pictures', settings)).rejects.toThrow(
    new RegExp(
      `external.resized: ${learned.length} of its images show the pictures .*\\(\\S+ \\(alike to .*graft data prepare ${outside} --without ${data} --out`,
    ),
  );
  // In folds, each image is trained on in one of them.
  await expect(trial('pictures-folds', { ...settings, folds: 2 })).rejects.toThrow(
    `${own.rows.length} of its`,
  );
}, 60_000);

test('pictures are compared once for the same sets', () => {
  const compared = readEvents(join(folder, 'whole', 'events.jsonl')).filter(
    ({ type }) => type === 'compared',
  );
  expect(compared.map(({ pictures }) => pictures)).toEqual([
    { dataset: openDataset(data).hash, external: { elsewhere: openDataset(elsewhere).hash } },
  ]);
});

test('a job that fails twice is given up, and the trial says which and why', async () => {
  const config = configOf({ arms: ['real'], external: {} });
  const dir = join(folder, 'failing');
  createRun(dir, { kind: 'trial', config }).close();
  writeSchedule(dir, { seeds: 1, threads: 1, final: true, startedAt: new Date().toISOString() });
  const tried: string[] = [];
  const command = (id: string): [string, ...string[]] => {
    tried.push(id);
    return [process.execPath, '-e', "console.error('graft: no such luck'); process.exitCode = 1"];
  };
  const ended = await work(openTrial(dir), {
    parallel: 1,
    worker: 'w',
    until: 'final',
    interrupt: neverInterrupted,
    command,
  });
  expect(ended).toBe('finished');
  expect(tried).toEqual(['data/fold-1', 'data/fold-1']);
  const jobs = planTrial(config, openDataset(data), { seeds: 1 });
  expect([...jobStates(dir, jobs, config).values()]).toEqual(['failed', 'failed']);
});
