/**
 * What a classifier is trained on: the real images of the training split (all, the negatives, or none) and, in some
 * arms, synthetic ones.
 */
import type { DatasetRow } from '../data/dataset.js';
import { DataError } from '../errors.js';
import { cat, dispose, gatherRows, type Tensor } from '../torch/index.js';
import type { RealImages } from './config.js';

/** Synthetic images that all bear one label. */
export interface SyntheticImages {
  /** uint8 `[M, 3, H, W]`, of the cache's size. */
  images: Tensor;
  /** 1: of the positive class. */
  label: 0 | 1;
  /** Where they come from, for the run's config. */
  source: string;
}

export interface TrainingSet {
  /** uint8 `[N, 3, H, W]`. */
  images: Tensor;
  /** Rows of `images` that are trained on. */
  indices: number[];
  /** Label (0 or 1) of each row of `images`. */
  labels: Uint8Array;
  counts: { real: number; realPositive: number; synthetic: number; syntheticPositive: number };
  /** Frees `images` unless they are the cache's. */
  dispose(): void;
}

/**
 * Real training rows plus synthetic images. Without synthetic ones the memory-mapped cache is used as it is; with
 * them both are copied into memory (12 kB an image at 64 px, 49 kB at 128).
 * @param options.real which real rows; default all of the training split
 * @throws DataError when sizes differ, or a class has no training image
 */
export async function makeTrainingSet(
  cache: { images: Tensor; rows: readonly DatasetRow[] },
  positive: string,
  options: { synthetic?: readonly SyntheticImages[]; real?: RealImages } = {},
): Promise<TrainingSet> {
  const { synthetic = [], real: which = 'all' } = options;
  const realLabels = Uint8Array.from(cache.rows, (row) => (row.label === positive ? 1 : 0));
  const isUsed = (i: number): boolean => which === 'all' || (which === 'negatives' && realLabels[i] === 0);
  const real = cache.rows.flatMap((row, i) => (row.split === 'train' && isUsed(i) ? [i] : []));
  const realPositive = real.filter((i) => realLabels[i] === 1).length;
  const [, , height, width] = cache.images.shape;
  for (const { images, source } of synthetic) {
    const [m, channels, h, w] = images.shape;
    if (channels !== 3 || h !== height || w !== width || images.dtype !== 'uint8') {
      throw new DataError(
        `${source}: ${m} images of ${w} × ${h} px (${images.dtype}) beside real ones of ${width} × ${height}; make them of the same size`,
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
  if (counts.synthetic === 0) {
    return { images: cache.images, indices: real, labels: realLabels, counts, dispose: () => {} };
  }
  const realImages = real.length > 0 ? [await gatherRows(cache.images, real)] : [];
  const images = cat([...realImages, ...synthetic.map((set) => set.images)]);
  dispose(realImages);
  const labels = [
    ...real.map((i) => realLabels[i]!),
    ...synthetic.flatMap((set) => new Array<number>(set.images.shape[0]!).fill(set.label)),
  ];
  return {
    images,
    indices: Array.from(labels.keys()),
    labels: Uint8Array.from(labels),
    counts,
    dispose: () => images.dispose(),
  };
}
