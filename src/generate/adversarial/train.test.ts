import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dispose, liveTensors, saveSafetensors, setThreads } from 'graft-torch';
import { beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../data/dataset/dataset.js';
import { heldOf, requireUnseen } from '../../data/lineage/fitted.js';
import { fitsOfLineage, readLineage } from '../../data/lineage/lineage.js';
import { listCheckpoints, loadCheckpoint, underPrefix } from '../../run/checkpoint.js';
import { checkpointHash } from '../../run/checkpoint-hash.js';
import { InterruptedError, neverInterrupted } from '../../run/interrupt.js';
import { createRun, openRun, readEvents, readRun, withoutWall } from '../../run/run-folder.js';
import { openGenerator } from '../open-generator.js';
import { generateImages, sampleToFolder } from '../sample.js';
import type { GanConfig } from './config.js';
import type { GanSummary } from './summary.js';
import { createTinyDataset, tinyConfig } from './tiny.test-data.js';
import { trainGan } from './train.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-gan-'));
const data = join(folder, 'phantoms');

const configOf = (settings: object = {}): GanConfig =>
  tinyConfig(data, {
    steps: 7,
    flips: true,
    logEvery: 1,
    sampleEvery: 4,
    checkpointEvery: 3,
    monitorEvery: 0,
    emaDecay: 0.9,
    ...settings,
  });

/** Trains in a new folder; with `stopAfter` interrupted there and resumed. */
async function trained(name: string, settings: object = {}, stopAfter?: number): Promise<string> {
  const config = configOf(settings);
  const dir = join(folder, name);
  const run = createRun(dir, { kind: 'gan', config });
  if (stopAfter === undefined) {
    await trainGan(run, config);
    run.close();
    return dir;
  }
  let polls = 0;
  const interrupt = { ...neverInterrupted, poll: async () => ++polls >= stopAfter };
  await expect(trainGan(run, config, { interrupt })).rejects.toThrow(InterruptedError);
  run.close();
  const resumed = openRun(dir, { kind: 'gan' });
  await trainGan(resumed, config);
  resumed.close();
  return dir;
}

/** Every tensor of the last checkpoint as bytes, and what else of it does not depend on the clock. */
function stateOf(dir: string): Record<string, unknown> {
  const { tensors, meta, step } = loadCheckpoint(listCheckpoints(dir).at(-1)!.path);
  const bytes = Object.entries(tensors).map(([key, x]) => [
    key,
    Buffer.from(x.toArray().buffer).toString('base64'),
  ]);
  dispose(tensors);
  const { seconds: _, ...rest } = meta as Record<string, unknown>;
  return { step, ...rest, ...Object.fromEntries(bytes) };
}

const eventsOf = (dir: string): unknown[] =>
  readEvents(join(dir, 'events.jsonl'))
    .map(withoutWall)
    // A stop writes a checkpoint of its own.
    .filter((event) => event.type !== 'checkpoint');

let whole: string;
beforeAll(async () => {
  setThreads(1);
  await createTinyDataset(data);
  whole = await trained('whole');
});

describe('resume', () => {
  test.each([2, 3, 5])('stopped after step %i, the run ends bit-identical', async (stopAfter) => {
    const dir = await trained(`stopped-${stopAfter}`, {}, stopAfter);
    expect(stateOf(dir)).toEqual(stateOf(whole));
    expect(eventsOf(dir)).toEqual(eventsOf(whole));
    for (const name of readdirSync(join(whole, 'samples'))) {
      expect(
        readFileSync(join(dir, 'samples', name)).equals(readFileSync(join(whole, 'samples', name))),
      ).toBe(true);
    }
  });

  // What else has a state of its own: labels, augmentation and its controller, several critic steps, the monitor.
  test.each<[string, object]>([
    [
      'conditional',
      { class: ['benign', 'malignant'], architecture: 'acgan', conditioning: 'auxiliary', classBalance: 1 },
    ],
    ['adaptive', { ada: { every: 2, speedKimg: 0.05, initial: 0.3 } }],
    [
      'critic',
      {
        architecture: 'dcgan',
        discriminatorNorm: 'none',
        objective: 'wasserstein',
        criticSteps: 2,
        gradientPenalty: { kind: 'wgan-gp', weight: 10 },
      },
    ],
    ['monitored', { monitorEvery: 2, monitorSamples: 16, backbone: null }],
  ])('a %s run ends bit-identical, too', async (name, settings) => {
    const undisturbed = await trained(name, settings);
    const stopped = await trained(`${name}-stopped`, settings, 5);
    expect(stateOf(stopped)).toEqual(stateOf(undisturbed));
    expect(eventsOf(stopped)).toEqual(eventsOf(undisturbed));
  });

  test('two identical runs have the same hash, whenever and wherever they were trained', async () => {
    const again = await trained('again');
    const [first, second] = [whole, again].map((dir) => listCheckpoints(dir).at(-1)!.path) as [
      string,
      string,
    ];
    expect(checkpointHash(second)).toBe(checkpointHash(first));
    expect(readFileSync(second).equals(readFileSync(first))).toBe(false); // the seconds that each took
    expect(checkpointHash(listCheckpoints(whole)[0]!.path)).not.toBe(checkpointHash(first));
  });

  test('with other threads it says so, in its log, its events and its summary', async () => {
    const warnings: string[] = [];
    const run = createRun(join(folder, 'threads'), { kind: 'gan', config: configOf() });
    let polls = 0;
    const interrupt = { ...neverInterrupted, poll: async () => ++polls >= 4 };
    await expect(trainGan(run, configOf(), { interrupt })).rejects.toThrow(InterruptedError);
    run.close();
    const resumed = openRun(run.dir, { kind: 'gan' });
    const { conditions } = await trainGan(resumed, configOf({ threads: 2 }), {
      warn: (message) => warnings.push(message),
    });
    setThreads(1);
    expect(conditions!.map(({ step, threads }) => [step, threads])).toEqual([
      [0, 1],
      [4, 2],
    ]);
    const said = /goes on after step 4 with threads 2 \(was 1\): .* to the last digit/;
    expect(warnings).toEqual([expect.stringMatching(said)]);
    expect(readFileSync(join(run.dir, 'log.txt'), 'utf8')).toMatch(said);
  });

  test('another seed is another run', async () => {
    expect(stateOf(await trained('other', { seed: 1 }))).not.toEqual(stateOf(whole));
  });
});

