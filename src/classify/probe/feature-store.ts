/**
 * Features of single images, kept on the disk by what they are made of. A folder stands for everything but the image: the
 * frozen network and its weights, how pixels were made, the view. In it lie parts, each with the features of some images under
 * the SHA-256 of their files; whatever folds, subsets or synthetic images a trial asks for, an image's features are made once.
 *
 * A part is `<hash of its images>.safetensors`: `features` float32 `[n, D]` and `images` uint8 `[n, 32]`. Parts are only ever
 * added; one that is damaged is left out and made anew. The folder may be removed at any time.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aten, keep, loadSafetensors, saveSafetensors, type Tensor, tensor, tidy, zeros } from 'graft-torch';
import { DataError, ensureFolder, sha256, userCacheDir, WriteError } from 'graft-torch/base';
import { LockedError, takeLock } from '../../base/index.js';

/** Makes features of images that the store lacks: places among those asked for → `[n, D]`, which the store disposes. */
export type MakeFeatures = (places: readonly number[]) => Promise<Tensor>;

export interface FeatureStoreOptions {
  /** Default `$GRAFT_CACHE/features`, else `graft/features` in the user's cache; null: nothing is kept. */
  cacheDir?: string | null | undefined;
  /** Told in one line of a damaged part, and where nothing can be kept. */
  onNotice?: ((message: string) => void) | undefined;
}

/** Who waits for another process that makes the same features looks again after so long. */
const LOOK_AGAIN_MS = 300;

const HASH_BYTES = 32;

/**
 * Features of some images, from the store as far as they are there.
 * @param source everything that the features hang on beside the images: a hash
 * @param images SHA-256 of each image's file, in hexadecimal digits
 * @returns float32 `[N, D]` on the CPU, in the order of `images`; no scope owns it
 */
export async function storedFeatures(
  source: string,
  images: readonly string[],
  { make, ...options }: FeatureStoreOptions & { make: MakeFeatures },
): Promise<Tensor> {
  const all = [...images.keys()];
  const { cacheDir = userCacheDir('features'), onNotice } = options;
  if (cacheDir === null) return keep(await make(all));
  const dir = join(cacheDir, source);
  const found = read(dir, images, onNotice);
  if (found.missing.length === 0) return found.gather(null);
  found.dispose();
  const release = await lockOf(dir, onNotice);
  try {
    // Another process may have made them while this one waited.
    const { missing, gather, dispose } = read(dir, images, () => {});
    if (missing.length === 0) return gather(null);
    let made: Tensor;
    try {
      made = await make(missing);
    } catch (error) {
      dispose();
      throw error;
    }
    try {
      write(
        dir,
        missing.map((place) => images[place]!),
        { made, onNotice },
      );
      return gather({ places: missing, made });
    } finally {
      made.dispose();
    }
  } finally {
    release?.();
  }
}

/** Waits while another process makes features of this kind; null where nothing can be written there. */
async function lockOf(dir: string, onNotice: FeatureStoreOptions['onNotice']): Promise<(() => void) | null> {
  for (;;) {
    try {
      ensureFolder(dir);
      return takeLock(dir);
    } catch (error) {
      if (error instanceof LockedError) await sleep(LOOK_AGAIN_MS);
      else if (isFileTrouble(error)) {
        onNotice?.(`features are not kept: ${error.message}`);
        return null;
      } else throw error;
    }
  }
}

const isFileTrouble = (error: unknown): error is Error =>
  error instanceof WriteError || (error instanceof Error && 'code' in error);

interface Found {
  /** Places that no part has. */
  missing: number[];
  /** Everything that was asked for, with what was made beside; once. */
  gather(beside: { places: readonly number[]; made: Tensor } | null): Tensor;
  dispose(): void;
}

/** Rows of some features that go to some places of the whole. */
interface Rows {
  features: Tensor;
  rows: number[];
  places: number[];
}

function read(dir: string, images: readonly string[], onNotice: FeatureStoreOptions['onNotice']): Found {
  const open = new Map<string, number[]>();
  for (const [place, image] of images.entries()) open.set(image, [...(open.get(image) ?? []), place]);
  const found: Rows[] = [];
  for (const path of partsOf(dir)) {
    if (open.size === 0) break;
    try {
      const part = readPart(path);
      const own: Rows = { features: part.features, rows: [], places: [] };
      for (const [row, image] of part.names.entries()) {
        for (const place of open.get(image) ?? []) {
          own.rows.push(row);
          own.places.push(place);
        }
        open.delete(image);
      }
      if (own.rows.length > 0) found.push(own);
      else part.features.dispose();
    } catch (error) {
      if (!(error instanceof DataError) && !isFileTrouble(error)) throw error;
      onNotice?.(`${error.message}; its features are made anew`);
    }
  }
  const dispose = (): void => {
    for (const { features } of found) features.dispose();
  };
  return {
    missing: [...open.values()].flat().sort((a, b) => a - b),
    gather: (beside) => {
      const { places = [], made } = beside ?? {};
      const all = made
        ? [...found, { features: made, rows: [...places.keys()], places: [...places] }]
        : found;
      try {
        return tidy(() => keep(gathered(all, images.length)));
      } finally {
        dispose();
      }
    },
    dispose,
  };
}

function gathered(parts: readonly Rows[], count: number): Tensor {
  const index = (values: readonly number[]): Tensor => tensor(values, [values.length], { dtype: 'int64' });
  const whole = zeros([count, parts[0]!.features.shape[1]!]);
  for (const { features, rows, places } of parts)
    aten.index_copy_(whole, 0, index(places), aten.index_select(features, 0, index(rows)));
  return whole;
}

const partsOf = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir)
        .filter((name) => /^[0-9a-f]{64}\.safetensors$/.test(name))
        .sort()
        .map((name) => join(dir, name))
    : [];

/** @throws DataError for a part that is not what its name says */
function readPart(path: string): { names: string[]; features: Tensor } {
  return tidy(() => {
    const { features, images } = loadSafetensors(path).tensors;
    const n = images?.shape[0] ?? -1;
    if (features?.dtype !== 'float32' || features.shape[0] !== n || images!.shape[1] !== HASH_BYTES)
      throw new DataError(`${path}: is no part of a feature store`);
    const text = Buffer.from(images!.toArray() as Uint8Array).toString('hex');
    const names = Array.from({ length: n }, (_, i) =>
      text.slice(2 * i * HASH_BYTES, 2 * (i + 1) * HASH_BYTES),
    );
    return { names, features: keep(features) };
  });
}

function write(
  dir: string,
  names: readonly string[],
  { made: features, onNotice }: { made: Tensor; onNotice: FeatureStoreOptions['onNotice'] },
): void {
  const bytes = Uint8Array.from(Buffer.from(names.join(''), 'hex'));
  tidy(() => {
    const images = tensor(bytes, [names.length, HASH_BYTES]);
    try {
      saveSafetensors(join(dir, `${sha256(bytes)}.safetensors`), { features, images });
    } catch (error) {
      if (!isFileTrouble(error)) throw error;
      onNotice?.(`features are not kept: ${error.message}`);
    }
  });
}
