/**
 * Pixel cache: every image of a dataset at one size, uint8 `[N, C, H, W]`, in one file, which is read into memory or,
 * where it is large, mapped. Decoded once, in parallel; made anew when anything changes that the pixels depend on
 * (images, size, fit, kernel, decoder). The file takes its name last, so that a killed build leaves no cache that looks
 * finished. Each image has a checksum (pixel-sums.ts): what a disk has changed is noticed when the cache is opened, and made anew.
 *
 * It lies in the dataset's folder; where that cannot be written, or `$GRAFT_CACHE` is set, in a folder of the user's, under
 * the dataset's hash.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fromFile, type Tensor, tensor } from 'graft-torch';
import {
  DataError,
  isTemporaryFile,
  oneLine,
  readBytesAsync,
  readJson,
  replaceFileAsync,
  sha256,
  userCacheDir,
  WriteError,
  writeJson,
} from 'graft-torch/base';
import { forEachParallel } from '../../base/index.js';
import type { Channels } from '../../image/index.js';
import {
  decoderId,
  decodeSquare,
  type Framing,
  jpegSquareId,
  type SquareOptions,
  trainingFraming,
} from '../../image/index.js';
import { changedError, channelsOf, type Dataset, type DatasetRow, imagePath } from '../dataset/dataset.js';
import { PixelSums, pixelDamage } from './pixel-sums.js';

export interface PixelCache {
  /** uint8 `[N, C, sizePx, sizePx]`, RGB or grey; the caller disposes it. */
  images: Tensor;
  /** In the order of `images`. */
  rows: DatasetRow[];
  sizePx: number;
  channels: Channels;
  /** How frames that are no squares became `images`. */
  framing: Framing;
  /** Changes when, and only when, pixels or their order may. */
  key: string;
  /** What pixels depend on beside the image's file: size, framing, decoder, range of intensities. */
  conditions: string;
}

/**
 * How frames become squares; default `trainingFraming`: the centre, JPEGs that are much larger than `sizePx` decoded at a
 * fraction of their size, which is faster by far. Of `contain`, and of other kernels, every image is decoded whole.
 */
export interface PixelCacheOptions extends Partial<Framing> {
  /** Default: the dataset's. */
  channels?: Channels;
  /** Where the cache lies; default: see `placesOf`. */
  cacheDir?: string;
  /** Told in one line of a damaged cache, and of one that lies elsewhere; default: prints on stderr. */
  onNotice?: (message: string) => void;
  /** Images decoded, of how many; not called when the cache is there already. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

interface CacheEntry extends SquareOptions {
  dataset: string;
  decoder: string;
  images: number;
  /** Of each image: see pixel-sums.ts. Added when the pixels are there. */
  crc32?: string;
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
  const channels = options.channels ?? channelsOf(dataset);
  const entry: CacheEntry = {
    dataset: dataset.hash,
    sizePx,
    fit,
    kernel,
    exact,
    ...(channels === 1 ? { channels } : {}),
    decoder: `${decoderId}+${jpegSquareId()}`,
    images: dataset.rows.length,
  };
  const { dataset: _, images: __, ...how } = entry;
  const conditions = JSON.stringify({ ...how, intensity: dataset.intensity ?? null });
  const key = `${sizePx}px-${fit}-${sha256(JSON.stringify(entry)).slice(0, 16)}`;
  const shape = [dataset.rows.length, channels, sizePx, sizePx];
  const imageBytes = channels * sizePx * sizePx;
  const { onNotice = (message) => process.stderr.write(`graft: warning: ${oneLine(message)}\n`) } = options;
  const places = placesOf(dataset, options);
  const opened = async (path: string): Promise<PixelCache> => ({
    images: await openPixels(path, shape),
    rows: dataset.rows,
    sizePx,
    channels,
    framing: { fit, kernel, exact },
    key,
    conditions,
  });
  for (const dir of places.toLookIn) {
    const path = join(dir, `${key}.u8`);
    const state = await stateOf(path, dataset.rows.length, imageBytes);
    if (state === 'whole') return opened(path);
    if (state !== 'missing') onNotice(`${path}: damaged: ${state}; it is made anew`);
  }
  for (const [i, dir] of places.toWriteTo.entries()) {
    const path = join(dir, `${key}.u8`);
    try {
      const sums = new PixelSums(dataset.rows.length);
      await replaceFileAsync(path, (temporary) =>
        decodeAll(dataset, temporary, { ...options, sizePx, channels, fit, kernel, exact, sums }),
      );
      writeJson(entryOf(path), { ...entry, crc32: sums.toString() });
      removeStale(dir, entry);
      return await opened(path);
    } catch (error) {
      const next = places.toWriteTo[i + 1];
      if (!isClosed(error)) throw error;
      if (next === undefined)
        throw new WriteError(
          `${(error as Error).message}; or set GRAFT_CACHE to a folder that can be written`,
          {
            cause: error,
          },
        );
      onNotice(`${dir} cannot be written: the pixels are kept in ${next} (GRAFT_CACHE names another folder)`);
    }
  }
  throw new Error('no place for a pixel cache');
}

