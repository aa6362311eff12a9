/** The images that are explained: of a split, by lot or the most confident errors; or of a folder. */
import { relative } from 'node:path';
import { gatherRows, type Tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { commandLine } from '../../base/index.js';
import { type Channels, type Framing, listImages } from '../../image/index.js';
import type { ClassifierConfig } from '../config.js';
import { readSquares } from '../predict.js';
import { framingOfRun, readStoredClassScores, readStoredScores, showingOfRun } from '../result.js';
import type { OpenedData } from '../score-run.js';
import { type EvaluationSplit, scoreSummary } from '../scores.js';
import { chooseClassRows, chooseRows } from './choose.js';
import type { Shown } from './write.js';

export interface PickOptions {
  config: ClassifierConfig;
  split: EvaluationSplit;
  /** Called positive from here on (`thresholdOfRun`). */
  threshold: number;
  /** The most confident errors instead of images drawn by lot. */
  errors?: boolean;
  /** Of several classes the one that is explained in every image. */
  class?: string;
  /** Images on the sheet, and those that figures are measured on. */
  count: number;
  scored: number;
  seed: number;
  /** Pixels of the run's dataset, as the run saw them. */
  open: (how: { framing: Framing; channels: Channels }) => Promise<OpenedData>;
}

export interface Picked {
  /** float32 `[N, C, H, W]` in [0, 1], those on the sheet first; the caller disposes them. */
  images: Tensor;
  shown: Shown[];
}

/** A run's threshold, from its validation scores; ½ for a run that has none yet. */
export function thresholdOfRun(dir: string): number {
  const validation = readStoredScores(dir, 'val');
  return validation ? scoreSummary(validation).threshold : 0.5;
}

function toUnit(pixels: Tensor): Tensor {
  const images = tidy(() => pixels.to({ dtype: 'float32' }).div_(255));
  pixels.dispose();
  return images;
}

/**
 * The first pictures of a folder.
 * @throws DataError for a folder without images, and naming a file that cannot be decoded
 */
export async function pickFromFolder(
  dir: string,
  folder: string,
  { config, count, scored }: Pick<PickOptions, 'config' | 'count' | 'scored'>,
): Promise<Picked> {
  const files = (await listImages(folder)).slice(0, Math.max(count, scored));
  if (files.length === 0) throw new DataError(`${folder}: no images in this folder`);
  const pixels = await readSquares(files, {
    sizePx: config.imageSize,
    channels: config.channels ?? 3,
    showing: showingOfRun(dir),
    ...framingOfRun(dir),
  });
  const shown = files.slice(0, count).map((file) => {
    const id = relative(folder, file).replace(/\.[^.]+$/, '');
    return { id, label: id };
  });
  return { images: toUnit(pixels), shown };
}

/**
 * Images of a split, by the scores that the run holds.
 * @throws DataError for a run without scores, a split without errors, a dataset that has lost an image
 */
export async function pickFromSplit(dir: string, options: PickOptions): Promise<Picked> {
  const { config, split, count } = options;
  const chosen = chooseImages(dir, options);
  if (chosen.length === 0) throw new DataError(`${dir}: no errors on the ${split} split; nothing to show`);
  const { dataset, cache } = await options.open({
    framing: framingOfRun(dir),
    channels: config.channels ?? 3,
  });
  try {
    const at = new Map(cache.rows.map((row, i) => [row.id, i]));
    const missing = chosen.find(({ id }) => !at.has(id));
    if (missing)
      throw new DataError(`${dataset.dir}: has no image '${missing.id}' any more; was it made anew?`);
    const indices = chosen.map(({ id }) => at.get(id)!);
    const shown = indices
      .slice(0, count)
      .map((i) => ({ id: cache.rows[i]!.id, label: cache.rows[i]!.label }));
    return { images: toUnit(await gatherRows(cache.images, indices)), shown };
  } finally {
    cache.images.dispose();
  }
}

function chooseImages(dir: string, options: PickOptions): { id: string }[] {
  const { config, split, threshold, class: about } = options;
  const choice = options.errors ? 'errors' : 'lot';
  const wanted = Math.max(options.count, options.scored);
  const random = new Random(options.seed).fork('explain');
  const unfinished = (): Error =>
    new DataError(
      `${dir}: has no scores yet; finish the run first (${commandLine`graft classify resume ${dir}`})`,
    );
  if (config.target === 'classes') {
    const { classes } = config;
    const rows = readStoredClassScores(dir, split, classes);
    if (!rows) throw unfinished();
    return chooseClassRows(rows, wanted, { choice, classes, about, random });
  }
  const rows = readStoredScores(dir, split);
  if (!rows) throw unfinished();
  return chooseRows(rows, wanted, { choice, threshold, random });
}
