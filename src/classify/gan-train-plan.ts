/**
 * Which images GAN-train trains on: synthetic ones in place of real ones, as many of each class as the training split
 * has, so that nothing but their origin tells GAN-train from GAN-base.
 */
import { createHash } from 'node:crypto';
import { dispose, gatherRows } from 'graft-torch';
import { ConfigError, DataError, Random } from 'graft-torch/base';
import type { Dataset } from '../data/dataset/index.js';
import type { RealImages } from './config.js';
import type { SyntheticFolder } from './synthetic-folders.js';

/**
 * What the synthetic images stand in for: every class (GAN-train as its authors define it), or the positive class
 * alone, beside the real negatives (for a GAN of the rare class).
 */
export type Scope = 'all-classes' | 'positive-class';

export interface GanTrainPlan {
  scope: Scope;
  /** Real training images that stay. */
  real: RealImages;
  /** Synthetic images of each class that are taken. */
  counts: Record<string, number>;
  /** The images that are taken, by folder. */
  sets: SyntheticFolder[];
  /** SHA-256 over the classes and pixels of `sets`. */
  hash: string;
  /** Frees the images of `sets`. */
  dispose(): void;
}

export interface GanTrainPlanOptions {
  /** Synthetic images of the positive class; others in proportion. Default: as many as the training split has. */
  count?: number;
  /** Of the draw where folders hold more than are taken; default 0. */
  seed?: number;
}

/**
 * Takes images from the folders, at random where they hold more than are needed, in the order of their files.
 * @param synthetic stays the caller's
 * @throws ConfigError for a folder that is given twice; DataError where folders cover neither the positive class alone
 * nor all classes of the training split, or hold too few images
 */
export async function planGanTrain(
  dataset: Dataset,
  synthetic: readonly SyntheticFolder[],
  options: GanTrainPlanOptions = {},
): Promise<GanTrainPlan> {
  const twice = synthetic.find(({ source }, i) => synthetic.findIndex((set) => set.source === source) < i);
  if (twice)
    throw new ConfigError(`${twice.source} is given twice; its images would count double. Give it once`);
  const realCounts = countTraining(dataset);
  const scope = scopeOf(dataset, synthetic, realCounts);
  const classes = scope === 'all-classes' ? [...realCounts.keys()] : [dataset.positive];
  const counts = countsFor(dataset, synthetic, { classes, realCounts, count: options.count });
  const random = new Random(options.seed ?? 0).fork('gan-train images');
  const sets: SyntheticFolder[] = [];
  for (const name of classes) {
    const folders = synthetic.filter((set) => set.class === name);
    const all = folders.flatMap((set) => set.files.map((_, index) => ({ set, index })));
    const taken = new Set(
      random
        .fork(name)
        .shuffle([...all])
        .slice(0, counts[name]),
    );
    for (const set of folders) {
      const indices = all.filter((one) => one.set === set && taken.has(one)).map(({ index }) => index);
      if (indices.length === 0) continue;
      const images = await gatherRows(set.images, indices);
      sets.push({ ...set, images, files: indices.map((index) => set.files[index]!) });
    }
  }
  return {
    scope,
    real: scope === 'all-classes' ? 'none' : 'negatives',
    counts,
    sets,
    hash: hashOf(sets),
    dispose: () => dispose(sets.map(({ images }) => images)),
  };
}

/** Images of each class in the training split; classes without one are left out. */
function countTraining(dataset: Dataset): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { split, label } of dataset.rows) {
    if (split === 'train') counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}

function scopeOf(
  dataset: Dataset,
  synthetic: readonly SyntheticFolder[],
  realCounts: ReadonlyMap<string, number>,
): Scope {
  const covered = new Set(synthetic.map((set) => set.class));
  if (!covered.has(dataset.positive)) {
    throw new DataError(
      `GAN-train needs synthetic images of the positive class '${dataset.positive}' of ${dataset.dir}; got ${[...covered].join(', ') || 'none'}. Make some with \`graft generator sample\``,
    );
  }
  const missing = [...realCounts.keys()].filter((name) => !covered.has(name));
  if (missing.length === 0) return 'all-classes';
  if (covered.size === 1) return 'positive-class';
  throw new DataError(
    `GAN-train: there are synthetic images of ${[...covered].join(', ')} but none of ${missing.join(', ')}; give a folder of every class, or only of '${dataset.positive}'`,
  );
}

interface Wanted {
  classes: readonly string[];
  realCounts: ReadonlyMap<string, number>;
  count: number | undefined;
}

/** @throws DataError naming the class of which there are too few, and the most that all of them allow */
function countsFor(
  dataset: Dataset,
  synthetic: readonly SyntheticFolder[],
  { classes, realCounts, count }: Wanted,
): Record<string, number> {
  const positives = realCounts.get(dataset.positive) ?? 0;
  if (positives === 0)
    throw new DataError(`${dataset.dir}: the training split has no image of '${dataset.positive}'`);
  const ratio = (name: string): number => realCounts.get(name)! / positives;
  const wanted = (name: string): number => Math.max(1, Math.round((count ?? positives) * ratio(name)));
  const held = (name: string): number =>
    synthetic.filter((set) => set.class === name).reduce((sum, { files }) => sum + files.length, 0);
  const short = classes.find((name) => held(name) < wanted(name));
  if (short !== undefined) {
    const most = Math.min(...classes.map((name) => Math.floor(held(name) / ratio(name))));
    const why = count === undefined ? ', as many as the training split has' : '';
    const less = most > 0 ? `, or take fewer with --count ${most}` : '';
    throw new DataError(
      `there are ${held(short)} synthetic images of '${short}', but GAN-train takes ${wanted(short)}${why}; make more with \`graft generator sample --count ${wanted(short)}\`${less}`,
    );
  }
  return Object.fromEntries(classes.map((name) => [name, wanted(name)]));
}

function hashOf(sets: readonly SyntheticFolder[]): string {
  const hash = createHash('sha256');
  for (const { images, class: name } of sets) {
    hash.update(`${name} ${images.shape.join(' ')}\n`).update(images.toArray() as Uint8Array);
  }
  return hash.digest('hex');
}
