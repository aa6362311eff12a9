/**
 * The filters of the policy `filtered`: an image must show its class (label-probe.ts) and must not come as near to a
 * training image as a copy does (nearness.ts).
 */

import { dispose, gatherRows, keep, type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import type { ChoiceLineage } from '../../data/lineage/index.js';
import type { FeatureExtractor } from '../../metrics/backbone/index.js';
import { rowsOf } from '../../metrics/distribution/index.js';
import { shrunken, shrunkenSymmetries } from '../../metrics/privacy/index.js';
import { fitProbe, type Probe, type ProbeQuality, probabilities, probeQuality } from './label-probe.js';
import { type BoundedSpace, boundSpace, featureSpace, nearnessTo, pictureSpace } from './nearness.js';
import { featuresOfRows, pixelBatches, type TrainingImages } from './training-images.js';

export interface FilterOptions {
  /** Least probability of the class, in (0, 1); classes are weighed alike. */
  agreement: number;
  /** Share of the training images that lie as near to one of another group, in (0, 0.5]. */
  quantile: number;
}

/** What one filter says of some images. */
export interface Verdicts {
  filter: 'label' | BoundedSpace['name'];
  rejected: boolean[];
  /** Probability of the class, or distance to the nearest training image. */
  values: Float64Array;
  /** Row in the dataset of the nearest training image; null of labels. */
  rows: number[] | null;
}

export interface Filters {
  quality: ProbeQuality;
  /**
   * @param pixels uint8 `[n, C, H, W]`
   * @param features `[n, D]` of the backbone that the filters were opened with
   */
  judge(pixels: Tensor, features: Tensor): Verdicts[];
  /** What the lineage says of them, but for what they rejected. */
  lineage(rejected: ReadonlyMap<string, number>): Pick<ChoiceLineage, 'label' | 'distances'>;
  dispose(): void;
}

/**
 * @throws DataError where the training split does not do: classes or groups are missing, or it has duplicates
 */
export async function openFilters(
  training: TrainingImages,
  extractor: FeatureExtractor,
  options: FilterOptions & { onProgress?: (done: number, total: number) => void },
): Promise<Filters> {
  const { agreement, quantile, onProgress } = options;
  const { learned, wanted, others } = training;
  const rows = [...new Set([...learned, ...wanted, ...others])].sort((a, b) => a - b);
  const features = await featuresOfRows(extractor, training, { rows, onProgress });
  try {
    const place = new Map(rows.map((row, i) => [row, i]));
    const of = (chosen: readonly number[]): Tensor =>
      rowsOf(
        features,
        chosen.map((row) => place.get(row)!),
      );
    const pictures = await picturesOf(training);
    try {
      const groupsOf = (chosen: readonly number[]): string[] =>
        chosen.map((row) => training.cache.rows[row]!.group);
      const { probe, spaces, quality } = tidy(() => {
        const sides = [...wanted, ...others];
        const targets = sides.map((_, i) => (i < wanted.length ? 1 : 0));
        const known = of(sides);
        const groups = groupsOf(learned);
        const own = of(learned);
        return keep({
          probe: fitProbe(known, targets),
          quality: probeQuality(known, targets, {
            groups: groupsOf(sides),
            threshold: agreement,
            // The same folds whatever images are drawn: how well classes are known does not hang on them.
            random: new Random(0).fork('folds'),
          }),
          spaces: [
            boundSpace(featureSpace(own), own, { groups, quantile }),
            boundSpace(pictures.space, pictures.queries, { groups, quantile }),
          ],
        });
      });
      return makeFilters({ training, probe, spaces, quality, options });
    } finally {
      pictures.queries.dispose();
    }
  } finally {
    features.dispose();
  }
}

/** Pictures of the images that were learned, batch by batch: their shrunken forms are all that is kept. */
async function picturesOf({ cache, learned }: TrainingImages): Promise<ReturnType<typeof pictureSpace>> {
  const batches: Tensor[] = [];
  try {
    for await (const pixels of pixelBatches(cache.images, learned)) {
      batches.push(keep(shrunkenSymmetries(pixels)));
      pixels.dispose();
    }
    return keep(pictureSpace(batches));
  } finally {
    dispose(batches);
  }
}

function makeFilters(parts: {
  training: TrainingImages;
  probe: Probe;
  spaces: BoundedSpace[];
  quality: ProbeQuality;
  options: FilterOptions;
}): Filters {
  const { training, probe, spaces, quality, options } = parts;
  const { agreement, quantile } = options;
  const { learned, wanted, others } = training;
  return {
    quality,
    judge: (pixels, features) =>
      tidy(() => {
        const values = probabilities(probe, features);
        const label: Verdicts = {
          filter: 'label',
          values,
          rejected: Array.from(values, (probability) => !(probability >= agreement)),
          rows: null,
        };
        const near = spaces.map((space): Verdicts => {
          const { distances, images } = nearnessTo(
            space,
            space.name === 'features' ? features : shrunken(pixels),
          );
          return {
            filter: space.name,
            values: distances,
            rejected: Array.from(distances, (distance) => distance <= space.threshold),
            rows: Array.from(images, (image) => learned[image]!),
          };
        });
        return [label, ...near];
      }),
    lineage: (rejected) => ({
      label: {
        threshold: agreement,
        images: [wanted.length, others.length],
        sensitivity: quality.sensitivity,
        specificity: quality.specificity,
        rejected: rejected.get('label') ?? 0,
      },
      distances: spaces.map(({ name, threshold }) => ({
        space: name,
        quantile,
        threshold,
        images: learned.length,
        rejected: rejected.get(name) ?? 0,
      })),
    }),
    dispose: () => {
      const { mean, deviation, weights } = probe;
      dispose([mean, deviation, weights, ...spaces.map(({ candidates }) => candidates)]);
    },
  };
}

/** A training image as bytes `[C, H, W]`. */
export async function trainingPixels({ cache }: TrainingImages, row: number): Promise<Uint8Array> {
  const pixels = await gatherRows(cache.images, [row]);
  try {
    return pixels.toArray() as Uint8Array;
  } finally {
    pixels.dispose();
  }
}
