import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Dataset, openDataset } from '../data/dataset/dataset.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { ownFit, writeRecord } from '../lineage/record.js';
import { partsOf } from '../lineage/trace.js';
import { createRun } from '../run/run-folder.js';
import { checkTrial } from './check.js';
import { type TrialConfig, trialConfigSchema } from './config.js';
import { type ClassifierJob, type GanJob, planTrial } from './plan.js';
import { runJob } from './run-job.js';

const root = mkdtempSync(join(tmpdir(), 'graft-ingredients-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let dataset: Dataset;

/** A finished run on the dataset's own split, without the training. */
function made(kind: 'gan' | 'classifier', name: string, config: object = {}, on = dataset): string {
  const run = createRun(join(root, name), { kind, config: { data: on.dir, ...config }, dataHash: on.hash });
  const rows = (split: string) => on.rows.filter((row) => row.split === split);
  const own = ownFit(kind === 'gan' ? 'generator' : kind, on, { train: rows('train'), val: rows('val') });
  writeRecord(run.dir, () => [own, ...partsOf(kind, run.config)]);
  const about = { name: on.name, hash: on.hash };
  run.finish({
    dataset: about,
    trainingGroups: own.train.groups,
    ancestor: null,
    framing: { fit: 'cover', kernel: 'lanczos3', exact: true },
  });
  return run.dir;
}

let clf: string;
beforeAll(async () => {
  await createPhantomDataset(join(root, 'data'), { count: 80, sizePx: 16, prevalence: 0.4, seed: 1 });
  dataset = openDataset(join(root, 'data'));
  clf = made('classifier', 'clf');
  writeFileSync(join(root, 'imagenet.pth'), '');
});

const small = { imageSize: 32, steps: 2, evaluateEvery: 2, warmupSteps: 0 };
const configOf = (weights: string | null, gan: object = {}, more: object = {}): TrialConfig =>
  trialConfigSchema.parse({
    data: dataset.dir,
    folds: 2,
    arms: ['real+standard', 'real+standard+synthetic'],
    gans: { sngan: gan },
    classifier: { set: { ...small, weights } },
    ...more,
  });
const chosenBy = (backbone: string, bestBy: string | null = 'fd') => ({ set: { bestBy, backbone } });

test('start weights that learned from a fold’s images are refused, with the artefact, groups, fold and remedy', () => {
  expect(() => checkTrial(configOf(clf), dataset)).toThrow(
    /^classifier\.set\.weights: classifier run clf was trained on \d+ groups of the validation or test split \(\S+, .*, …\) of fold 1; start from weights that never saw them, or from scratch$/,
  );
});

test('so are they behind further steps, which are named', () => {
  const later = made('classifier', 'later', { weights: clf });
  const data = { ...dataset, rows: dataset.rows.map((row) => ({ ...row, group: `new ${row.group}` })) };
  // Groups of other names: the images themselves tell.
  expect(() => checkTrial(configOf(later), data)).toThrow(/\(new \S+/);
  const gan = made('gan', 'judged-gan', { bestBy: 'kid', backbone: later, initFrom: null });
  const rows = dataset.rows.map((row) => ({ ...row, split: 'train' as const }));
  const apart = made('gan', 'apart', { initFrom: gan }, { ...dataset, rows: rows.slice(0, 0) });
  expect(() => checkTrial(configOf(null, { run: apart }), dataset)).toThrow(
    /^gans\.sngan\.run: GAN run judged-gan → start weights of GAN run apart was trained on/,
  );
});

test('the backbone that chooses a GAN’s checkpoint, and the run that it starts from, before they are trained', () => {
  expect(() => checkTrial(configOf(null, chosenBy(clf)), dataset)).toThrow(
    /^gans\.sngan\.set\.backbone: classifier run clf was trained on .* of fold 1; use the backbone random/,
  );
  const first = made('gan', 'first');
  expect(() => checkTrial(configOf(null, { set: { initFrom: first } }), dataset)).toThrow(
    /^gans\.sngan\.set\.initFrom: GAN run first was trained on .* of fold 1; start from a run/,
  );
  expect(checkTrial(configOf(null, chosenBy(clf, null)), dataset)).toEqual([]);
  expect(checkTrial(configOf(null, chosenBy('random')), dataset)).toEqual([]);
});

test('on the split that it was trained and chosen on itself, a run may be used', () => {
  const own = configOf(clf, chosenBy(clf), { folds: 1 });
  expect(checkTrial(own, dataset)).toEqual([]);
});

test('an external test set that start weights learned from is refused', async () => {
  const dir = join(root, 'elsewhere');
  await createPhantomDataset(dir, { count: 40, sizePx: 16, prevalence: 0.4, seed: 2 });
  const weights = made('classifier', 'foreign', {}, openDataset(dir));
  const config = configOf(weights, {}, { folds: 1, external: { other: dir } });
  expect(() => checkTrial(config, dataset)).toThrow(
    /^classifier\.set\.weights: classifier run foreign was trained on \d+ groups .* of external\.other; /,
  );
});

test('what nobody knows is accepted and named once; a generator that nobody knows is refused', () => {
  const file = join(root, 'imagenet.pth');
  const config = configOf(file, chosenBy(`inception:${file}`));
  const why = 'a file from elsewhere, which does not say what it was trained on';
  const unknown = [
    { artefact: 'weights file imagenet.pth', role: 'gans.sngan.set.backbone', why },
    { artefact: 'weights file imagenet.pth', role: 'classifier.set.weights', why },
  ];
  expect(checkTrial(config, dataset)).toEqual(unknown);
  expect(checkTrial(configOf(file, chosenBy(`efficientnet-lite0:${file}`)), dataset)).toEqual(unknown);
  expect(() => checkTrial(configOf(null, { set: { initFrom: file } }), dataset)).toThrow(
    /^gans\.sngan\.set\.initFrom: weights file imagenet\.pth: its training images are not known/,
  );
});

test('each job looks again, for files may have changed since the trial was begun', async () => {
  const config = configOf(clf, chosenBy(clf), { threads: 1 });
  const dir = join(root, 'trial');
  createRun(dir, { kind: 'trial', config }).close();
  const jobs = planTrial(config, dataset);
  const trial = { dir, config, dataset, threads: 1 };
  const gan = jobs.find((job): job is GanJob => job.kind === 'gan')!;
  const classifier = jobs.find((job): job is ClassifierJob => job.kind === 'classifier')!;
  await expect(runJob(trial, gan)).rejects.toThrow(/^gans\.sngan\.set\.backbone: classifier run clf/);
  await expect(runJob(trial, classifier)).rejects.toThrow(/^classifier\.set\.weights: classifier run clf/);
});