test('a run leaves no tensor behind', async () => {
  const before = liveTensors();
  await trained('leaks', { steps: 3, emaDecay: 0 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(liveTensors()).toBe(before);
});

test('a loss that is not finite stops the run with step, figure and advice', async () => {
  await expect(
    trained('diverged', { learningRate: { generator: 1e30, discriminator: 1e30 } }),
  ).rejects.toThrow(/diverged: step \d: \w+ is NaN; the training has diverged\. Lower learningRate/);
  expect(readEvents(join(folder, 'diverged', 'events.jsonl')).at(-1)?.type).toBe('failed');
});

test('a class that does not exist, or is too small, is named with what there is', async () => {
  await expect(trained('no-class', { class: 'melanoma' })).rejects.toThrow(
    /no class 'melanoma'; the classes are benign, malignant/,
  );
  await expect(trained('big-batch', { batchSize: 512 })).rejects.toThrow(
    /fewer than a batch of 512; .*--set batchSize=/,
  );
});

test.each([0, 3])('a class with %i training images is refused with advice', async (count) => {
  const dir = join(folder, `few-${count}`);
  const source = readFileSync(join(data, 'manifest.csv'), 'utf8').trimEnd().split('\n');
  const header = source[0]!.split(',');
  const [label, split] = [header.indexOf('label'), header.indexOf('split')];
  let left = count;
  const rows = source.slice(1).filter((line) => {
    const cells = line.split(',');
    return cells[label] !== 'malignant' || cells[split] !== 'train' || left-- > 0;
  });
  cpSync(data, dir, { recursive: true });
  writeFileSync(join(dir, 'manifest.csv'), `${[source[0], ...rows].join('\n')}\n`);
  const yaml = readFileSync(join(dir, 'dataset.yaml'), 'utf8');
  writeFileSync(join(dir, 'dataset.yaml'), yaml.replace(/images: \d+/, `images: ${rows.length}`));
  await expect(trained(`run-few-${count}`, { data: dir })).rejects.toThrow(
    new RegExp(`${count} training images of class 'malignant'.*by heart; import more, join classes`),
  );
});

describe('fine-tuning', () => {
  test('starts from the weights of another run, and its groups go on into the lineage', async () => {
    const dir = await trained('tuned', {
      class: 'benign',
      initFrom: whole,
      steps: 1,
      freezeDiscriminator: 1,
    });
    const [parent, child] = [readRun(whole), readRun(dir)];
    const groups = (run: typeof parent) => (run.summary as unknown as GanSummary).trainingGroups;
    expect(groups(child)).toEqual(expect.arrayContaining(groups(parent)));
    expect(groups(child).length).toBeGreaterThan(groups(parent).length);
    // One step of Adam at 2e-4 from there, so within 2e-4 of the parent's weights; fresh ones differ by more.
    const weight = (run: string): Float32Array => {
      const { tensors } = loadCheckpoint(listCheckpoints(run).at(-1)!.path);
      const values = tensors['generator.main.0.weight']!.toArray() as Float32Array;
      dispose(tensors);
      return values;
    };
    const [before, after] = [weight(whole), weight(dir)];
    expect(Math.max(...after.map((x, i) => Math.abs(x - before[i]!)))).toBeLessThan(2.1e-4);
    const generator = await openGenerator(dir, { device: 'cpu' });
    expect(generator.origin.unknownTraining).toBeNull();
    generator.network.dispose();
  });

  test('a weights file: nobody knows what it has seen, and no trial will take its images', async () => {
    const file = join(folder, 'generator.safetensors');
    const { tensors } = loadCheckpoint(listCheckpoints(whole).at(-1)!.path);
    saveSafetensors(file, underPrefix('generator', tensors));
    dispose(tensors);
    const dir = await trained('from-file', { initFrom: file, steps: 1 });
    const generator = await openGenerator(dir, { device: 'cpu' });
    const lineage = await sampleToFolder(generator, { count: 1, seed: 0, out: join(folder, 'unknown') });
    expect(lineage.unknownTraining).toBe('generator.safetensors');
    expect(() =>
      requireUnseen(fitsOfLineage(lineage), heldOf(openDataset(data)), { role: 'unknown', remedy: 'no' }),
    ).toThrow(
      /weights file generator\.safetensors → start weights of GAN run from-file: its training images are not known/,
    );
    generator.network.dispose();
  });

  test('weights of another shape are refused by key', async () => {
    await expect(trained('wide', { initFrom: whole, generatorWidth: 8 })).rejects.toThrow(
      /initFrom: .*not the weights of this network: main\.0\.weight \[8,32,4,4\] for \[8,64,4,4\]/,
    );
    await expect(trained('nowhere', { initFrom: join(folder, 'nothing') })).rejects.toThrow(/does not exist/);
  });
});

test('an edited config.yaml is refused with the keys that differ; more steps are not', async () => {
  const dir = join(folder, 'edited');
  const goOn = async (settings: object): Promise<GanSummary> => {
    const yaml = join(dir, 'config.yaml');
    let text = readFileSync(yaml, 'utf8');
    for (const [key, value] of Object.entries(settings)) {
      text = text.replace(new RegExp(`^${key}: .*$`, 'm'), `${key}: ${value}`);
    }
    writeFileSync(yaml, text);
    const run = openRun(dir, { kind: 'gan' });
    try {
      return await trainGan(run, configOf(settings));
    } finally {
      run.close();
    }
  };
  const run = createRun(dir, { kind: 'gan', config: configOf() });
  const interrupt = { ...neverInterrupted, poll: async () => true };
  await expect(trainGan(run, configOf(), { interrupt })).rejects.toThrow(InterruptedError);
  run.close();
  await expect(goOn({ batchSize: 8 })).rejects.toThrow(/batchSize is 8, was 4/);
  expect((await goOn({ batchSize: 4, steps: 9 })).steps).toBe(9);
});

describe('sampling', () => {
  test('image i of a seed is the same however many are asked for', async () => {
    const generator = await openGenerator(whole, { device: 'cpu', threads: 1 });
    const [few, many, other] = [
      generateImages(generator, 3, { seed: 5 }),
      generateImages(generator, 70, { seed: 5 }),
      generateImages(generator, 3, { seed: 6 }),
    ];
    const bytes = (x: typeof few) => Buffer.from(x.toArray() as Uint8Array);
    expect(few.shape).toEqual([3, 3, 64, 64]);
    expect(bytes(many).subarray(0, few.numel).equals(bytes(few))).toBe(true);
    expect(bytes(other).equals(bytes(few))).toBe(false);
    dispose([few, many, other]);
    generator.network.dispose();
  });

  test('a folder appears whole, with its lineage; a filled one is refused', async () => {
    const generator = await openGenerator(whole, { device: 'cpu', threads: 1 });
    const out = join(folder, 'synthetic');
    await sampleToFolder(generator, { count: 3, seed: 5, out });
    expect(readdirSync(out).sort()).toEqual(['00001.png', '00002.png', '00003.png', 'lineage.json']);
    await expect(sampleToFolder(generator, { count: 3, seed: 5, out })).rejects.toThrow(
      /is not empty \(it holds 00001\.png and more\)/,
    );
    generator.network.dispose();

    const lineage = readLineage(out);
    const dataset = openDataset(data);
    const groups = (split: string) =>
      new Set(dataset.rows.filter((row) => row.split === split).map((row) => row.group));
    expect(lineage).toMatchObject({ run: 'whole', class: 'malignant', seed: 5, count: 3, weights: 'ema' });
    expect(lineage.dataset.hash).toBe(dataset.hash);
    expect(lineage.trainingGroups.every((group) => groups('train').has(group))).toBe(true);
    const role = { role: out, remedy: 'no' };
    expect(requireUnseen(fitsOfLineage(lineage), heldOf(dataset), role)).toEqual([]);
    const leaked = lineage.trainingGroups[0]!;
    const rows = dataset.rows.map((row) => (row.group === leaked ? { ...row, split: 'val' as const } : row));
    expect(() => requireUnseen(fitsOfLineage(lineage), heldOf({ ...dataset, rows }), role)).toThrow(
      `trained on 1 groups of the validation or test split (${leaked})`,
    );
  });

  test('an unfinished run is not sampled', async () => {
    const config = configOf();
    const run = createRun(join(folder, 'empty'), { kind: 'gan', config });
    run.close();
    await expect(openGenerator(join(folder, 'empty'))).rejects.toThrow(
      /has not finished training .*graft generator resume/,
    );
  });
});
