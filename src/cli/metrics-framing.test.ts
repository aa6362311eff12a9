/** Whatever is compared with a generator's images is framed as the generator saw what it learned from. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Random, writeJson } from 'graft-torch/base';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dataset, imagePath } from '../data/dataset/dataset.js';
import { importDataset } from '../data/import/import.js';
import type { Lineage } from '../data/lineage/lineage.js';
import { renderPhantom, samplePhantom } from '../data/phantom/index.js';
import { openPixelCache } from '../data/pixels/cache.js';
import { trainingFraming } from '../image/framing.js';
import type { MetricRecord } from '../metrics/sets/record.js';
import { inProcessAloud } from './in-process.test-data.js';
import { register } from './metrics.js';

const metrics = inProcessAloud('metrics', register);

const SIDE = 32;
const FRAME = { width: 84, height: 48 };

let dir: string;
let dataset: Dataset;
/** 100 new pictures and 12 training images as a network sees them. */
let copies: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'graft-framing-'));
  const random = new Random(3);
  const frame = async (path: string): Promise<void> => {
    const pixels = renderPhantom(samplePhantom(random, { prevalence: 0.5 }), FRAME.width);
    await sharp(pixels, { raw: { width: FRAME.width, height: FRAME.width, channels: 3 } })
      .extract({ left: 0, top: 18, ...FRAME })
      .png()
      .toFile(path);
  };
  for (const label of ['mel', 'nev']) mkdirSync(join(dir, 'frames', label), { recursive: true });
  for (let i = 0; i < 150; i++) await frame(join(dir, 'frames', 'mel', `m${i}.png`));
  for (let i = 0; i < 6; i++) await frame(join(dir, 'frames', 'nev', `n${i}.png`));
  ({ dataset } = await importDataset(join(dir, 'frames'), join(dir, 'dataset'), {
    labelFromFolders: true,
    positive: 'mel',
    fractions: { train: 0.6, val: 0.2, test: 0.2 },
  }));
  copies = join(dir, 'copies');
  mkdirSync(copies);
  const square = (image: Sharp): Sharp => image.resize(SIDE, SIDE, { fit: 'cover', kernel: 'lanczos3' });
  for (let i = 0; i < 100; i++) {
    const path = join(dir, 'fresh.png');
    await frame(path);
    await square(sharp(path))
      .png()
      .toFile(join(copies, `fresh-${i}.png`));
  }
  const train = dataset.rows.filter(({ label, split }) => label === 'mel' && split === 'train');
  for (const row of train.slice(0, 12)) {
    await square(sharp(imagePath(dataset, row)))
      .png()
      .toFile(join(copies, `copy-of-${row.id}.png`));
  }
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const lineage = (changes: Partial<Lineage> = {}): Omit<Lineage, 'framing'> & Partial<Lineage> => ({
  graft: '0.1.0',
  run: 'a-run',
  checkpoint: { file: 'step-1.safetensors', step: 1, sha256: '0'.repeat(64) },
  weights: 'ema',
  standing: 0,
  seed: 0,
  truncation: null,
  keptShare: 1,
  choice: null,
  count: 112,
  imageSize: SIDE,
  class: 'mel',
  dataset: { name: dataset.name, hash: dataset.hash },
  trainingGroups: [
    ...new Set(dataset.rows.filter(({ split }) => split === 'train').map(({ group }) => group)),
  ],
  unknownTraining: null,
  ...changes,
});

const setLineage = (changes?: Partial<Lineage>): void =>
  writeJson(join(copies, 'lineage.json'), lineage(changes));
const noLineage = (): void => rmSync(join(copies, 'lineage.json'), { force: true });

interface Privacy {
  framings: { framing: { fit: string }; from: string; passed: boolean | null }[];
  protocol: Record<string, unknown>;
  checks: { id: string; value: number | null; passed: boolean | null }[];
}

async function privacy(...more: string[]): Promise<{ printed: Privacy; stderr: string; error: string }> {
  const { stdout, stderr, error } = await metrics(
    ...['privacy', '--real', dataset.dir, '--synthetic', copies, '--no-cache', '--json', ...more],
  );
  return { printed: JSON.parse(stdout) as Privacy, stderr, error: String(error) };
}

const copied = ({ checks }: Privacy): number => checks.find(({ id }) => id === 'pictureCopies')!.value!;