/**
 * Up to this size the pixels are copied into memory, and nothing that happens to the file later can reach a run. Larger ones
 * are mapped: a file that is cut short then ends the process (SIGBUS), which no lock and no signal handler of Node prevents.
 */
const mostInMemory = 256 << 20;

async function openPixels(path: string, shape: number[]): Promise<Tensor> {
  const sizeBytes = shape.reduce((product, size) => product * size, 1);
  if (sizeBytes > mostInMemory) return fromFile(path, shape, 'uint8');
  const bytes = await readBytesAsync(path);
  if (bytes.length !== sizeBytes)
    throw new DataError(`${path}: was changed while it was opened; start again`);
  return tensor(bytes, shape, { dtype: 'uint8' });
}

/** The dataset's own folder, then the user's; `$GRAFT_CACHE` says that nothing is to be written to the dataset's. */
function placesOf(
  dataset: Dataset,
  { cacheDir }: PixelCacheOptions,
): { toLookIn: string[]; toWriteTo: string[] } {
  if (cacheDir !== undefined) return { toLookIn: [cacheDir], toWriteTo: [cacheDir] };
  const own = join(dataset.dir, 'cache');
  const users = userCacheDir(join('pixels', dataset.hash.slice(0, 32)));
  return { toLookIn: [own, users], toWriteTo: process.env.GRAFT_CACHE ? [users] : [own, users] };
}

/** Whether an error says that a place cannot be written by this user at all. */
const isClosed = (error: unknown): boolean => {
  const { code = '' } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  return error instanceof WriteError && ['EROFS', 'EACCES', 'EPERM'].includes(code);
};

const entryOf = (pixelsPath: string): string => pixelsPath.replace(/u8$/, 'json');

/** @returns `whole`, `missing` (also where an older version wrote no checksums), or what is wrong */
async function stateOf(path: string, count: number, imageBytes: number): Promise<string> {
  if (!existsSync(path) || !existsSync(entryOf(path))) return 'missing';
  try {
    const { crc32: sums } = readJson<Partial<CacheEntry>>(entryOf(path));
    if (sums === undefined) return 'missing';
    if (Buffer.from(sums, 'base64').length !== 4 * count) return 'its checksums are';
    return (await pixelDamage(path, { sums, imageBytes })) ?? 'whole';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Images at once. An image is many short steps (open, read, decode, write …), and all cores are to have one at hand. */
const underWay = 32;

async function decodeAll(
  dataset: Dataset,
  path: string,
  options: PixelCacheOptions & SquareOptions & { sums: PixelSums },
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
        await writeWhole(file, planes, index * planes.length);
        options.sums.add(index, planes);
        onProgress?.(++done, total);
      },
      { signal, width: underWay },
    );
  } finally {
    await file.close();
  }
}

/** The system may write less than it was given, and says why only when it is asked again. */
async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
}

/** The file's bytes, if they still are the ones that the manifest speaks of. */
async function readImported(path: string, row: DatasetRow): Promise<Uint8Array> {
  const bytes = await readBytesAsync(path);
  if (sha256(bytes) !== row.sha256) throw changedError(path);
  return bytes;
}

/** A temporary file that nobody has written to for so long was left by a build that was killed. */
const abandonedAfterMs = 3_600_000;

/** The description of a cache of ours: anything else in the folder is let be. */
const ownName = /^\d+px-[a-z]+-[0-9a-f]{16}\.json$/;

/** Frees the disk of caches that no longer fit the images or the decoder, and of what killed builds left. */
function removeStale(dir: string, current: CacheEntry): void {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (isTemporaryFile(name)) {
      const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > abandonedAfterMs) rmSync(path, { force: true });
    } else if (ownName.test(name)) {
      if (isCurrent(path, current)) continue;
      rmSync(path, { force: true });
      rmSync(path.replace(/json$/, 'u8'), { force: true });
    }
  }
}

function isCurrent(path: string, { dataset, decoder }: CacheEntry): boolean {
  try {
    const entry = readJson<Partial<CacheEntry>>(path);
    return entry.dataset === dataset && entry.decoder === decoder;
  } catch {
    return false;
  }
}
