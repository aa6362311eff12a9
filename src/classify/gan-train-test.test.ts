import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { liveTensors, setThreads, tensor } from 'graft-torch';
import { Random, writeJson } from 'graft-torch/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dataset, imagePath } from '../data/dataset/dataset.js';
import { LINEAGE_FILE, type Lineage } from '../data/lineage/lineage.js';
import { createPhantomDataset } from '../data/phantom/dataset.js';
import { openPixelCache, type PixelCache } from '../data/pixels/cache.js';
import { metricRecordSchema } from '../metrics/sets/record.js';
import { InterruptedError, neverInterrupted } from '../run/interrupt.js';
import { readRun } from '../run/run-folder.js';
import { classifierRecipeSchema } from './config.js';
import { drawDisk, makeDisks, SIDE } from './disks.test-data.js';
import { type GanTrainTestOptions, type GanTrainTestResult, runGanTrainTest } from './gan-train-test.js';
import { aucOf, readScores } from './scores.js';
import { readSyntheticFolders, type SyntheticFolder } from './synthetic-folders.js';

const dir = mkdtempSync(join(tmpdir(), 'graft-gan-train-'));
const config = classifierRecipeSchema.parse({
  imageSize: SIDE,
  batchSize: 8,
  steps: 2,
  warmupSteps: 1,
  evaluateEvery: 2,
  augmentation: 'flips',
  device: 'cpu',
  threads: 2,
});

let dataset: Dataset;
let cache: PixelCache;
/** Phantoms of another seed as a perfect generator's images. */
let fresh: Dataset;
let malignant: SyntheticFolder;
let benign: SyntheticFolder;

/** A folder as `graft generator sample` writes it. */
function writeSynthetic(name: string, label: string, count: number, lineage: Partial<Lineage> = {}): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  const rows = fresh.rows.filter((row) => row.label === label).slice(0, count);
  for (const [i, row] of rows.entries()) copyFileSync(imagePath(fresh, row), join(folder, `${100 + i}.png`));
  writeJson(join(folder, LINEAGE_FILE), {
    graft: '0',
    run: 'perfect',
    checkpoint: { file: 'checkpoint', step: 1, sha256: '0' },
    weights: 'ema',
    seed: 0,
    count: rows.length,
    imageSize: SIDE,
    class: label,
    dataset: { name: 'phantoms', hash: dataset.hash },
    trainingGroups: dataset.rows.filter((row) => row.split === 'train').map((row) => row.group),
    ...lineage,
  });
  return folder;
}

const measure = (name: string, changes: Partial<GanTrainTestOptions> = {}): Promise<GanTrainTestResult> =>
  runGanTrainTest({
    config,
    out: join(dir, name),
    dataset,
    cache,
    synthetic: [malignant],
    seeds: [4, 5],
    ...changes,
  });

const inTraining = (label: string): number =>
  dataset.rows.filter((row) => row.split === 'train' && row.label === label).length;
const read = (...path: string[]): string => readFileSync(join(dir, ...path), 'utf8');

let whole: GanTrainTestResult;
let steps: [number, number, string][];
beforeAll(async () => {
  setThreads(2);
  const make = async (name: string, count: number, seed: number): Promise<Dataset> =>
    (await createPhantomDataset(join(dir, name), { count, sizePx: SIDE, prevalence: 0.4, seed })).dataset;
  dataset = await make('phantoms', 60, 1);
  fresh = await make('fresh', 120, 2);
  cache = await openPixelCache(dataset, SIDE);
  const folders = [writeSynthetic('malignant', 'malignant', 40), writeSynthetic('benign', 'benign', 60)];
  [malignant, benign] = (await readSyntheticFolders(folders, dataset, { sizePx: SIDE })) as [
    SyntheticFolder,
    SyntheticFolder,
  ];
  steps = [];
  whole = await measure('whole', {
    onStep: (done, total, { run }) => void steps.push([done, total, run]),
  });
});
afterAll(() => {
  for (const { images } of [cache, malignant, benign]) images.dispose();
  rmSync(dir, { recursive: true, force: true });
});