describe('graft metrics privacy', () => {
  it('finds training images in the framing that the lineage names, and in that of older lineages', async () => {
    setLineage();
    const { printed, stderr, error } = await privacy();
    expect(error).toContain('privacy: FAIL: Copied pictures');
    expect(copied(printed)).toBe(12);
    expect(printed.protocol).toMatchObject({ ...trainingFraming, sizePx: SIDE, framing: 'lineage' });
    expect(stderr).toContain(
      'Compared: the centre square of each frame (cover, lanczos3), as the generator saw it.',
    );
  });

  it('looks in the generator’s framing too where another is asked for, and says so', async () => {
    setLineage({ framing: trainingFraming });
    const { printed, stderr } = await privacy('--fit', 'fill');
    expect(stderr).toMatch(/warning: --fit fill: the generator of .*copies saw the centre square/);
    expect(printed.framings.map(({ framing }) => framing.fit)).toEqual(['fill', 'cover']);
    expect(copied(printed)).toBe(12);
  });

  it('looks in both where nobody says', async () => {
    noLineage();
    const { printed, error } = await privacy('--class', 'mel');
    expect(printed.framings.map(({ framing, from }) => [framing.fit, from])).toEqual([
      ['cover', 'tried'],
      ['fill', 'tried'],
    ]);
    expect(printed.framings.map(({ passed }) => passed)).toContain(false);
    expect(copied(printed)).toBe(12);
    expect(error).toContain('FAIL');
  });

  it('takes for training images what the generator saw, though the split is another now', async () => {
    const seen = dataset.rows.filter(({ split }) => split !== 'train').map(({ group }) => group);
    setLineage({ dataset: { name: 'before', hash: '1'.repeat(64) }, trainingGroups: [...seen, 'gone'] });
    const { printed, stderr } = await privacy();
    expect(stderr).toMatch(/learned from another dataset or split \(before\).*; 1 of its 6\d are not there/);
    // Of the images that this generator saw none is among the synthetic ones.
    expect(copied(printed)).toBe(0);
  });
});

describe('graft metrics image', () => {
  const image = async (...more: string[]) => {
    const { stdout, stderr, error } = await metrics(
      ...['image', '--real', dataset.dir, '--synthetic', copies, '--limit', '9', '--metric', 'psnr'],
      ...['--json', ...more],
    );
    if (error) throw error;
    return { record: (JSON.parse(stdout) as { records: MetricRecord[] }).records[0]!, stderr };
  };

  it('asks in one line where frames are no squares and nobody says how they were seen', async () => {
    noLineage();
    await expect(image('--class', 'mel')).rejects.toThrow(
      /m\d+\.png: is 84×48 pixels, and .*copies has no lineage .*say --fit cover .* or --fit fill/,
    );
    const { record } = await image('--class', 'mel', '--fit', 'fill');
    expect(record.protocol).toMatchObject({ fit: 'fill', framing: 'option' });
  });

  it('compares with the very pixels that the generator learned from', async () => {
    setLineage();
    const { record } = await image();
    const { hashPixels } = await import('../metrics/sets/image-set.js');
    const { gatherRows } = await import('graft-torch');
    const cache = await openPixelCache(dataset, SIDE);
    const rows = cache.rows.flatMap(({ label, split }, i) =>
      label === 'mel' && split === 'train' ? [i] : [],
    );
    const pixels = await gatherRows(cache.images, rows);
    const data = pixels.toArray() as Uint8Array;
    expect(record.protocol.reference).toBe(hashPixels({ data, n: rows.length, height: SIDE, width: SIDE }));
    pixels.dispose();
    cache.images.dispose();
  });

  it('says when the size is not the generator’s', async () => {
    setLineage();
    const { record, stderr } = await image('--size', '64');
    expect(record.protocol.sizePx).toBe(64);
    expect(stderr).toMatch(new RegExp(`its generator draws ${SIDE} px, and images are compared at 64 px`));
  });

  it('takes both classes of a generator that learned two without labels', async () => {
    setLineage({ class: 'mel+nev' });
    const { record } = await image();
    expect(record.n.real).toBe(dataset.rows.filter(({ split }) => split === 'train').length);
    expect(basename(dataset.dir)).toBe('dataset');
  });
});

describe('GAN-train', () => {
  it('asks for generators of one framing', async () => {
    setLineage();
    const other = join(dir, 'other');
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, 'x.png'), '');
    writeJson(join(other, 'lineage.json'), lineage({ framing: { ...trainingFraming, fit: 'fill' } }));
    const { framingOfFolders } = await import('../classify/synthetic-folders.js');
    expect(() => framingOfFolders([copies, other])).toThrow(
      /copies and .*other: their generators saw the centre square .* and the whole frame, squashed/,
    );
    expect(framingOfFolders([other])).toMatchObject({ fit: 'fill' });
  });

  it('says where small synthetic images are enlarged beside real ones', async () => {
    setLineage();
    const { readSyntheticFolders } = await import('../classify/synthetic-folders.js');
    const warned: string[] = [];
    for (const sizePx of [SIDE, 2 * SIDE]) {
      const [set] = await readSyntheticFolders([copies], dataset, {
        sizePx,
        warn: (message) => warned.push(message),
      });
      set!.images.dispose();
    }
    expect(warned).toEqual([
      expect.stringMatching(/copies: synthetic images of 32 px are enlarged to 64 px/),
    ]);
  });

  it('and trials refuse a generator that saw frames otherwise than the classifier does', async () => {
    const { checkLineage } = await import('../trial/check.js');
    const seen = lineage({ framing: { ...trainingFraming, fit: 'fill' } }) as Lineage;
    expect(() => checkLineage(seen, dataset, 'a-run')).toThrow(
      /a-run: its generator saw the whole frame, squashed .*, but .*dataset shows the centre square/,
    );
    expect(() =>
      checkLineage(lineage({ framing: trainingFraming }) as Lineage, dataset, 'a-run'),
    ).not.toThrow();
  });
});
