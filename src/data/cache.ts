/**
 * Pixel cache: every image of a dataset at one size, uint8 `[N, 3, H, W]`, in one file that is memory-mapped.
 * Decoded once, in parallel; made anew when anything changes that the pixels depend on (images, size, fit, kernel,
 * decoder). The file takes its name last, so that a killed build leaves no cache that looks finished.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isTemporaryFile, readJson, replaceFileAsync, sha256, writeJson } from '../files.js';
import { decoderId } from '../image/decode.js';
import { type Framing, trainingFraming } from '../image/framing.js';
import { jpegSquareId } from '../image/jpeg-square.js';
import { decodeSquare, type SquareOptions } from '../image/square.js';
import { readBytesAsync } from '../reading.js';
import { fromFile, type Tensor } from '../torch/index.js';
import { type Dataset, type DatasetRow, imagePath } from './dataset.js';
import { forEachParallel } from './parallel.js';
import { changedError } from './read-images.js';

export interface PixelCache {
  /** uint8 `[N, 3, sizePx, sizePx]`, RGB, memory-mapped; the caller disposes it. */
  images: Tensor;
  /** In the order of `images`. */
  rows: DatasetRow[];
  sizePx: number;
  /** How frames that are no squares became `images`. */
  framing: Framing;
  /** Changes when, and only when, pixels or their order may. */
  key: string;
}

/**
 * How frames become squares; default `trainingFraming`: the centre, JPEGs that are much larger than `sizePx` decoded at a
 * fraction of their size, which is faster by far. Of `contain`, and of other kernels, every image is decoded whole.
 */
export interface PixelCacheOptions extends Partial<Framing> {
  /** Where the cache lies; default the dataset's own `cache/`. For datasets on read-only disks. */
  cacheDir?: string;
  /** Images decoded, of how many; not called when the cache is there already. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

interface CacheEntry extends SquareOptions {
  dataset: string;
  decoder: string;
  images: number;
}

/**
 * Opens the cache of a dataset at a size, and builds it first where it is missing or stale.
 * @throws DataError naming the image that cannot be decoded, or that is no longer the one that was imported
 */
export async function openPixelCache(
  dataset: Dataset,
  sizePx: number,
  options: PixelCacheOptions = {},
): Promise<PixelCache> {
  const { fit = trainingFraming.fit, kernel = trainingFraming.kernel } = options;
  const exact = options.exact || fit === 'contain' || kernel !== 'lanczos3';
  const entry: CacheEntry = {
    dataset: dataset.hash,
    sizePx,
    fit,
    kernel,
    exact,
    decoder: `${decoderId}+${jpegSquareId}`,
    images: dataset.rows.length,
  };
  const key = `${sizePx}px-${fit}-${sha256(JSON.stringify(entry)).slice(0, 16)}`;
  const dir = options.cacheDir ?? join(dataset.dir, 'cache');
  const pixelsPath = join(dir, `${key}.u8`);
  const entryPath = join(dir, `${key}.json`);
  const sizeBytes = dataset.rows.length * 3 * sizePx * sizePx;
  const complete = existsSync(entryPath) && existsSync(pixelsPath) && statSync(pixelsPath).size === sizeBytes;
  if (!complete) {
    await replaceFileAsync(pixelsPath, (temporaryPath) =>
      decodeAll(dataset, temporaryPath, { ...options, sizePx, fit, kernel, exact }),
    );
    writeJson(entryPath, entry);
    removeStale(dir, entry);
  }
  return {
    images: fromFile(pixelsPath, [dataset.rows.length, 3, sizePx, sizePx], 'uint8'),
    rows: dataset.rows,
    sizePx,
    framing: { fit, kernel, exact },
    key,
  };
}

/** Images at once. An image is many short steps (open, read, decode, write …), and all cores are to have one at hand. */
const underWay = 32;

async function decodeAll(
  dataset: Dataset,
  path: string,
  options: PixelCacheOptions & SquareOptions,
): Promise<void> {
  const { onProgress, signal } = options;
  const total = dataset.rows.length;
  let done = 0;
  const file = await open(path, 'wx');
  try {
    onProgress?.(0, total);
    await forEachParallel(
      total,
      async (index) => {
        const row = dataset.rows[index]!;
        const source = imagePath(dataset, row);
        const bytes = await readImported(source, row);
        const planes = await decodeSquare(bytes, options, source);
        await file.write(planes, 0, planes.length, index * planes.length);
        onProgress?.(++done, total);
      },
      { signal, width: underWay },
    );
  } finally {
    await file.close();
  }
}

/** The file's bytes, if they still are the ones that the manifest speaks of. */
async function readImported(path: string, row: DatasetRow): Promise<Uint8Array> {
  const bytes = await readBytesAsync(path);
  if (sha256(bytes) !== row.sha256) throw changedError(path);
  return bytes;
}

/** A temporary file that nobody has written to for so long was left by a build that was killed. */
const abandonedAfterMs = 3_600_000;

/** Frees the disk of caches that no longer fit the images or the decoder, and of what killed builds left. */
function removeStale(dir: string, current: CacheEntry): void {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (isTemporaryFile(name)) {
      const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > abandonedAfterMs) rmSync(path, { force: true });
    } else if (name.endsWith('.json')) {
      const entry = readJson<Partial<CacheEntry>>(path);
      if (entry.dataset === current.dataset && entry.decoder === current.decoder) continue;
      rmSync(path, { force: true });
      rmSync(path.replace(/json$/, 'u8'), { force: true });
    }
  }
}
