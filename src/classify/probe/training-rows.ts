/** The rows that a probe is fitted to: training images, real and synthetic, as features of the views that it is shown. */
import { aten, cat, dispose, keep, type Tensor, tensor, tidy, zeros } from 'graft-torch';
import { Random, sha256 } from 'graft-torch/base';
import type { PixelCache } from '../../data/pixels/index.js';
import type { ClassifierRecipe } from '../config.js';
import type { OwnAugmentation } from '../own.js';
import type { SyntheticImages, TrainingPlan } from '../training-set.js';
import type { EmbeddedImages, Embedder } from './embed.js';
import { meanOf, trainingViews, type View } from './views.js';

/** What is trained on, beside the recipe. */
interface Given {
  cache: PixelCache;
  synthetic?: readonly SyntheticImages[] | undefined;
  augmentation?: OwnAugmentation | undefined;
}

/** Training images and their features. */
export interface TrainingRows {
  /** float32 `[n, D]`. */
  features: Tensor;
  labels: number[];
  groups: string[];
  /** Rows that are scored out of fold: real ones. */
  scored: boolean[];
}

/** What every training image is looked at as; null where the seed draws views for each. */
export function trainingView(recipe: ClassifierRecipe, { augmentation }: Given): View | null {
  const pool = trainingViews(recipe, augmentation);
  return recipe.probe.views >= pool.length ? meanOf(pool) : null;
}

/**
 * Of each training image, the mean of the features of the views that the seed draws for it. One row an image: on real data
 * that is better than a row a view, and the fit takes a part of the time (docs/experiments.md).
 * @param from.known features of the real ones, from a row on, where they are there
 */
export async function trainingRows(
  embedder: Embedder,
  recipe: ClassifierRecipe,
  from: {
    real: EmbeddedImages;
    plan: TrainingPlan;
    options: Given;
    known: { from: Tensor; at: number } | null;
  },
): Promise<TrainingRows> {
  const { real, plan, options, known } = from;
  const { cache, synthetic = [] } = options;
  const sources: { images: EmbeddedImages; rows: readonly number[] }[] = [
    { images: real, rows: plan.real },
    ...synthetic.map(({ images }) => ({
      images: { images, names: namesOf(images), conditions: real.conditions },
      rows: Array.from({ length: images.shape[0]! }, (_, i) => i),
    })),
  ];
  const view = trainingView(recipe, options);
  const parts: Tensor[] = [];
  try {
    let first = 0; // place of a source's first image among all
    for (const { images, rows } of sources) {
      if (rows.length === 0) continue;
      if (known && images === real) parts.push(keep(known.from.narrow(0, known.at, rows.length)));
      else if (view) parts.push(await embedder.features(images, rows, view));
      else parts.push(await drawnFeatures(embedder, recipe, { images, rows, first, options }));
      first += rows.length;
    }
    return {
      features: keep(tidy(() => cat(parts))),
      labels: [...plan.real.map((row) => plan.realLabels[row]!), ...plan.syntheticLabels],
      groups: [
        ...plan.real.map((row) => cache.rows[row]!.group),
        ...plan.syntheticLabels.map((_, i) => `synthetic image ${i}`),
      ],
      scored: [...plan.real.map(() => true), ...plan.syntheticLabels.map(() => false)],
    };
  } finally {
    dispose(parts);
  }
}

/**
 * Means over views that are drawn for each image.
 * @param of.first place of the first image among all training images
 */
async function drawnFeatures(
  embedder: Embedder,
  recipe: ClassifierRecipe,
  of: { images: EmbeddedImages; rows: readonly number[]; first: number; options: Given },
): Promise<Tensor> {
  const { images, rows, first, options } = of;
  const pool = trainingViews(recipe, options.augmentation);
  const { views } = recipe.probe;
  const random = new Random(recipe.seed).fork('probe views');
  const drawn = rows.map((_, i) => drawViews(random.fork(first + i), pool.length, views));
  let sum: Tensor | null = null;
  try {
    for (const [index, view] of pool.entries()) {
      const seen = rows.flatMap((_, i) => (drawn[i]!.includes(index) ? [i] : []));
      if (seen.length === 0) continue;
      const features = await embedder.features(
        images,
        seen.map((i) => rows[i]!),
        view,
      );
      tidy(() => {
        const whole = [rows.length, features.shape[1]!];
        sum ??= keep(zeros(whole));
        sum.add_(
          aten.index_copy_(zeros(whole), 0, tensor(seen, [seen.length], { dtype: 'int64' }), features),
        );
      });
      features.dispose();
    }
    tidy(() => void sum!.div_(views));
    return sum!;
  } catch (error) {
    (sum as Tensor | null)?.dispose();
    throw error;
  }
}

/** Some of the views, ascending. */
function drawViews(random: Random, pool: number, views: number): number[] {
  const all = Array.from({ length: pool }, (_, i) => i);
  for (let i = 0; i < views; i++) {
    const other = i + random.int(pool - i);
    [all[i], all[other]] = [all[other]!, all[i]!];
  }
  return all.slice(0, views).sort((a, b) => a - b);
}

/** SHA-256 of each image's pixels. @param images uint8 `[M, C, H, W]` */
function namesOf(images: Tensor): string[] {
  const [count, ...rest] = images.shape as [number, ...number[]];
  const bytes = images.toArray() as Uint8Array;
  const size = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, i) => sha256(bytes.subarray(i * size, (i + 1) * size)));
}
