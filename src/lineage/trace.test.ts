import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveSafetensors, tensor } from 'graft-torch';
import { writeJson } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Dataset, openDataset } from '../data/dataset/dataset.js';
import { chainWords, type Fit } from '../data/lineage/fitted.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { NETWORKS } from '../models/index.js';
import { createRun } from '../run/run-folder.js';
import { writeLearned } from './learned.js';
import { fittedMetadata, ownFit, writeRecord } from './record.js';
import { partsOf, traceTraining } from './trace.js';

const root = mkdtempSync(join(tmpdir(), 'graft-lineage-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const at = (...parts: string[]): string => join(root, ...parts);
let dataset: Dataset;
const of = (split: string) => dataset.rows.filter((row) => row.split === split);
const groups = (split: string): string[] => of(split).map(({ group }) => group);

beforeAll(async () => {
  await createPhantomDataset(at('data'), { count: 40, sizePx: 16, prevalence: 0.4, seed: 1 });
  dataset = openDataset(at('data'));
});

interface Made {
  config?: Record<string, unknown>;
  summary?: Record<string, unknown> | null;
  /** As runs of now do; else an older one. */
  record?: boolean;
}

/** A run folder as training leaves it, without the training. */
function made(
  kind: 'classifier' | 'gan',
  name: string,
  { config = {}, summary = {}, record = true }: Made = {},
) {
  const run = createRun(at(name), { kind, config: { data: dataset.dir, ...config }, dataHash: dataset.hash });
  const own = ownFit(kind === 'gan' ? 'generator' : kind, dataset, { train: of('train'), val: of('val') });
  if (record) writeRecord(run.dir, () => [own, ...partsOf(kind, run.config)]);
  if (summary)
    run.finish({
      dataset: { name: dataset.name, hash: dataset.hash },
      trainingGroups: groups('train'),
      ancestor: null,
      ...summary,
    });
  else run.close();
  writeWeights(at(name, 'weights.safetensors'));
  return at(name);
}

function writeWeights(path: string, metadata: Record<string, string> = {}): void {
  const weights = { a: tensor([1]) };
  saveSafetensors(path, weights, metadata);
  weights.a.dispose();
}

const chains = (steps: readonly Fit[]): string[] => steps.map(chainWords);

describe('a run', () => {
  test('its own training and validation images', () => {
    const { steps, trainingGroups, unknown } = traceTraining(made('classifier', 'clf'));
    expect(chains(steps)).toEqual(['classifier run clf']);
    expect([...trainingGroups!].sort()).toEqual([...groups('train'), ...groups('val')].sort());
    expect(unknown).toBeNull();
  });

  test('any number of steps: weights of weights, images of a GAN, what it started from and was chosen by', () => {
    const first = made('gan', 'first');
    const judge = made('classifier', 'judge');
    const tuned = made('gan', 'tuned', { config: { initFrom: first, bestBy: 'fd', backbone: judge } });
    mkdirSync(at('images'));
    writeJson(at('images', 'lineage.json'), lineageOf('tuned', traceTraining(tuned).steps));
    const middle = made('classifier', 'middle', { config: { weights: null, synthetic: [at('images')] } });
    const last = made('classifier', 'last', { config: { weights: join(middle, 'weights.safetensors') } });
    // What it was made from may be gone, and its own folder renamed.
    for (const name of ['first', 'judge', 'tuned', 'images', 'middle']) rmSync(at(name), { recursive: true });
    renameSync(last, at('renamed'));
    const gan = 'synthetic images of classifier run middle → start weights of classifier run renamed';
    expect(chains(traceTraining(at('renamed')).steps)).toEqual([
      'classifier run renamed',
      'classifier run middle → start weights of classifier run renamed',
      `GAN run tuned → ${gan}`,
      `GAN run first → start weights of GAN run tuned → ${gan}`,
      `classifier run judge → choice of the checkpoint of GAN run tuned → ${gan}`,
    ]);
  });

  test('a backbone that only measures is no step', () => {
    const gan = made('gan', 'measured', { config: { bestBy: null, backbone: at('clf') } });
    expect(chains(traceTraining(gan).steps)).toEqual(['GAN run measured']);
  });
});

describe('an older run, without a record', () => {
  test('a classifier: what it listed, and its configuration', () => {
    const dir = made('classifier', 'old', {
      config: { weights: at('clf', 'weights.safetensors') },
      record: false,
    });
    writeLearned(dir, dataset);
    const { steps, trainingGroups } = traceTraining(dir);
    expect(chains(steps)).toEqual([
      'classifier run old',
      'classifier run clf → start weights of classifier run old',
    ]);
    expect(trainingGroups).toContain(groups('val')[0]);
  });

  test('a classifier that listed nothing: its dataset, while that is the same', () => {
    const dir = made('classifier', 'older', { record: false, summary: null });
    expect(traceTraining(dir).trainingGroups).toContain(groups('train')[0]);
    const lost = made('classifier', 'lost', { record: false, config: { data: at('gone') } });
    const { trainingGroups, unknown } = traceTraining(lost);
    expect(trainingGroups).toBeNull();
    expect(unknown).toMatch(/classifier run lost: it did not write down what it learned from, and .*gone/);
  });

  test('a GAN: its groups, an ancestor that nobody knows, and what chose its checkpoint', () => {
    const dir = made('gan', 'old-gan', {
      record: false,
      config: { initFrom: at('nowhere.pth'), bestBy: 'kid', backbone: at('clf') },
      summary: { ancestor: { name: 'nowhere.pth', trainingGroups: null } },
    });
    const { steps } = traceTraining(dir);
    expect(chains(steps)).toEqual([
      'GAN run old-gan',
      'weights file nowhere.pth → start weights of GAN run old-gan',
      'classifier run clf → choice of the checkpoint of GAN run old-gan',
    ]);
    expect(steps[1]).toMatchObject({ kind: 'generator', unknown: expect.any(String) });
  });
});

describe('files', () => {
  test('weights and checkpoints in a run, also through a link, are the run’s', () => {
    mkdirSync(at('clf', 'checkpoints'), { recursive: true });
    writeWeights(at('clf', 'checkpoints', 'best.safetensors'));
    symlinkSync(at('clf', 'weights.safetensors'), at('link.safetensors'));
    for (const path of ['clf/weights.safetensors', 'clf/checkpoints/best.safetensors', 'link.safetensors'])
      expect(chains(traceTraining(at(path)).steps)).toEqual(['classifier run clf']);
  });

  test('one that was exported says what it has seen, without names', () => {
    writeWeights(at('exported.safetensors'), fittedMetadata(traceTraining(at('clf')).steps));
    copyFileSync(at('exported.safetensors'), at('copy.safetensors'));
    const { steps, trainingGroups, unknown } = traceTraining(at('copy.safetensors'));
    expect(chains(steps)).toEqual(['classifier run clf']);
    expect([trainingGroups, unknown, steps[0]!.train.groups]).toEqual([null, null, null]);
  });

  test.each([
    ['a file from elsewhere', 'imagenet.pth', /weights file imagenet.pth: a file from elsewhere/],
    ['one that lies in a run, but is not its own', 'clf/other.safetensors', /file from elsewhere/],
    ['one that is gone', 'gone.safetensors', /weights file gone.safetensors: it is not there/],
    ['a folder that is neither run nor images', 'data', /neither a run nor images/],
  ])('%s is unknown, with the reason', (_, name, reason) => {
    writeFileSync(at('imagenet.pth'), '');
    writeWeights(at('clf', 'other.safetensors'));
    const { trainingGroups, unknown } = traceTraining(at(name));
    expect(trainingGroups).toBeNull();
    expect(unknown).toMatch(reason);
  });

  test('weights that are published are known by their name: natural images hold none of ours, web images may', () => {
    const imagenet = traceTraining('hf:timm/tf_efficientnet_lite0.in1k/model.safetensors');
    expect(imagenet).toMatchObject({ unknown: null, trainingGroups: new Set() });
    expect(imagenet.steps[0]!.dataset!.name).toBe('ImageNet-1k');
    const clip = [...NETWORKS.values()]
      .flatMap(({ published }) => published)
      .find((one) => one.mayKnowDermoscopy)!;
    const { unknown, trainingGroups } = traceTraining(clip.where);
    expect(unknown).toMatch(/pretraining data unknown: .*, which may hold dermoscopy$/);
    expect(trainingGroups).toBeNull();
  });

  test.skipIf(!process.env.GRAFT_TEST_WEIGHTS)('weights of a package are known by their bytes', () => {
    const from = join(process.env.GRAFT_TEST_WEIGHTS!, 'efficientnet-lite0-57934424.pth');
    copyFileSync(from, at('renamed.pth'));
    expect(traceTraining(at('renamed.pth'))).toMatchObject({ unknown: null, trainingGroups: new Set() });
  });

  test('a backbone: random features have learned nothing, a network’s file is unknown', () => {
    expect(traceTraining('random').steps).toEqual([]);
    expect(traceTraining(`inception:${at('imagenet.pth')}`).unknown).toMatch(/from elsewhere/);
    expect(traceTraining(`efficientnet-lite0:${at('imagenet.pth')}`).unknown).toMatch(
      /^weights file imagenet\.pth: a file from elsewhere/,
    );
    expect(traceTraining('efficientnet-lite0:gone.pth').unknown).toMatch(/gone\.pth: it is not there/);
    expect(traceTraining('efficientnet-lite0:hf:a/b/c.pth').unknown).toMatch(/weights file hf:a\/b\/c\.pth/);
    expect(traceTraining('hf:a/b/c.pth').unknown).toMatch(/weights file hf:a\/b\/c.pth/);
  });
});

test('a network with the weights of a run knows what the run knows; one that says itself is believed; auto is what it is', () => {
  const steps = (reference: string): string[] => chains(traceTraining(reference).steps);
  expect(steps(`efficientnet-lite0:${at('clf', 'weights.safetensors')}`)).toEqual(['classifier run clf']);
  expect(steps(`efficientnet-lite0:${at('copy.safetensors')}`)).toEqual(['classifier run clf']);
  vi.stubEnv('GRAFT_BACKBONE', `efficientnet-lite0:${at('copy.safetensors')}`);
  expect(steps('auto')).toEqual(['classifier run clf']);
  vi.stubEnv('GRAFT_BACKBONE', 'random');
  expect(steps('auto')).toEqual([]);
  vi.unstubAllEnvs();
});

test('runs that are said to be made from each other do not go on for ever', () => {
  made('classifier', 'ring', { record: false, config: { weights: at('ring', 'weights.safetensors') } });
  expect(traceTraining(at('ring')).unknown).toMatch(/made from itself/);
});

const lineageOf = (run: string, fitted: Fit[]) => ({
  graft: '0',
  run,
  checkpoint: { file: 'step.safetensors', step: 1, sha256: 'c' },
  weights: 'ema',
  seed: 0,
  count: 1,
  imageSize: 16,
  class: 'malignant',
  dataset: { name: dataset.name, hash: dataset.hash },
  trainingGroups: groups('train'),
  fitted,
});
