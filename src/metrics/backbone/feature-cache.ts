/**
 * Features kept on the disk, by what they are made of: InceptionV3 sees about ten images a second on a CPU core, and the
 * same real images are compared with again and again.
 *
 * The key is SHA-256 over the backbone's hash, the kind of device, and the images' shape and bytes in order: what went
 * into the features, so that nothing can be out of date. The value is `<key>.safetensors` with `features` `[N, D]`, its
 * key and the SHA-256 of its bytes. What does not fit is made anew, never trusted. Files are only ever added: the folder
 * may be removed at any time.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { keep, loadSafetensors, saveSafetensors, type Tensor, tidy } from 'graft-torch';
import { DataError, sha256, userCacheDir, WriteError } from 'graft-torch/base';
import type { ExtractionOptions, FeatureExtractor } from './backbone.js';

export interface FeatureCacheOptions extends ExtractionOptions {
  /** Default `featureCacheDir()`; null: nothing is read or written. */
  cacheDir?: string | null;
  /** Told in one line when a file is damaged or foreign, or cannot be written. */
  onNotice?: (message: string) => void;
}

/** `$GRAFT_CACHE/features`, else `graft/features` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function featureCacheDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return userCacheDir('features', env);
}

/**
 * An extractor's features of images, from the cache where they are there. `onProgress` then is not called.
 *
 * @param images uint8 `[N, 3, H, W]`, N ≥ 1; they must outlive the call
 * @returns float32 `[N, D]` on the CPU; no scope owns it
 * @throws DataError as `FeatureExtractor.extract`; never because of the cache
 */
export async function cachedFeatures(
  extractor: FeatureExtractor,
  images: Tensor,
  options: FeatureCacheOptions = {},
): Promise<Tensor> {
  const { cacheDir = featureCacheDir(), onNotice, ...extraction } = options;
  if (cacheDir === null) return extractor.extract(images, extraction);
  const key = keyOf(extractor, images);
  const path = join(cacheDir, `${key}.safetensors`);
  try {
    const found = read(path, key, images.shape[0]!);
    if (found) return found;
  } catch (error) {
    onNotice?.(`${(error as Error).message}; the features are computed anew`);
  }
  const features = await extractor.extract(images, extraction);
  try {
    saveSafetensors(path, { features }, { key, sha256: digestOf(features), backbone: extractor.name });
  } catch (error) {
    if (!isFileTrouble(error)) throw error;
    onNotice?.(`features are not kept: ${error.message}`);
  }
  return features;
}

const isFileTrouble = (error: unknown): error is Error =>
  error instanceof WriteError || (error instanceof Error && 'code' in error);

/** Images are read in pieces: all of them may be more than one array holds. */
const IMAGES_PER_PIECE = 256;

function keyOf(extractor: FeatureExtractor, images: Tensor): string {
  const { shape, dtype } = images;
  const kind = extractor.device.split(':')[0];
  const hash = createHash('sha256').update(`${extractor.hash} ${kind} ${dtype} ${shape.join(' ')}\n`);
  const n = shape[0] ?? 0;
  for (let start = 0; start < n; start += IMAGES_PER_PIECE) {
    tidy(() => hash.update(bytesOf(images.narrow(0, start, Math.min(IMAGES_PER_PIECE, n - start)))));
  }
  return hash.digest('hex');
}

function bytesOf(values: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = values.toArray();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const digestOf = (features: Tensor): string => sha256(bytesOf(features));

/**
 * @returns null where there is no such file
 * @throws DataError, or the system's error, for one that is not what its name says
 */
function read(path: string, key: string, n: number): Tensor | null {
  if (!existsSync(path)) return null;
  return tidy(() => {
    const { tensors, metadata } = loadSafetensors(path);
    const { features } = tensors;
    const [rows, ...rest] = features?.shape ?? [];
    if (features?.dtype !== 'float32' || rows !== n || rest.length !== 1 || metadata.key !== key) {
      throw new DataError(`${path}: is not the feature file that its name says`);
    }
    if (metadata.sha256 !== digestOf(features)) throw new DataError(`${path}: damaged: its checksum differs`);
    return keep(features);
  });
}