describe('a GAN of the positive class', () => {
  test('trains on synthetic positives and real negatives, as many of each as GAN-base', () => {
    const [real, positives] = [inTraining('benign') + inTraining('malignant'), inTraining('malignant')];
    expect(whole.scope).toBe('positive-class');
    expect(whole.runs.map(({ side, seed }) => [side, seed])).toEqual([
      ['gan-base', 4],
      ['gan-base', 5],
      ['gan-train', 4],
      ['gan-train', 5],
    ]);
    for (const { side, seed, folder, images } of whole.runs) {
      expect(images).toEqual(
        side === 'gan-base'
          ? { real, realPositive: positives, synthetic: 0, syntheticPositive: 0 }
          : { real: real - positives, realPositive: 0, synthetic: positives, syntheticPositive: positives },
      );
      expect(readRun(folder)).toMatchObject({
        status: 'finished',
        step: config.steps,
        config: {
          seed,
          real: side === 'gan-base' ? 'all' : 'negatives',
          synthetic: side === 'gan-base' ? [] : [malignant.source],
        },
      });
    }
  });

  test('GAN-train is the mean test AUC, GAN-test the share of synthetic positives over each seed’s threshold', () => {
    const auc = (side: string, seed: number): number =>
      aucOf(readScores(join(dir, 'whole', side, `seed-${seed}`, 'scores-test.csv')));
    for (const [s, seed] of [4, 5].entries()) {
      expect(whole.ganTrain.synthetic.values[s]).toBeCloseTo(auc('gan-train', seed), 12);
      expect(whole.ganTrain.real.values[s]).toBeCloseTo(auc('gan-base', seed), 12);
    }
    const [test] = whole.ganTest;
    expect(whole.ganTest).toHaveLength(1);
    expect(test).toMatchObject({ score: 'called-positive', images: { synthetic: inTraining('malignant') } });
    for (const [s, seed] of [4, 5].entries()) {
      const { threshold } = whole.runs[s]!;
      const scores = readScores(join(dir, 'whole', 'gan-test', `seed-${seed}.csv`));
      expect(scores.every(({ label }) => label === 1)).toBe(true);
      const share = scores.filter(({ score }) => score >= threshold).length / scores.length;
      expect(test!.synthetic.values[s]).toBeCloseTo(share, 12);
      const { summary } = readRun(join(dir, 'whole', 'gan-base', `seed-${seed}`));
      expect(test!.real.values[s]).toBeCloseTo((summary!.test as { sensitivity: number }).sensitivity, 12);
    }
  });

  test('records carry value, floor, counts and protocol; result.json is the result', () => {
    const [train, test] = whole.records.map((record) => metricRecordSchema.parse(record));
    const tested = dataset.rows.filter((row) => row.split === 'test');
    expect(train).toMatchObject({
      metric: 'gan-train',
      better: 'higher',
      class: 'malignant',
      value: whole.ganTrain.synthetic.value,
      floor: { value: whole.ganTrain.real.value, interval: whole.ganTrain.real.interval },
      n: { real: tested.length, synthetic: inTraining('malignant') },
      protocol: { scope: 'positive-class', seeds: '4, 5', dataset: dataset.hash, steps: 2, score: 'auc' },
    });
    expect(test).toMatchObject({
      metric: 'gan-test',
      better: 'real',
      value: whole.ganTest[0]!.synthetic.value,
      floor: { value: whole.ganTest[0]!.real.value },
      n: { real: tested.filter((row) => row.label === 'malignant').length },
      protocol: { score: 'called-positive' },
    });
    expect(JSON.parse(read('whole', 'result.json'))).toEqual(JSON.parse(JSON.stringify(whole)));
  });

  test('progress counts the steps of all runs', () => {
    expect(steps.map(([done]) => done)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(steps[2]).toEqual([3, 8, 'GAN-train seed 4']);
  });

  test('a stopped measurement goes on: finished runs stand, the figures are those of one never stopped', async () => {
    const live = liveTensors();
    let polls = 0;
    const interrupt = { ...neverInterrupted, poll: async () => ++polls === 3 }; // in the second of GAN-train's runs
    const base = join(dir, 'whole');
    await expect(measure('stopped', { base, interrupt })).rejects.toThrow(InterruptedError);
    const first = join(dir, 'stopped', 'gan-train', 'seed-4', 'summary.json');
    const before = statSync(first).mtimeMs;
    expect(readRun(join(dir, 'stopped', 'gan-train', 'seed-5'))).toMatchObject({
      status: 'resumable',
      checkpoints: [{ step: 1 }],
    });
    const resumed = await measure('stopped', { base });
    expect(liveTensors()).toBe(live);
    expect(statSync(first).mtimeMs).toBe(before);
    expect(resumed.ganTrain).toEqual(whole.ganTrain);
    expect(resumed.ganTest).toEqual(whole.ganTest);
  });

  test('a folder begun with other images or settings, or with other files, is refused', async () => {
    const shifted = { ...malignant, images: malignant.images.add(1) };
    await expect(measure('whole', { synthetic: [shifted] })).rejects.toThrow(
      /another configuration: images is/,
    );
    shifted.images.dispose();
    await expect(measure('whole', { config: { ...config, steps: 3 } })).rejects.toThrow(
      /recipe\.steps is 3, was 2/,
    );
    await expect(measure('whole', { count: 5 })).rejects.toThrow(/counts\.malignant is 5/);
    await expect(measure('malignant')).rejects.toThrow(/holds other files/);
    await expect(measure('twice', { seeds: [1, 1] })).rejects.toThrow(/1 stands twice/);
    await expect(measure('none', { config: { ...config, real: 'none' } })).rejects.toThrow(
      /leave this key out/,
    );
    expect(existsSync(join(dir, 'none'))).toBe(false);
  });
});

describe('a GAN of every class', () => {
  test('trains on synthetic images alone; GAN-base is taken from an earlier result', async () => {
    const started: string[] = [];
    const result = await measure('both', {
      synthetic: [benign, malignant],
      seeds: [4],
      base: join(dir, 'whole'),
      onStep: (_done, _total, { run }) => void started.push(run),
    });
    expect(new Set(started)).toEqual(new Set(['GAN-train seed 4']));
    const [base, train] = result.runs;
    expect(base!.folder).toBe(join(dir, 'whole', 'gan-base', 'seed-4'));
    expect(train!.images).toEqual({
      real: 0,
      realPositive: 0,
      synthetic: inTraining('benign') + inTraining('malignant'),
      syntheticPositive: inTraining('malignant'),
    });
    expect(result.ganTrain.real.value).toBe(whole.ganTrain.real.values[0]);
    expect(result.ganTest.map(({ score }) => score)).toEqual(['auc', 'accuracy']);
    const rows = readScores(join(dir, 'both', 'gan-test', 'seed-4.csv'));
    expect(result.ganTest[0]!.synthetic.value).toBeCloseTo(aucOf(rows), 12);
    const right = rows.filter(({ label, score }) => score >= base!.threshold === (label === 1)).length;
    expect(result.ganTest[1]!.synthetic.value).toBeCloseTo(right / rows.length, 12);
    expect(result.records.map(({ metric, class: name }) => [metric, name])).toEqual([
      ['gan-train', null],
      ['gan-test', null],
      ['gan-test', null],
    ]);
    const missing = measure('both-2', { seeds: [9], base: join(dir, 'whole') });
    await expect(missing).rejects.toThrow(/no finished GAN-base run of seed 9/);
  });
});

describe('folders of synthetic images', () => {
  test('a generator that saw a test group, an unknown class, and a missing lineage are refused', async () => {
    const leaked = dataset.rows.find((row) => row.split === 'test')!.group;
    const folders = [
      writeSynthetic('leak', 'malignant', 2, { trainingGroups: [leaked] }),
      writeSynthetic('other', 'malignant', 2, { class: 'nevus' }),
      writeSynthetic('bare', 'malignant', 2),
    ] as const;
    rmSync(join(folders[2], LINEAGE_FILE));
    const live = liveTensors();
    const messages = [
      `trained on 1 groups of the validation or test split (${leaked})`,
      "class 'nevus', which",
      LINEAGE_FILE,
    ];
    for (const [i, folder] of folders.entries()) {
      // What was read before it is freed.
      const reading = readSyntheticFolders([malignant.source, folder], dataset, { sizePx: SIDE });
      await expect(reading).rejects.toThrow(messages[i]);
    }
    expect(liveTensors()).toBe(live);
  });

  test('pixels, names and labels of what lies there', () => {
    expect(malignant).toMatchObject({ label: 1, class: 'malignant', source: join(dir, 'malignant') });
    expect(benign.label).toBe(0);
    expect(malignant.files[0]).toBe('100.png');
    expect(malignant.images.shape).toEqual([malignant.files.length, 3, SIDE, SIDE]);
  });
});

describe('what the scores say', () => {
  const easy = classifierRecipeSchema.parse({
    ...config,
    batchSize: 16,
    steps: 40,
    warmupSteps: 10,
    evaluateEvery: 20,
    learningRate: 3e-3,
  });

  test('fresh images of the truth train as well as real ones; images that do not show their label teach nothing', async () => {
    const disks = makeDisks(300);
    const random = new Random(9);
    /** `shows`: whether an image is drawn as a positive. */
    const set = (source: string, label: 0 | 1, shows: () => boolean): SyntheticFolder => {
      const count = label === 1 ? 63 : 117; // as in the training split
      const pixels = new Uint8Array(count * 3 * SIDE * SIDE);
      for (let i = 0; i < count; i++) pixels.set(drawDisk(random, shows()), i * 3 * SIDE * SIDE);
      return {
        images: tensor(pixels, [count, 3, SIDE, SIDE]),
        label,
        class: label === 1 ? 'malignant' : 'benign',
        files: Array.from({ length: count }, (_, i) => `${i}.png`),
        source,
      };
    };
    const perfect = [set('positives', 1, () => true), set('negatives', 0, () => false)];
    const coin = (): boolean => random.chance(0.5);
    const blind = [set('blind positives', 1, coin), set('blind negatives', 0, coin)];
    const score = (name: string, synthetic: SyntheticFolder[], base?: string): Promise<GanTrainTestResult> =>
      measure(name, { ...disks, config: easy, synthetic, base, seeds: [3] });
    // Forty steps are few, and their rounding decides where they end: the figures of 20 seeds stand beside each limit.
    const good = await score('perfect', perfect);
    expect(good.ganTrain.real.value).toBeGreaterThan(0.7); // seeds: 0.871 to 1.000
    expect(Math.abs(good.ganTrain.difference.value)).toBeLessThan(0.25); // at most 0.127
    expect(good.ganTest[0]!.synthetic.value).toBeGreaterThan(0.8); // 0.937 to 0.996
    const bad = await score('blind', blind, join(dir, 'perfect'));
    const gap = good.ganTrain.synthetic.value - bad.ganTrain.synthetic.value;
    expect(gap).toBeGreaterThan(0.05); // 0.162 to 0.626
    expect(bad.ganTrain.difference.value).toBeLessThan(-0.05); // -0.618 to -0.167
    expect(Math.abs(bad.ganTest[0]!.synthetic.value - 0.5)).toBeLessThan(0.2); // at most 0.070
    for (const { images } of [...perfect, ...blind, disks.cache]) images.dispose();
  }, 300_000);
});

test('a run of before the key `real` goes on', async () => {
  const path = join(dir, 'whole', 'gan-base', 'seed-4', 'config.yaml');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/^real: all\n/m, ''));
  expect(readFileSync(path, 'utf8')).not.toBe(text);
  expect((await measure('whole')).ganTrain).toEqual(whole.ganTrain);
});
