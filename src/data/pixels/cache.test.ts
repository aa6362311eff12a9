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
import { liveTensors } from 'graft-torch';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { mountSmallDisk, noSmallDisk } from '../../../test/small-disk.js';
import { decodeImage, toPlanar } from '../../image/decode.js';
import { decodeJpegSquare, jpegLibrary } from '../../image/jpeg-square.js';
import { type Dataset, imagePath, openDataset } from '../dataset/dataset.js';
import { importDataset } from '../import/import.js';
import { createPhantomDataset } from '../phantom/dataset.js';
import { openPixelCache, type PixelCache, type PixelCacheOptions } from './cache.js';

let root: string;
let dataset: Dataset;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'graft-cache-'));
  ({ dataset } = await createPhantomDataset(join(root, 'set'), { count: 9, sizePx: 24, prevalence: 0.5 }));
});
afterAll(() => rmSync(root, { recursive: true }));

const refuse = (notice: string): never => {
  throw new Error(`not to be told: ${notice}`);
};

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
      expect(square !== null).toBe(jpegLibrary() !== undefined && row.id !== '2'); // that one has a colour profile
      const part = (pixels: Uint8Array) => pixels.slice(n * whole.length, (n + 1) * whole.length);
      expect(part(exactPixels!)).toEqual(whole);
      expect(part(quickPixels!)).toEqual(square ?? whole);
    }
    if (jpegLibrary()) expect(quickPixels).not.toEqual(exactPixels);
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

  test('without its description, or with one of an older version, it is no cache', async () => {
    await fresh();
    const { images, key } = await open(8);
    images.dispose();
    const description = join(dataset.dir, 'cache', `${key}.json`);
    const { crc32: _, ...older } = JSON.parse(readFileSync(description, 'utf8'));
    writeFileSync(description, JSON.stringify(older));
    expect(await fresh({ onNotice: refuse })).toBe(9);
    rmSync(description);
    expect(await fresh({ onNotice: refuse })).toBe(9);
  });

  test('what is not a cache of ours stays', async () => {
    const cacheDir = join(root, 'mixed');
    mkdirSync(cacheDir);
    for (const name of ['mine.json', 'mine.u8', '8px.json']) writeFileSync(join(cacheDir, name), '{}');
    await fresh({ cacheDir });
    expect(readdirSync(cacheDir)).toHaveLength(5);
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

describe('damage', () => {
  /** A cache of nine images, harmed, and opened again. */
  async function heals(harm: (pixels: string, description: string) => void): Promise<string[]> {
    const cacheDir = mkdtempSync(join(root, 'harmed-'));
    const first = await open(8, { cacheDir });
    const before = first.images.toArray();
    first.images.dispose();
    harm(join(cacheDir, `${first.key}.u8`), join(cacheDir, `${first.key}.json`));
    const notices: string[] = [];
    const onNotice = (message: string) => notices.push(message);
    const second = await open(8, { cacheDir, onNotice });
    expect(second.images.toArray()).toEqual(before);
    second.images.dispose();
    const third = await open(8, { cacheDir, onNotice: refuse });
    expect([second.decoded, third.decoded]).toEqual([9, 0]);
    third.images.dispose();
    expect(notices.every((notice) => !notice.includes('\n'))).toBe(true);
    return notices;
  }

  test('of a file that is in use does not reach the run', async () => {
    const { images, key } = await open(8);
    const before = images.toArray();
    truncateSync(join(dataset.dir, 'cache', `${key}.u8`), 0);
    expect(images.toArray()).toEqual(before); // mapped, it would end the process here
    images.dispose();
    (await open(8, { onNotice: () => {} })).images.dispose();
  });

  test.each<[string, (pixels: string, description: string) => void, RegExp]>([
    [
      'zeroed',
      (path) => writeFileSync(path, Buffer.alloc(statSync(path).size)),
      /\.u8: damaged: 9 of 9 images are not as they were written; it is made anew$/,
    ],
    [
      'with one bit flipped',
      (path) => {
        const bytes = readFileSync(path);
        bytes[1000]! ^= 4;
        writeFileSync(path, bytes);
      },
      /1 of 9 images/,
    ],
    ['cut short', (path) => truncateSync(path, 100), /has 100 bytes instead of 1728/],
    ['too long', (path) => writeFileSync(path, 'x', { flag: 'a' }), /has 1729 bytes/],
    ['without its pixels', (path) => writeFileSync(path, ''), /has 0 bytes/],
    [
      'with a description that is no JSON',
      (_, path) => writeFileSync(path, '{"dataset": '),
      /not valid JSON/,
    ],
    [
      'with another checksum',
      (_, path) => {
        const { crc32: sums, ...entry } = JSON.parse(readFileSync(path, 'utf8'));
        writeFileSync(
          path,
          JSON.stringify({ ...entry, crc32: Buffer.from(sums, 'base64').fill(1, 0, 4).toString('base64') }),
        );
      },
      /1 of 9 images/,
    ],
    [
      'with checksums cut off',
      (_, path) => {
        const entry = JSON.parse(readFileSync(path, 'utf8'));
        writeFileSync(path, JSON.stringify({ ...entry, crc32: entry.crc32.slice(0, 8) }));
      },
      /its checksums are/,
    ],
  ])('%s it is made anew, and that is told', async (_, harm, notice) => {
    expect(await heals(harm)).toEqual([expect.stringMatching(notice)]);
  });
});

describe('a dataset that cannot be written', () => {
  const users = (): string => process.env.GRAFT_CACHE!;
  beforeEach(() => vi.stubEnv('GRAFT_CACHE', join(root, 'users')));
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(join(root, 'users'), { recursive: true, force: true });
  });

  test('has its pixels in $GRAFT_CACHE, in a folder for each content', async () => {
    const { dataset: first } = await createPhantomDataset(join(root, 'own-1'), {
      count: 4,
      sizePx: 16,
      prevalence: 0.5,
    });
    const { dataset: second } = await createPhantomDataset(join(root, 'own-2'), {
      count: 4,
      sizePx: 16,
      seed: 1,
      prevalence: 0.5,
    });
    for (const from of [first, second]) {
      const { images, decoded } = await open(8, {}, from);
      images.dispose();
      expect(decoded).toBe(4);
      expect(existsSync(join(from.dir, 'cache'))).toBe(false);
    }
    expect(readdirSync(join(users(), 'pixels'))).toHaveLength(2);
    for (const from of [first, second]) {
      const { images, decoded } = await open(8, {}, from);
      images.dispose();
      expect(decoded).toBe(0);
    }
  });

  test('on a read-only disk has them in the user’s cache, which is told', async ({ skip }) => {
    const disk = mountSmallDisk(join(root, 'disk'), 1000);
    if (!disk) return skip(noSmallDisk);
    try {
      await createPhantomDataset(join(disk.dir, 'set'), { count: 4, sizePx: 16, prevalence: 0.5 });
      disk.remount('ro');
      vi.stubEnv('GRAFT_CACHE', '');
      vi.stubEnv('XDG_CACHE_HOME', join(root, 'users'));
      const notices: string[] = [];
      for (const decoded of [4, 0]) {
        const cache = await open(
          8,
          { onNotice: (notice) => notices.push(notice) },
          openDataset(join(disk.dir, 'set')),
        );
        cache.images.dispose();
        expect(cache.decoded).toBe(decoded);
      }
      expect(notices).toEqual([
        expect.stringMatching(
          /^.*set\/cache cannot be written: the pixels are kept in .*users\/graft\/pixels\/.* \(GRAFT_CACHE names another folder\)$/,
        ),
      ]);
      vi.stubEnv('XDG_CACHE_HOME', join(disk.dir, 'nowhere'));
      await expect(open(8, { onNotice: () => {} }, openDataset(join(disk.dir, 'set')))).rejects.toThrow(
        /not written: the disk is read-only.*; or set GRAFT_CACHE to a folder that can be written$/,
      );
    } finally {
      disk.unmount();
    }
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
