/** A trial's jobs go on from wherever its folder is seen: other paths to it, other places of it. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setThreads } from 'graft-torch';
import { writeJson } from 'graft-torch/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { encodePng } from '../image/grid.js';
import { wholePaths } from '../run/places.js';
import { createRun } from '../run/run-folder.js';
import { trialConfigSchema } from './config.js';
import { type ClassifierJob, jobDir, planTrial } from './plan.js';
import { runJob } from './run-job.js';
import { openTrial } from './trial.js';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'graft-elsewhere-')));
const before = process.cwd();
afterAll(() => {
  process.chdir(before);
  rmSync(root, { recursive: true, force: true });
});

/** Goes on with the one classifier for a step, and stops. */
async function step(dir: string, data?: string): Promise<number> {
  const trial = openTrial(dir, data);
  const job = trial.jobs().find((one): one is ClassifierJob => one.kind === 'classifier')!;
  let last = 0;
  const hooks = {
    interrupt: { requested: true, poll: async () => true },
    onClassifierStep: (done: number): void => {
      last = done;
    },
  };
  await expect(runJob({ ...trial, threads: 1 }, job, hooks)).rejects.toThrow(/stopped after step/);
  return last;
}

let steps = 0;
const goesOn = async (dir: string, data?: string): Promise<void> =>
  expect(await step(dir, data)).toBe(++steps);

beforeAll(async () => {
  setThreads(1);
  process.chdir(root);
  await createPhantomDataset('demo/phantoms', { count: 60, sizePx: 32, prevalence: 0.4, seed: 1 });
  const config = trialConfigSchema.parse({
    data: 'demo/phantoms',
    folds: 2,
    arms: ['real+synthetic'],
    seeds: [0],
    synthetic: { amount: 4 },
    classifier: { set: { imageSize: 32, steps: 50, batchSize: 8, evaluateEvery: 25, warmupSteps: 1 } },
    threads: 1,
  });
  createRun('demo/trial', { kind: 'trial', config: wholePaths('trial', config) }).close();
  const dataset = openDataset('demo/phantoms');
  const job = planTrial(config, dataset).find((one): one is ClassifierJob => one.kind === 'classifier')!;
  const images = jobDir('demo/trial', job.synthetic!);
  mkdirSync(images, { recursive: true });
  for (let i = 0; i < 4; i++) {
    const pixels = new Uint8Array(3 * 32 * 32).fill(40 * i);
    writeFileSync(join(images, `${i}.png`), await encodePng(pixels, { width: 32, height: 32 }));
  }
  writeJson(join(images, 'lineage.json'), {
    graft: '0',
    run: 'gan',
    checkpoint: { file: 's', step: 1, sha256: 'c' },
    weights: 'ema',
    seed: 0,
    count: 4,
    imageSize: 32,
    class: 'malignant',
    dataset: { name: dataset.name, hash: dataset.hash },
    trainingGroups: [],
  });
  await goesOn('demo/trial');
});

test('another relative path, a trailing slash, from inside, whole paths', async () => {
  process.chdir(join(root, 'demo'));
  await goesOn('trial');
  await goesOn('trial/');
  process.chdir('trial');
  await goesOn('.');
  process.chdir(root);
  await goesOn(join(root, 'demo', 'trial'));
});

test('through links, and without them again', async () => {
  symlinkSync('demo', 'link');
  await goesOn('link/trial');
  process.chdir('link');
  await goesOn('trial');
  process.chdir(root);
  symlinkSync('demo/trial', 'straight');
  await goesOn('straight');
});

test('moved with its dataset, and back', async () => {
  renameSync('demo', 'moved');
  await goesOn('moved/trial');
  renameSync('moved', 'demo');
  await goesOn('demo/trial');
});

test('a copy goes on by itself while the first is still there', async () => {
  cpSync('demo', 'copy', { recursive: true });
  const done = steps;
  await goesOn('copy/trial');
  steps = done;
  await goesOn('demo/trial');
});

test('the dataset moved alone, said with --data; the trial moved alone', async () => {
  renameSync('demo/phantoms', 'images');
  await goesOn('demo/trial', 'images');
  renameSync('images', 'demo/phantoms');
  await goesOn('demo/trial', 'demo/phantoms');
  renameSync('demo/trial', 'alone');
  await goesOn('alone');
  renameSync('alone', 'demo/trial');
});

test('a run of Graft 0.1, whose paths are those of the place where it was begun', async () => {
  const path = join(jobDir('demo/trial', 'runs/fold-1/real+synthetic/seed-0'), 'config.yaml');
  const { folder: _, ...old } = parse(readFileSync(path, 'utf8'));
  const synthetic = old.synthetic.map((one: string) => one.slice(one.indexOf('demo/trial')));
  expect(synthetic[0]).toMatch(/^demo\/trial\//);
  writeFileSync(path, stringify({ ...old, synthetic }));
  process.chdir(join(root, 'demo'));
  // Its checkpoint knows the same configuration; here it has none yet of that form, and begins anew.
  rmSync(join(jobDir('trial', 'runs/fold-1/real+synthetic/seed-0'), 'checkpoints'), { recursive: true });
  steps = 0;
  await goesOn('trial');
  process.chdir(root);
});
