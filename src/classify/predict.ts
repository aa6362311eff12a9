/** Scores images that belong to no dataset. */
import { relative } from 'node:path';
import { decodeImage } from '../image/decode.js';
import type { Module } from '../nn/index.js';
import { type Device, tensor, tidy } from '../torch/index.js';
import { logitsOf, probability } from './evaluate.js';

export interface Prediction {
  /** Path below the folder. */
  file: string;
  /** Probability of the positive class. */
  score: number;
}

export interface PredictOptions {
  /** Side that the network was trained at. */
  sizePx: number;
  device: Device;
  batchSize: number;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Scores files in their order, a batch in memory at a time. Pixels are prepared as the pixel cache prepares them:
 * the whole frame, squashed to a square.
 * @throws DataError naming the file that cannot be decoded
 */
export async function predictFiles(
  network: Module,
  dir: string,
  files: readonly string[],
  options: PredictOptions,
): Promise<Prediction[]> {
  const { sizePx, device, batchSize } = options;
  const predictions: Prediction[] = [];
  for (let start = 0; start < files.length; start += batchSize) {
    const part = files.slice(start, start + batchSize);
    const decoded = await Promise.all(part.map((file) => decodeImage(file, { sizePx, fit: 'fill' })));
    const images = stackImages(
      decoded.map(({ data }) => data),
      sizePx,
    );
    const logits = await logitsOf(network, images, Array.from(part.keys()), { device, batchSize });
    images.dispose();
    part.forEach((file, i) => {
      predictions.push({ file: relative(dir, file), score: probability(logits[i]!) });
    });
    options.onProgress?.(predictions.length, files.length);
  }
  return predictions;
}

/** Interleaved RGB images as one uint8 tensor `[N, 3, sizePx, sizePx]`. */
function stackImages(images: readonly Uint8Array[], sizePx: number) {
  const bytes = 3 * sizePx * sizePx;
  const all = new Uint8Array(images.length * bytes);
  images.forEach((image, i) => {
    all.set(image, i * bytes);
  });
  return tidy(() => tensor(all, [images.length, sizePx, sizePx, 3]).permute([0, 3, 1, 2]).contiguous());
}
