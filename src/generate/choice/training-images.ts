/**
 * What drawn images are held against: the training split that the generator saw, and nothing else. Validation and test
 * images decide nothing here, or a trial's verdict would rest on images that were chosen to please it.
 */

import { cat, dispose, gatherRows, type Tensor } from 'graft-torch';
import { ConfigError, DataError, Random } from 'graft-torch/base';
import type { DatasetRow } from '../../data/dataset/index.js';
import { reopenDataset } from '../../data/dataset/index.js';
import { UNKNOWN_DATASET } from '../../data/lineage/index.js';
import { openPixelCache, type PixelCache } from '../../data/pixels/index.js';
import {
  type Backbone,
  type FeatureExtractor,
  openExtractor,
  parseBackboneSpec,
} from '../../metrics/backbone/index.js';
import { firstNonFiniteRow } from '../../metrics/distribution/index.js';
import { readRun } from '../../run/index.js';
import { channelsOf, classesOf } from '../config.js';
import type { TrainedGenerator } from '../trained-generator.js';

/** Images of each side that the probe is fitted to, and images that calibrate the random backbone, at most. */
const MOST_IMAGES = 2000;
/** Images that are read at once. */
const BATCH = 256;

export interface TrainingImages {
  cache: PixelCache;
  /** Rows of the training split that the generator learned from, ascending. */
  learned: number[];
  /** Rows of the training split of the classes that are drawn, and of all others, ascending, at most so many by lot. */
  wanted: number[];
  others: number[];
}

/**
 * Opens the dataset that the generator was trained on.
 *
 * @param dir its folder; default: where the run says it was
 * @param wanted classes that are drawn
 * @throws ConfigError for a generator whose training images nobody knows; DataError where the dataset is another one
 */
export async function openTrainingImages(
  { config, origin }: TrainedGenerator,
  { dir, wanted }: { dir: string | undefined; wanted: readonly string[] },
  onProgress?: (done: number, total: number) => void,
): Promise<TrainingImages> {
  if (origin.dataset.hash === UNKNOWN_DATASET)
    throw new ConfigError(
      `${origin.run}: its training images are not known, so images cannot be chosen by them; give a run folder, or choose random or best`,
    );
  const dataset = reopenDataset(dir ?? config.data, { name: origin.run, hash: origin.dataset.hash });
  const cache = await openPixelCache(dataset, config.imageSize, {
    channels: channelsOf(config),
    onProgress,
  });
  const learnedClasses = classesOf(config);
  const rowsWhere = (isOne: (row: DatasetRow) => boolean): number[] =>
    cache.rows.flatMap((row, i) => (row.split === 'train' && isOne(row) ? [i] : []));
  return {
    cache,
    learned: rowsWhere(({ label }) => learnedClasses.includes(label)),
    wanted: byLot(rowsWhere(({ label }) => wanted.includes(label))),
    others: byLot(rowsWhere(({ label }) => !wanted.includes(label))),
  };
}

/** The lots are the same for every seed that images are drawn with: so are the backbone and its hash. */
const byLot = (rows: number[]): number[] =>
  rows.length <= MOST_IMAGES
    ? rows
    : new Random(0)
        .fork('choice')
        .shuffle(rows)
        .slice(0, MOST_IMAGES)
        .sort((a, b) => a - b);

/**
 * Opens the backbone that the choice looks through.
 *
 * @param training calibrates the random backbone; null where the backbone needs no images
 * @throws DataError for a classifier run on another dataset or split: it may have learned from evaluation images
 */
export async function openChoiceBackbone(
  spec: string,
  { device, origin }: TrainedGenerator,
  training: TrainingImages | null,
): Promise<FeatureExtractor | Backbone> {
  const parsed = parseBackboneSpec(spec);
  if (parsed.kind === 'run') requireSameDataset(parsed.path, origin);
  if (parsed.kind !== 'random' || !training) return openExtractor(spec, { device });
  const both = byLot([...training.wanted, ...training.others].sort((a, b) => a - b));
  const calibrate = await gatherRows(training.cache.images, both);
  try {
    return await openExtractor(spec, { device, calibrate });
  } finally {
    calibrate.dispose();
  }
}

function requireSameDataset(dir: string, origin: TrainedGenerator['origin']): void {
  const { summary } = readRun(dir);
  const hash = (summary?.dataset as { hash?: unknown } | undefined)?.hash;
  if (hash === undefined)
    throw new DataError(
      `${dir}: has not finished, so what it learned from is not known; finish it, or use the backbone random`,
    );
  if (hash !== origin.dataset.hash)
    throw new DataError(
      `${dir}: was trained on another dataset or split than ${origin.run}, and may have seen its validation or test images; use a run on the same dataset, or the backbone random`,
    );
}

/** Batches of rows as pixels, uint8 `[n, C, H, W]`; the caller disposes them. */
export async function* pixelBatches(images: Tensor, rows: readonly number[]): AsyncIterable<Tensor> {
  for (let from = 0; from < rows.length; from += BATCH)
    yield await gatherRows(images, rows.slice(from, from + BATCH));
}

/**
 * Features of rows of the dataset.
 *
 * @returns float32 `[rows.length, D]` on the CPU; no scope owns it
 * @throws DataError naming the image whose features are not finite
 */
export async function featuresOfRows(
  extractor: FeatureExtractor,
  { cache }: TrainingImages,
  { rows, onProgress }: { rows: readonly number[]; onProgress?: (done: number, total: number) => void },
): Promise<Tensor> {
  const parts: Tensor[] = [];
  try {
    let done = 0;
    for await (const pixels of pixelBatches(cache.images, rows)) {
      try {
        parts.push(await extractor.extract(pixels));
      } finally {
        pixels.dispose();
      }
      const row = firstNonFiniteRow(parts.at(-1)!);
      if (row >= 0)
        throw new DataError(
          `${cache.rows[rows[done + row]!]!.file}: ${extractor.name} gives features that are not finite: look at the image, and whether the network was trained to the end`,
        );
      done = Math.min(rows.length, done + BATCH);
      onProgress?.(done, rows.length);
    }
    return cat(parts);
  } finally {
    dispose(parts);
  }
}
