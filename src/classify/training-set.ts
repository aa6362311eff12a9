/**
 * What a classifier is trained on: the real images of the training split (all, the negatives, or none) and, in some
 * arms, synthetic ones.
 */

import { cat, dispose, gatherRows, type Tensor } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import type { DatasetRow } from '../data/dataset/index.js';
import type { RealImages } from './config.js';

/** Synthetic images that all bear one label. */
export interface SyntheticImages {
  /** uint8 `[M, C, H, W]`, of the cache's size and channels. */
  images: Tensor;
  /** 1: of the positive class. */
  label: 0 | 1;
  /** Their class, where there are more than two; not needed for the positive one. */
  class?: string;
  /** Where they come from, for the run's config. */
  source: string;
}

export interface TrainingSet {
  /** uint8 `[N, C, H, W]`. */
  images: Tensor;
  /** Rows of `images` that are trained on. */
  indices: number[];
  /** Label of each row of `images`: 1 for the positive class and 0 for others, or the place among `classes`. */
  labels: Uint8Array;
  /** Images that are trained on, by label. */
  classCounts: number[];
  counts: { real: number; realPositive: number; synthetic: number; syntheticPositive: number };
  /** Frees `images` unless they are the cache's. */
  dispose(): void;
}

/** Which images are trained on, and as what. */
export interface TrainingPlan {
  /** Rows of the cache. */
  real: number[];
  /** Labels of every row of the cache, as `TrainingSet.labels`. */
  realLabels: Uint8Array;
  /** Of the synthetic images, set by set. */
  syntheticLabels: number[];
  classCounts: number[];
  counts: TrainingSet['counts'];
}

export interface TrainingSetOptions {
  synthetic?: readonly SyntheticImages[];
  /** Which real rows; default all of the training split. */
  real?: RealImages;
  /** Every class, the positive one first, where they are told apart; default none. */
  classes?: readonly string[];
}

/** @throws DataError when sizes differ, or a class has no training image */
export function planTrainingSet(
  cache: { images: Tensor; rows: readonly DatasetRow[] },
  positive: string,
  options: TrainingSetOptions = {},
): TrainingPlan {
  const { synthetic = [], real: which = 'all', classes = [] } = options;
  const labelOf = (name: string): number =>
    classes.length > 0 ? classes.indexOf(name) : name === positive ? 1 : 0;
  const realLabels = Uint8Array.from(cache.rows, (row) => labelOf(row.label));
  const isPositive = (i: number): boolean => cache.rows[i]!.label === positive;
  const isUsed = (i: number): boolean => which === 'all' || (which === 'negatives' && !isPositive(i));
  const real = cache.rows.flatMap((row, i) => (row.split === 'train' && isUsed(i) ? [i] : []));
  const realPositive = real.filter(isPositive).length;
  const [, depth, height, width] = cache.images.shape;
  for (const { images, source } of synthetic) {
    const [m, channels, h, w] = images.shape;
    if (channels !== depth || h !== height || w !== width || images.dtype !== 'uint8') {
      throw new DataError(
        `${source}: ${m} images of ${w} × ${h} px in ${channels} channels (${images.dtype}) beside real ones of ${width} × ${height} in ${depth}; make them of the same size`,
      );
    }
  }
  const countOf = (sets: readonly SyntheticImages[]): number =>
    sets.reduce((sum, { images }) => sum + images.shape[0]!, 0);
  const counts = {
    real: real.length,
    realPositive,
    synthetic: countOf(synthetic),
    syntheticPositive: countOf(synthetic.filter(({ label }) => label === 1)),
  };
  const positives = counts.realPositive + counts.syntheticPositive;
  if (positives === 0 || positives === counts.real + counts.synthetic) {
    const remedy = which === 'all' ? '' : `; add synthetic images of what real: ${which} leaves out`;
    throw new DataError(
      `the training images hold ${positives} of class '${positive}' among ${counts.real + counts.synthetic}; a classifier needs both${remedy}`,
    );
  }
  const syntheticLabels = synthetic.flatMap((set) =>
    new Array<number>(set.images.shape[0]!).fill(syntheticLabel(set, positive, classes)),
  );
  const classCounts = new Array<number>(Math.max(2, classes.length)).fill(0);
  for (const label of [...real.map((i) => realLabels[i]!), ...syntheticLabels]) classCounts[label]!++;
  const missing = classes.find((_, k) => classCounts[k] === 0);
  if (missing !== undefined) {
    throw new DataError(
      `the training images hold none of class '${missing}'; target classes needs every class`,
    );
  }
  return { real, realLabels, syntheticLabels, classCounts, counts };
}

/**
 * Real training rows plus synthetic images. Without synthetic ones the memory-mapped cache is used as it is; with
 * them both are copied into memory (12 kB an image at 64 px, 49 kB at 128).
 * @throws DataError as `planTrainingSet`
 */
export async function makeTrainingSet(
  cache: { images: Tensor; rows: readonly DatasetRow[] },
  positive: string,
  options: TrainingSetOptions = {},
): Promise<TrainingSet> {
  const { synthetic = [] } = options;
  const plan = planTrainingSet(cache, positive, options);
  const { real, realLabels, syntheticLabels, classCounts, counts } = plan;
  if (counts.synthetic === 0) {
    return {
      images: cache.images,
      indices: real,
      labels: realLabels,
      classCounts,
      counts,
      dispose: () => {},
    };
  }
  const realImages = real.length > 0 ? [await gatherRows(cache.images, real)] : [];
  const images = cat([...realImages, ...synthetic.map((set) => set.images)]);
  dispose(realImages);
  const labels = [...real.map((i) => realLabels[i]!), ...syntheticLabels];
  return {
    images,
    indices: Array.from(labels.keys()),
    labels: Uint8Array.from(labels),
    classCounts,
    counts,
    dispose: () => images.dispose(),
  };
}

/** @throws DataError where it is some class of several, and not said which */
function syntheticLabel(set: SyntheticImages, positive: string, classes: readonly string[]): number {
  if (classes.length === 0) return set.label;
  const name = set.class ?? (set.label === 1 ? positive : null);
  const label = name === null ? -1 : classes.indexOf(name);
  if (label >= 0) return label;
  throw new DataError(
    `${set.source}: synthetic images of ${name === null ? 'no class in particular' : `class '${name}'`}, and target classes tells ${classes.join(', ')} apart; leave them out`,
  );
}
