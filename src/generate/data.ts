/** What a generator learns from: the training images of its classes, as pixels. */

import { aten, type Device, type Tensor, tensor, tidy, where } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';
import { commandLine } from '../base/index.js';
import {
  channelsOf as channelsOfDataset,
  type Dataset,
  type DatasetRow,
  frameCautions,
  framingOf,
  photographSize,
  reopenDataset,
} from '../data/dataset/index.js';
import type { Fit } from '../data/lineage/index.js';
import { openPixelCache } from '../data/pixels/index.js';
import type { Framing } from '../image/index.js';
import { ownFit } from '../lineage/index.js';
import { channelsOf, classesOf, type GeneratorConfig } from './config.js';

/** Fewer images of a class than this are refused: a generator would learn them by heart. */
const LEAST_IMAGES = 10;

export interface GeneratorData {
  /** uint8 `[N, C, H, W]`, all images of the dataset, memory-mapped. */
  images: Tensor;
  /** Index of each row's class; −1: of a class that is not learned. */
  labels: Int32Array;
  /** Rows of `images` that are trained on. */
  indices: number[];
  /** Rows of the same classes in the validation split: looked at by the monitor, never trained on. */
  heldOut: number[];
  /** Groups that are trained on, each once, sorted. */
  groups: string[];
  dataset: { name: string; hash: string };
  /** What the run learns from itself. */
  fit: Fit;
  /** How the frames became squares: by `images`, or before. */
  framing: Framing;
  /** What becomes of the training images on the way to squares, where it is much. */
  frames: string[];
}

/**
 * Opens the dataset and looks for what a generator needs, before anything is written or decoded.
 *
 * @param hash of the dataset that the run was begun on
 * @throws DataError when it is another one, a class does not exist or has too few training images, or all of them make no batch
 */
export function checkGeneratorData(config: GeneratorConfig, hash?: string): Dataset {
  const dataset = reopenDataset(config.data, { name: 'this run', hash });
  const counts = new Map<string, number>(classesOf(config).map((label) => [label, 0]));
  for (const label of counts.keys()) {
    if (!dataset.classes.includes(label)) {
      throw new DataError(
        `${config.data}: no class '${label}'; the classes are ${dataset.classes.join(', ')}`,
      );
    }
  }
  for (const row of dataset.rows) {
    const count = counts.get(row.label);
    if (row.split === 'train' && count !== undefined) counts.set(row.label, count + 1);
  }
  for (const [label, count] of counts) {
    if (count >= LEAST_IMAGES) continue;
    throw new DataError(
      `${config.data}: ${count} training images of class '${label}', and a GAN learns fewer than ${LEAST_IMAGES} by heart; import more, join classes (${commandLine`graft data import --rename ${`${label}=OTHER`}`}), or leave it out`,
    );
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count);
  if (total < config.batchSize) {
    throw new DataError(
      `${config.data}: ${total} training images of class '${[...counts.keys()].join("', '")}', fewer than a batch of ${config.batchSize}; add images, or use --set batchSize=${total}`,
    );
  }
  return dataset;
}

/** The configuration of a new run: channels that it leaves open are those of the dataset. */
export const settleChannels = <Config extends GeneratorConfig>(config: Config, dataset: Dataset): Config => ({
  ...config,
  channels: config.channels ?? channelsOfDataset(dataset),
});

export interface DataOptions {
  /** Of the dataset that the run was begun on. */
  hash?: string | undefined;
  /** Splits whose images decide something of the run: default those that are trained on. */
  decidedBy?: readonly ('train' | 'val')[];
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** @throws DataError as `checkGeneratorData` */
export async function openGeneratorData(
  config: GeneratorConfig,
  options: DataOptions = {},
): Promise<GeneratorData> {
  const { hash, decidedBy = ['train'], onProgress } = options;
  const dataset = checkGeneratorData(config, hash);
  const cache = await openPixelCache(dataset, config.imageSize, { channels: channelsOf(config), onProgress });
  const classes = classesOf(config);
  const labels = Int32Array.from(cache.rows, (row) => classes.indexOf(row.label));
  const rowsOf = (split: DatasetRow['split']): number[] =>
    cache.rows.flatMap((row, i) => (row.split === split && labels[i]! >= 0 ? [i] : []));
  const indices = rowsOf('train');
  const heldOut = rowsOf('val');
  const framing = framingOf(dataset, cache.framing);
  const at = (rows: readonly number[]): DatasetRow[] => rows.map((i) => cache.rows[i]!);
  return {
    images: cache.images,
    labels,
    indices,
    heldOut,
    groups: [...new Set(indices.map((i) => cache.rows[i]!.group))].sort(),
    dataset: { name: dataset.name, hash: dataset.hash },
    fit: ownFit('generator', dataset, {
      train: at(indices),
      val: decidedBy.includes('val') ? at(heldOut) : [],
    }),
    framing,
    frames: frameCautions(
      indices.map((i) => photographSize(cache.rows[i]!)),
      { sizePx: config.imageSize, fit: framing.fit },
    ),
  };
}

/** Class indices as the networks take them: int64 `[N]` on the device. */
export const toLabels = (indices: ArrayLike<number>, device: Device): Tensor =>
  tensor(indices, [indices.length], { dtype: 'int64', device });

/**
 * A batch as the networks take it.
 *
 * @param pixels uint8 `[N, C, H, W]`
 * @param flips draws of `fork(step)` decide which images are mirrored; null: none
 * @returns float `[N, C, H, W]` in [−1, 1] on the device
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

/** The inverse of the range change: float in [−1, 1] → uint8 `[N, C, H, W]` on the CPU. */
export const toPixels = (images: Tensor): Tensor =>
  tidy(() =>
    aten
      .round(images.add(1).mul_(127.5))
      .clamp_({ min: 0, max: 255 })
      .to({ device: 'cpu', dtype: 'uint8' })
      .contiguous(),
  );
