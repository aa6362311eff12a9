import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, Random } from 'graft-torch/base';
import sharp from 'sharp';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeImage } from '../../image/decode.js';
import { tiffFile } from '../../image/tiff.test-data.js';
import { type Dataset, imagePath, openDataset } from '../dataset/dataset.js';
import { readDicom } from '../dicom/index.js';
import { prepareDataset } from '../prepare/prepare.js';
import { importDataset } from './import.js';
import type { ImportOptions } from './options.js';

const width = 40;
const height = 32;

/** Shares of white, 0 to 1: blobs of their own for each seed. */
function picture(seed: number): number[] {
  const random = new Random(1000 + seed);
  const blobs = Array.from({ length: 6 }, () => [random.next(), random.next(), 0.05 + 0.2 * random.next()]);
  const values = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) / width, Math.floor(i / width) / height];
    return blobs.reduce((sum, [u, v, r]) => sum + Math.exp(-((x - u!) ** 2 + (y - v!) ** 2) / r! ** 2), 0);
  });
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => (value - least) / (greatest - least));
}

const scaled = (seed: number, to: number): number[] => picture(seed).map((share) => Math.round(share * to));
const tiff16 = (seed: number, to: number): Uint8Array =>
  tiffFile([{ width, height, values: Uint16Array.from(scaled(seed, to)) }]);
