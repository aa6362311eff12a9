/** What a GAN learns from: the training images of one class, as pixels. */
import { openPixelCache } from '../data/cache.js';
import { type Dataset, type DatasetRow, openDataset } from '../data/dataset.js';
import { DataError } from '../errors.js';
import type { Random } from '../random.js';
import { aten, type Device, type Tensor, tensor, tidy, where } from '../torch/index.js';
import type { GanConfig } from './config.js';

export interface GanData {
  /** uint8 `[N, 3, H, W]`, all images of the dataset, memory-mapped. */
  images: Tensor;
  /** Rows of `images` that are trained on. */
  indices: number[];
  /** Their groups, each once, sorted. */
  groups: string[];
  dataset: { name: string; hash: string };
}

/**
 * Opens the dataset and looks for what the GAN needs, before anything is written or decoded.
 *
 * @throws DataError when the class does not exist, or has fewer training images than a batch
 */
export function checkGanData(config: GanConfig): Dataset {
  const dataset = openDataset(config.data);
  if (!dataset.classes.includes(config.class)) {
    throw new DataError(
      `${config.data}: no class '${config.class}'; the classes are ${dataset.classes.join(', ')}`,
    );
  }
  const count = dataset.rows.filter((row) => isTrained(row, config)).length;
  if (count < config.batchSize) {
    throw new DataError(
      `${config.data}: ${count} training images of class '${config.class}', fewer than a batch of ${config.batchSize}; add images, or use --set batchSize=${Math.max(2, count)}`,
    );
  }
  return dataset;
}

const isTrained = (row: DatasetRow, config: GanConfig): boolean =>
  row.split === 'train' && row.label === config.class;

/** @throws DataError as `checkGanData` */
export async function openGanData(
  config: GanConfig,
  onProgress?: (done: number, total: number) => void,
): Promise<GanData> {
  const dataset = checkGanData(config);
  const cache = await openPixelCache(dataset, config.imageSize, { onProgress });
  const indices = cache.rows.flatMap((row, i) => (isTrained(row, config) ? [i] : []));
  const groups = [...new Set(indices.map((i) => cache.rows[i]!.group))].sort();
  return {
    images: cache.images,
    indices,
    groups,
    dataset: { name: dataset.name, hash: dataset.hash },
  };
}

/**
 * A batch as the networks take it.
 *
 * @param pixels uint8 `[N, 3, H, W]`
 * @param flips draws of `fork(step)` decide which images are mirrored; null: none
 * @returns float `[N, 3, H, W]` in [−1, 1] on the device
 */
export function toNetworkRange(pixels: Tensor, device: Device, flips: Random | null): Tensor {
  return tidy(() => {
    let images = pixels.to({ device, dtype: 'float32' }).div_(127.5).sub_(1);
    if (flips) {
      const count = images.shape[0]!;
      for (const dim of [2, 3]) {
        const chosen = Array.from({ length: count }, () => (flips.chance(0.5) ? 1 : 0));
        const mask = tensor(chosen, [count, 1, 1, 1], { dtype: 'bool', device });
        images = where(mask, images.flip([dim]), images);
      }
    }
    return images;
  });
}

/** The inverse of the range change: float in [−1, 1] → uint8 `[N, 3, H, W]` on the CPU. */
export const toPixels = (images: Tensor): Tensor =>
  tidy(() =>
    aten
      .round(images.add(1).mul_(127.5))
      .clamp_({ min: 0, max: 255 })
      .to({ device: 'cpu', dtype: 'uint8' })
      .contiguous(),
  );
