/** Scores images that belong to no dataset. */
import { relative } from 'node:path';
import { loadFolder } from '../image/folder.js';
import type { Module } from '../nn/index.js';
import { type Device, tensor } from '../torch/index.js';
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
    const { data } = await loadFolder(dir, { sizePx, fit: 'fill', files: part });
    const images = tensor(data, [part.length, 3, sizePx, sizePx]);
    const logits = await logitsOf(network, images, Array.from(part.keys()), { device, batchSize });
    images.dispose();
    part.forEach((file, i) => {
      predictions.push({ file: relative(dir, file), score: probability(logits[i]!) });
    });
    options.onProgress?.(predictions.length, files.length);
  }
  return predictions;
}
