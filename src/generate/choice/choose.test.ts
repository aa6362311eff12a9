import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cat,
  dispose,
  gatherRows,
  keep,
  liveTensors,
  setThreads,
  type Tensor,
  tensor,
  tidy,
} from 'graft-torch';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { openDataset } from '../../data/dataset/dataset.js';
import { readLineage } from '../../data/lineage/lineage.js';
import { createPhantomDataset } from '../../data/phantom/dataset.js';
import { openPixelCache, type PixelCache } from '../../data/pixels/cache.js';
import { GeneratorNetwork } from '../../models/index.js';
import { pngPicture } from '../../report/picture.js';
import { createRun } from '../../run/run-folder.js';
import { tinyConfig } from '../adversarial/tiny.test-data.js';
import { trainGan } from '../adversarial/train.js';
import { toNetworkRange } from '../data.js';
import { openGenerator } from '../open-generator.js';
import { generateImages, sampleToFolder } from '../sample.js';
import type { TrainedGenerator } from '../trained-generator.js';
import { chooseImages } from './choose.js';

const folder = mkdtempSync(join(tmpdir(), 'graft-choice-'));
const data = join(folder, 'phantoms');
const runDir = join(folder, 'run');
let generator: TrainedGenerator;

beforeAll(async () => {
  setThreads(1);
  await createPhantomDataset(data, { count: 120, sizePx: 64, prevalence: 0.5, seed: 1 });
  const config = tinyConfig(data, { steps: 2, monitorEvery: 0, emaDecay: 0, logEvery: 1 });
  const run = createRun(runDir, { kind: 'gan', config });
  await trainGan(run, config);
  run.close();
  generator = await openGenerator(runDir, { device: 'cpu', threads: 1, withDiscriminator: true });
});
afterAll(() => {
  generator.network.dispose();
  generator.discriminator?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const bytesOf = (images: Tensor): Buffer => Buffer.from(images.toArray() as Uint8Array);

/** Of images, one after the other; they are disposed. */
function split(images: Tensor): string[] {
  const bytes = bytesOf(images).toString('base64');
  const each = bytes.length / images.shape[0]!;
  images.dispose();
  return Array.from({ length: bytes.length / each }, (_, i) => bytes.slice(i * each, (i + 1) * each));
}

/** Draws given images in turn, whatever the latents. */
class ReplayingGenerator extends GeneratorNetwork {
  readonly latent = 8;
  override readonly classCount = 0;
  #next = 0;

  constructor(private readonly images: Tensor) {
    super();
  }

  override forward(z: Tensor): Tensor {
    const rows = Array.from({ length: z.shape[0]! }, () => this.#next++ % this.images.shape[0]!);
    return tidy(() =>
      toNetworkRange(
        this.images.indexSelect(0, tensor(rows, [rows.length], { dtype: 'int64' })),
        'cpu',
        null,
      ),
    );
  }
}

/** The first images of a class and of other splits or the training split, uint8 [n, 3, 64, 64]. */
async function images(cache: PixelCache, label: string, isTraining: boolean, count: number): Promise<Tensor> {
  const rows = cache.rows.flatMap((row, i) =>
    row.label === label && (row.split === 'train') === isTraining ? [i] : [],
  );
  return gatherRows(cache.images, rows.slice(0, count));
}

describe('policies', () => {
  it('random takes the first images, as they come without a choice', async () => {
    const { images, lineage } = await chooseImages(generator, { count: 71, seed: 5, policies: ['random'] });
    expect(split(images)).toEqual(split(generateImages(generator, 71, { seed: 5 })));
    expect(lineage).toMatchObject({
      policies: ['random'],
      drawn: 71,
      passed: 71,
      backbone: null,
      label: null,
    });
  });

  it('best of a pool of four is what keeping a quarter gives, the best first', async () => {
    const { images, lineage } = await chooseImages(generator, { count: 64, seed: 5, policies: ['best'] });
    expect(split(images)).toEqual(split(generateImages(generator, 64, { seed: 5, keptShare: 0.25 })));
    expect(lineage.drawn).toBe(256);
  });

  it('diverse takes different images of the pool, the same for the same seed, and leaves nothing behind', async () => {
    const choose = async (seed: number): Promise<string[]> => {
      const options = { count: 8, pool: 5, seed, policies: ['diverse'] };
      const { images, lineage } = await chooseImages(generator, options);
      expect(lineage).toMatchObject({ drawn: 40, passed: 40, label: null, distances: [] });
      expect(lineage.backbone?.hash).toMatch(/^[0-9a-f]{64}$/);
      return split(images);
    };
    const first = await choose(5);
    const before = liveTensors();
    expect(await choose(5)).toEqual(first);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(liveTensors()).toBe(before);
    expect(new Set(first).size).toBe(8);
    const pool = split(generateImages(generator, 40, { seed: 5 }));
    const places = first.map((image) => pool.indexOf(image));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(places).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('filtered', () => {
  /** Training images of the class, half of them mirrored; held-out ones of the class, and of the other class. */
  let drawn: Tensor;
  let copies: string[];
  let fresh: string[];
  let others: string[];
  const planted = (): TrainedGenerator => ({ ...generator, network: new ReplayingGenerator(drawn) });

  beforeAll(async () => {
    const cache = await openPixelCache(openDataset(data), 64);
    const seen = await images(cache, 'malignant', true, 16);
    const heldOut = await images(cache, 'malignant', false, 17);
    const otherwise = await images(cache, 'benign', false, 17);
    drawn = tidy(() => {
      const half = cat([seen.narrow(0, 0, 8), seen.narrow(0, 8, 8).flip([3])]);
      return keep(cat([half, heldOut, otherwise]));
    });
    expect(drawn.shape[0]).toBe(50);
    copies = split(tidy(() => drawn.narrow(0, 0, 16).clone()));
    [fresh, others] = [split(heldOut), split(otherwise)];
    dispose([seen, cache.images]);
  });
  afterAll(() => dispose(drawn));

  it('rejects planted copies, mirrored ones too, and images of another class; the lineage counts them', async () => {
    const warnings: string[] = [];
    const { images, lineage, examples } = await chooseImages(
      planted(),
      { count: 5, pool: 10, seed: 0, policies: ['filtered'] },
      { warn: (message) => warnings.push(message) },
    );
    const kept = split(images);
    expect(kept.every((image) => fresh.includes(image) || others.includes(image))).toBe(true);
    expect(kept.filter((image) => fresh.includes(image)).length).toBeGreaterThanOrEqual(4);
    const { label, distances } = lineage;
    expect(lineage).toMatchObject({ drawn: 50, pool: 10 });
    expect(lineage.passed).toBeGreaterThan(5);
    expect(lineage.passed).toBeLessThan(25);
    expect(label!.images).toEqual([
      openDataset(data).rows.filter((row) => row.split === 'train' && row.label === 'malignant').length,
      openDataset(data).rows.filter((row) => row.split === 'train' && row.label === 'benign').length,
    ]);
    expect(label!.rejected).toBeGreaterThan(5);
    expect(label!.rejected).toBeLessThan(40);
    const [features, pictures] = distances;
    expect([features!.space, pictures!.space]).toEqual(['features', 'pictures']);
    expect(pictures!.rejected).toBeGreaterThanOrEqual(16);
    expect(pictures!.rejected).toBeLessThan(20);
    expect(features!.rejected).toBeGreaterThanOrEqual(8);
    const near = examples.rejected.filter(({ filter }) => filter === 'pictures');
    expect(near).toHaveLength(12);
    // A copy that is not mirrored is the training image that it stands beside.
    expect(Buffer.from(near[0]!.training!).equals(Buffer.from(near[0]!.pixels))).toBe(true);
    expect(near.every(({ value }) => value <= pictures!.threshold)).toBe(true);
    // Eighty training images do not teach random features much, and that is said.
    expect(warnings).toEqual([expect.stringMatching(/label agreement says little/)]);
  });

  it('draws further pools where one leaves too few, and then chooses among what passed', async () => {
    const options = { count: 12, pool: 2, seed: 0, policies: ['filtered', 'best'] };
    const { images, lineage } = await chooseImages(planted(), options);
    expect(lineage.drawn).toBeGreaterThan(24);
    expect(lineage.drawn % 24).toBe(0);
    expect(lineage.passed).toBeGreaterThanOrEqual(12);
    expect(split(images).filter((image) => copies.includes(image))).toEqual([]);
  });

  it('gives up after ten pools, with how many passed each filter', async () => {
    const seen = tidy(() => keep(drawn.narrow(0, 0, 16).clone()));
    const copying = { ...generator, network: new ReplayingGenerator(seen) };
    const live = liveTensors();
    await expect(
      chooseImages(copying, { count: 2, pool: 1, seed: 0, policies: ['filtered'] }),
    ).rejects.toThrow(
      /0 of 20 drawn images pass, fewer than the 2 that are wanted: \d+ show class malignant, \d+ are no copies by their features, 0 none by their pictures; ask for fewer/,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(liveTensors()).toBe(live);
    seen.dispose();
  });
});

describe('a folder of chosen images', () => {
  it('has the choice in its lineage, and a sheet beside it', async () => {
    const out = join(folder, 'chosen');
    const sheet = join(folder, 'sheet.png');
    const parts = new Set<string>();
    await sampleToFolder(generator, {
      count: 3,
      seed: 5,
      out,
      choice: { policies: ['diverse'], pool: 3 },
      sheet,
      onPart: (part) => parts.add(part),
    });
    expect(readdirSync(out).sort()).toEqual(['00001.png', '00002.png', '00003.png', 'lineage.json']);
    expect(readLineage(out).choice).toMatchObject({ policies: ['diverse'], pool: 3, drawn: 9, passed: 9 });
    expect([...parts]).toEqual(['drawing', 'looking at images']);
    expect(pngPicture(readFileSync(sheet))!.width).toBeGreaterThan(12 * 64);
  });

  it('of before there were policies still has a lineage', () => {
    const out = join(folder, 'chosen');
    const path = join(out, 'lineage.json');
    const { choice: _, ...old } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify(old));
    expect(readLineage(out).choice).toBeNull();
  });
});

describe('what does not go together is refused, and nothing is written', () => {
  const sample = (choice: object, more: object = {}, from = generator): Promise<unknown> =>
    sampleToFolder(from, {
      count: 3,
      seed: 0,
      out: join(folder, 'no'),
      choice: { policies: ['random'], ...choice },
      ...more,
    });

  test.each<[string, object, object, RegExp]>([
    ['a share and a pool', {}, { keptShare: 0.5 }, /--keep 0\.5: choosing has a pool of its own/],
    ['a pool below one', { pool: 0.5 }, {}, /pool 0\.5: expected 1 or more/],
    ['a pool beyond memory', { policies: ['best'], pool: 1e6 }, {}, /take 34\.3 GiB at once/],
    ['an agreement that cannot be', { policies: ['filtered'], agreement: 0 }, {}, /agreement 0: expected/],
    [
      'a classifier run of another dataset',
      { policies: ['diverse'], backbone: 'foreign' },
      {},
      /trained on another dataset or split than run/,
    ],
    [
      'a GAN as backbone that has not finished',
      { policies: ['diverse'], backbone: 'open' },
      {},
      /has not finished/,
    ],
  ])('%s', async (_, choice: { backbone?: string }, more, message) => {
    if (choice.backbone) {
      const dir = join(folder, choice.backbone);
      const run = createRun(dir, { kind: 'classifier', config: {} });
      if (choice.backbone === 'foreign') run.finish({ dataset: { hash: 'another' } });
      run.close();
      choice.backbone = dir;
    }
    await expect(sample(choice, more)).rejects.toThrow(message);
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  test('best without its discriminator', async () => {
    await expect(sample({ policies: ['best'] }, {}, { ...generator, discriminator: null })).rejects.toThrow(
      /needs a run opened with its discriminator/,
    );
  });

  test.each([
    ['unknown', /training images are not known.*choose random or best/],
    ['of another dataset', /is not the dataset that run was begun on .*; say where that one is with --data/],
  ])('filtered of a generator whose training images are %s', async (hash, message) => {
    const origin = { ...generator.origin, dataset: { name: 'phantoms', hash } };
    await expect(sample({ policies: ['filtered'] }, {}, { ...generator, origin })).rejects.toThrow(message);
  });
});
