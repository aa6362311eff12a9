import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, toPlanar } from '../image/decode.js';
import { decodeJpegSquare, jpegLibrary } from '../image/jpeg-square.js';
import { liveTensors } from '../torch/index.js';
import { openPixelCache, type PixelCache, type PixelCacheOptions } from './cache.js';
import { type Dataset, imagePath, openDataset } from './dataset.js';
import { importDataset } from './import.js';
import { createPhantomDataset } from './phantom/dataset.js';

let root: string;
let dataset: Dataset;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-cache-'));
  ({ dataset } = await createPhantomDataset(join(root, 'set'), { count: 9, sizePx: 24, prevalence: 0.5 }));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Opens, and says how many images had to be decoded for it. */
async function open(
  sizePx: number,
  options: PixelCacheOptions = {},
  from = dataset,
): Promise<PixelCache & { decoded: number }> {
  let decoded = 0;
  const onProgress = (done: number) => {
    decoded = done;
  };
  const cache = await openPixelCache(from, sizePx, { onProgress, ...options });
  return { ...cache, decoded };
}

test('holds what decoding gives, planar, in the order of the rows', async () => {
  const before = liveTensors();
  const { images, rows, sizePx } = await open(16);
  expect(images.shape).toEqual([9, 3, 16, 16]);
  expect(images.dtype).toBe('uint8');
  expect(sizePx).toBe(16);
  const pixels = images.toArray() as Uint8Array;
  for (const [n, row] of rows.entries()) {
    const { data } = await decodeImage(imagePath(dataset, row), { sizePx: 16 });
    const planar = [0, 1, 2].flatMap((channel) => [...data.filter((_, i) => i % 3 === channel)]);
    expect([...pixels.slice(n * 768, (n + 1) * 768)]).toEqual(planar);
  }
  images.dispose();
  expect(liveTensors()).toBe(before);
});

describe('large JPEGs', () => {
  let photos: Dataset;
  beforeAll(async () => {
    const folder = join(root, 'photos');
    for (const [i, label] of ['benign', 'malignant', 'benign', 'malignant'].entries()) {
      const { data, width, height } = await decodeImage(imagePath(dataset, dataset.rows[i]!));
      mkdirSync(join(folder, label), { recursive: true });
      const photo = sharp(data, { raw: { width, height, channels: 3 } })
        .resize(120, 90, { fit: 'fill', kernel: 'cubic' })
        .jpeg({ quality: 90, progressive: i === 3 });
      await (i === 2 ? photo.withIccProfile('p3') : photo).toFile(join(folder, label, `${i}.jpg`));
    }
    const options = { positive: 'malignant', labelFromFolders: true } as const;
    photos = (await importDataset(folder, join(root, 'photo-set'), options)).dataset;
  });

  test('are decoded at a fraction of their size, and whole where that is asked for', async () => {
    const [quick, exact] = [await open(24, {}, photos), await open(24, { exact: true }, photos)];
    const [quickPixels, exactPixels] = [quick.images.toArray(), exact.images.toArray()] as Uint8Array[];
    for (const [n, row] of photos.rows.entries()) {
      const path = imagePath(photos, row);
      const whole = toPlanar((await decodeImage(path, { sizePx: 24 })).data);
      const square = await decodeJpegSquare(readFileSync(path), 24);
      expect(square !== null).toBe(jpegLibrary !== undefined && row.id !== '2'); // that one has a colour profile
      const part = (pixels: Uint8Array) => pixels.slice(n * whole.length, (n + 1) * whole.length);
      expect(part(exactPixels!)).toEqual(whole);
      expect(part(quickPixels!)).toEqual(square ?? whole);
    }
    if (jpegLibrary) expect(quickPixels).not.toEqual(exactPixels);
    for (const { images } of [quick, exact]) images.dispose();
  });

  test('have a cache for each of the two ways, which leaves the other alone', async () => {
    const decoded: number[] = [];
    for (const options of [{}, { exact: true }, {}, { exact: true }]) {
      const cache = await open(20, options, photos);
      cache.images.dispose();
      decoded.push(cache.decoded);
    }
    expect(decoded).toEqual([4, 4, 0, 0]);
  });
});

describe('is built once, and again when what it depends on changes', () => {
  const fresh = async (options?: PixelCacheOptions, sizePx = 8, from?: Dataset): Promise<number> => {
    const { images, decoded } = await open(sizePx, options, from);
    images.dispose();
    return decoded;
  };

  test('size, fit and kernel each have their own', async () => {
    expect(await fresh()).toBe(9);
    expect(await fresh()).toBe(0);
    expect(await fresh({ fit: 'fill' })).toBe(9);
    expect(await fresh({ kernel: 'cubic' })).toBe(9);
    expect(await fresh({}, 12)).toBe(9);
    expect(await fresh()).toBe(0);
  });

  test('a cut-off file, or one without its description, is no cache', async () => {
    await fresh();
    const dir = join(dataset.dir, 'cache');
    const { images, key } = await open(8);
    images.dispose();
    truncateSync(join(dir, `${key}.u8`), 100);
    expect(await fresh()).toBe(9);
    rmSync(join(dir, `${key}.json`));
    expect(await fresh()).toBe(9);
  });

  test('caches of another content are removed', async () => {
    const other = await createPhantomDataset(join(root, 'other'), {
      count: 9,
      sizePx: 24,
      seed: 1,
      prevalence: 0.5,
    });
    const cacheDir = join(root, 'shared-cache');
    await fresh({ cacheDir });
    expect(readdirSync(cacheDir)).toHaveLength(2);
    await fresh({ cacheDir }, 8, other.dataset);
    expect(readdirSync(cacheDir)).toHaveLength(2);
    expect(await fresh({ cacheDir })).toBe(9);
  });
});

test('an image that changed since the import is refused by name, and no cache is left', async () => {
  const { dataset: own } = await createPhantomDataset(join(root, 'changed'), {
    count: 4,
    sizePx: 16,
    prevalence: 0.5,
  });
  const path = imagePath(own, own.rows[2]!);
  writeFileSync(path, 'not a picture any more');
  await expect(openPixelCache(openDataset(own.dir), 8)).rejects.toThrow(
    /phantom-000002\.png: has changed since/,
  );
  expect(readdirSync(join(own.dir, 'cache'))).toEqual([]);
});

test('can be stopped', async () => {
  const stop = new AbortController();
  const cacheDir = join(root, 'stopped');
  const onProgress = () => stop.abort(new Error('enough'));
  await expect(openPixelCache(dataset, 20, { cacheDir, onProgress, signal: stop.signal })).rejects.toThrow(
    'enough',
  );
  expect(existsSync(cacheDir) && readdirSync(cacheDir)).toEqual([]);
});

test('is as large as its pixels and no larger', async () => {
  const { images, key } = await open(10);
  images.dispose();
  expect(statSync(join(dataset.dir, 'cache', `${key}.u8`)).size).toBe(9 * 3 * 100);
});