const png8 = async (seed: number, to = 255): Promise<Uint8Array> =>
  sharp(Uint8Array.from(scaled(seed, to)), { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();

describe('import', () => {
  let dir: string;
  let n: number;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'graft-intensity-'));
    n = 0;
  });
  const put = (label: string, extension: string, bytes: Uint8Array): void => {
    mkdirSync(join(dir, 'in', label), { recursive: true });
    writeFileSync(join(dir, 'in', label, `i${String(n++).padStart(3, '0')}.${extension}`), bytes);
  };
  const importAll = (more: Partial<ImportOptions> = {}) =>
    importDataset(join(dir, 'in'), join(dir, 'out'), { labelFromFolders: true, positive: 'a', ...more });
  const pixels = async (dataset: Dataset, id: string): Promise<Uint8Array> =>
    (await decodeImage(imagePath(dataset, dataset.rows.find((row) => row.id === id)!))).data;

  it('shows 12 bits in 16 as the same pictures in 8 bits, and records the range', async () => {
    for (let seed = 0; seed < 8; seed++) put(seed % 2 ? 'a' : 'b', 'tif', tiff16(seed, 4095));
    for (let seed = 8; seed < 16; seed++) put(seed % 2 ? 'a' : 'b', 'png', await png8(seed));
    const { dataset, report } = await importAll();
    expect(openDataset(join(dir, 'out')).intensity).toEqual([
      { format: 'unsigned', from: 0, to: 4095, how: '12 bits in use', images: 8 },
    ]);
    for (const seed of [0, 5, 9]) {
      const found = await pixels(dataset, `i${String(seed).padStart(3, '0')}`);
      const expected = scaled(seed, 255);
      for (const [i, value] of expected.entries())
        expect(Math.abs(found[3 * i]! - value)).toBeLessThanOrEqual(1);
    }
    expect(report.counts.intensity).toBeUndefined();
    expect(dataset.rows.map(({ extra }) => extra.source_format)).toEqual([
      ...Array(8).fill('tiff 16-bit'),
      ...Array(8).fill('png 8-bit'),
    ]);
    const [prepared] = await prepareDataset(dataset, join(dir, 'small'), { sizesPx: [16] });
    expect(prepared!.dataset.intensity).toEqual(dataset.intensity);
  });

  it('says that the kind of file, or the range in use, differs by class', async () => {
    for (let seed = 0; seed < 6; seed++) put('a', 'tif', tiff16(seed, 4095));
    for (let seed = 6; seed < 12; seed++) put('b', 'png', await png8(seed));
    const { report } = await importAll();
    expect(report.problems.filter(({ kind }) => kind === 'intensity').map(({ detail }) => detail)).toEqual([
      'the kind of file differs by class: a 100 % tiff 16-bit; b 100 % png 8-bit: a classifier may learn that; see column source_format in `graft data audit`',
    ]);
  });

  it('says that images of one class come out darker', async () => {
    for (let seed = 0; seed < 6; seed++) put('a', 'tif', tiff16(seed, 4095));
    for (let seed = 6; seed < 12; seed++) put('b', 'tif', tiff16(seed, 65_535));
    const { report } = await importAll();
    const details = report.problems.filter(({ kind }) => kind === 'intensity').map(({ detail }) => detail);
    expect(details[0]).toMatch(
      /^6 of 12 files come out nearly black under the range of the set: a\/i000.tif, /,
    );
    expect(details[1]).toMatch(/^the range in use differs by class: .* 1\d of 255 in a, 2\d\d of 255 in b/);
  });

  it.each([
    [
      'one pixel of 65,535 in 12 bits',
      (s: number) => {
        const v = scaled(s, 900);
        v[7] = 65_535;
        return v;
      },
      'nearly black',
    ],
    ['an offset of 60,000', (s: number) => scaled(s, 4095).map((v) => v + 61_000), 'nearly white'],
    ['few levels', (s: number) => scaled(s, 40).map((v) => 1600 * v), 'have 41 grey levels'],
  ])('refuses %s, and takes it with a range', async (_, make, said) => {
    for (let seed = 0; seed < 8; seed++)
      put(seed % 2 ? 'a' : 'b', 'tif', tiffFile([{ width, height, values: Uint16Array.from(make(seed)) }]));
    await expect(importAll()).rejects.toThrow(said);
    await expect(importAll()).rejects.toThrow(
      /--intensity percentile=0.5 or 0:4095, or .* --intensity full$/,
    );
    const { dataset } = await importAll({ intensity: 'percentile=0.5' });
    const found = await pixels(dataset, 'i003');
    expect(Math.min(...found)).toBeLessThan(30);
    expect(Math.max(...found)).toBeGreaterThan(225);
  });

  it('refuses masks and dark 8-bit images, and stretches them when asked', async () => {
    for (let seed = 0; seed < 6; seed++) put(seed % 2 ? 'a' : 'b', 'png', await png8(seed, 15));
    await expect(importAll()).rejects.toThrow(DataError);
    const { dataset } = await importAll({ intensity: 'bits=4' });
    expect(dataset.intensity).toEqual([
      { format: 'pixels', from: 0, to: 15, how: '4 bits, given', images: 6 },
    ]);
    expect(Math.max(...(await pixels(dataset, 'i000')))).toBe(255);
  });

  it('takes binary masks only when told', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const raw = { width, height, channels: 1 as const };
      const mask = Uint8Array.from(picture(seed), (v) => (v > 0.5 ? 255 : 0));
      put(seed % 2 ? 'a' : 'b', 'png', await sharp(mask, { raw }).png().toBuffer());
    }
    await expect(importAll()).rejects.toThrow('all images together have 2 grey levels');
    const { dataset } = await importAll({ intensity: 'full' });
    expect(dataset.intensity).toBeUndefined();
  });

  it('takes the largest page, floats of 0 to 1, and counts what is no number', async () => {
    for (let seed = 0; seed < 8; seed++) {
      const values = Float32Array.from(picture(seed));
      if (seed === 3) values.fill(Number.NaN, 0, 5);
      const preview = { width: 8, height: 6, values: new Uint8Array(48).fill(255) };
      put(seed % 2 ? 'a' : 'b', 'tif', tiffFile([preview, { width, height, values }]));
    }
    const { dataset, report } = await importAll();
    expect(dataset.rows.every((row) => row.width === width && row.height === height)).toBe(true);
    expect(dataset.intensity).toMatchObject([{ format: 'float', from: 0, to: 1 }]);
    const found = await pixels(dataset, 'i004');
    for (const [i, value] of scaled(4, 255).entries())
      expect(Math.abs(found[3 * i]! - value)).toBeLessThanOrEqual(1);
    expect(report.problems.map(({ detail }) => detail)).toEqual(
      expect.arrayContaining([
        '8 files whose first page is not the picture: the largest page was taken (a/i001.tif, a/i003.tif, a/i005.tif and 5 more)',
        '5 values are no numbers: shown black',
      ]),
    );
  });

  it('names a stack of pages as what cannot be read, with the remedy', async () => {
    const stack = (seed: number): Uint8Array =>
      tiffFile([seed, seed + 50].map((s) => ({ width, height, values: Uint8Array.from(scaled(s, 255)) })));
    for (let seed = 0; seed < 6; seed++) put(seed % 2 ? 'a' : 'b', 'tif', stack(seed));
    await expect(importAll()).rejects.toThrow(
      /2 pages of 40 × 32 px, 2 of the largest size: choose one with --page/,
    );
    const { dataset } = await importAll({ page: 'last' });
    expect((await pixels(dataset, 'i002'))[300]).toBe(scaled(52, 255)[100]);
  });

  it('shows DICOM files without a window under one range, too', async () => {
    const template = readFileSync(
      new URL('../../../test/goldens/dicom/mono2-10-no-window.dcm', import.meta.url),
    );
    const { width: w, height: h } = await sharp((await readDicom(template, 'a.dcm')).bytes).metadata();
    const values = (seed: number): number[] =>
      Array.from({ length: w * h }, (_, i) => (seed % 2 ? 511 : 1023) * picture(seed)[i % (width * height)]!);
    for (let seed = 0; seed < 8; seed++) {
      const file = Buffer.from(template); // its pixels are its last bytes
      const words = Uint16Array.from(values(seed), Math.round);
      Buffer.from(words.buffer).copy(file, file.length - words.byteLength);
      put(seed % 2 ? 'a' : 'b', 'dcm', file);
    }
    const { dataset, report } = await importAll({ keepIdentifiers: true });
    expect(dataset.intensity).toMatchObject([{ format: 'float', from: 0, to: 1023, images: 8 }]);
    expect(dataset.channels).toBe(1);
    for (const seed of [2, 3]) {
      const found = await pixels(dataset, `i00${seed}`);
      for (const [i, value] of values(seed).entries())
        expect(Math.abs(found[3 * i]! - (value / 1023) * 255)).toBeLessThanOrEqual(1);
    }
    expect(report.problems.map(({ detail }) => detail).join('\n')).not.toMatch('without a window');
    expect(report.problems.map(({ detail }) => detail).join('\n')).toMatch(
      /^the range in use differs by class: /m,
    );
  });

  it('keeps the bytes of what is shown as it is', async () => {
    for (let seed = 0; seed < 6; seed++) put(seed % 2 ? 'a' : 'b', 'png', await png8(seed));
    const { dataset } = await importAll();
    expect(dataset.intensity).toBeUndefined();
    expect(dataset.rows[0]!.extra).not.toHaveProperty('source_format');
    const row = dataset.rows.find(({ id }) => id === 'i001')!;
    expect(readFileSync(imagePath(dataset, row)).equals(readFileSync(join(dir, 'in/a/i001.png')))).toBe(true);
  });
});
