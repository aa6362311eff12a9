/**
 * Full-reference metrics between two sets of images: mean, spread, N and interval of each, beside the same for
 * real against other real images, for synthetic ones among themselves, and the protocol that was followed. Without that
 * null the figures are not readable: any two real lesions score about what the original system published for its GANs.
 */

import { type Device, noGrad, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import type { FullReferenceMetric } from '../full-reference/metric.js';
import { FULL_REFERENCE_METRICS } from '../registry.js';
import { hashPixels, type ImageSet, imageName, type Stretch, toFloats } from './image-set.js';
import {
  PAIRINGS,
  type Pairing,
  type Pairs,
  pairByIndex,
  pairHalves,
  pairInOrder,
  pairNearest,
} from './pairing.js';
import type { MetricRecord } from './record.js';
import { REPLICATES, type Summary, summarise } from './summarise.js';

export interface ImageMetricOptions {
  /** Decides pairs and bootstrap, default 0. */
  seed?: number;
  /** At most so many pairs; default all. */
  limit?: number;
  /** Default `random`. */
  pairing?: Pairing;
  stretch?: Stretch;
  /** Default: every one that fits the images' size. */
  metrics?: readonly FullReferenceMetric[];
  /** Images on the device at once, default 64. */
  batchSize?: number;
  device?: Device;
  /** Goes into every record: what decides the pixels, such as the resizer. */
  protocol?: MetricRecord['protocol'];
  /** Label that the sets bear. */
  class?: string | null;
  /** Called after each batch with how many pairs are done, of how many. */
  onProgress?: (done: number, total: number) => void;
}

/** A metric's scores, one a pair. */
export type Scores = Record<string, Float64Array>;

/** Pairs of one kind with what they score. */
export interface ScoredPairs extends Pairs {
  scores: Scores;
}

export interface ImageMetricReport {
  /** One a metric, in the order of the original's table. */
  records: MetricRecord[];
  /** Synthetic against other synthetic images: higher likeness than between real ones means less variety. */
  diversity: Record<string, Summary>;
  /** Every pair, for figures. `null` with fewer than two images of a kind. */
  pairs: { synthetic: ScoredPairs; realNull: ScoredPairs | null; diversity: ScoredPairs | null };
}

/**
 * Compares a synthetic with a real set.
 *
 * @throws DataError if a set is empty, sizes differ, or images are too small for a metric that was asked for
 */
export function imageMetrics(
  real: ImageSet,
  synthetic: ImageSet,
  options: ImageMetricOptions = {},
): ImageMetricReport {
  const { seed = 0, limit, pairing = 'random', stretch = 'none', batchSize = 64, device = 'cpu' } = options;
  requireOneSize(real, synthetic);
  const metrics = chooseMetrics(synthetic, options.metrics);
  const pairs =
    pairing === 'random'
      ? pairByIndex({ real: real.n, synthetic: synthetic.n }, seed, limit)
      : pairing === 'index'
        ? pairInOrder(real.n, synthetic.n, limit)
        : pairNearest(real, synthetic, { seed, limit });
  const nullPairs =
    real.n < 2
      ? null
      : pairing === 'nearest'
        ? pairNearest(real, real, { seed, limit, excludeSelf: true })
        : pairHalves(real.n, seed, limit);
  const fakePairs = synthetic.n < 2 ? null : pairHalves(synthetic.n, seed, limit);
  const total = [pairs, nullPairs, fakePairs].reduce((sum, some) => sum + (some?.left.length ?? 0), 0);
  let done = 0;
  const score = (left: ImageSet, right: ImageSet, which: Pairs): ScoredPairs => ({
    ...which,
    scores: scorePairs([left, right], which, {
      ...{ metrics, batchSize, device, stretch },
      onBatch: (count) => {
        done += count;
        options.onProgress?.(done, total);
      },
    }),
  });
  const scored = {
    synthetic: score(real, synthetic, pairs),
    realNull: nullPairs && score(real, real, nullPairs),
    diversity: fakePairs && score(synthetic, synthetic, fakePairs),
  };
  const groupsOf = (set: ImageSet, { left }: Pairs): string[] | undefined =>
    set.groups && Array.from(left, (index) => set.groups![index]!);
  const reference = hashPixels(real);
  const records = metrics.map((metric): MetricRecord => {
    const { mean, sd, interval } = summarise(
      scored.synthetic.scores[metric.id]!,
      seed,
      groupsOf(real, scored.synthetic),
    );
    const floor =
      scored.realNull && summarise(scored.realNull.scores[metric.id]!, seed, groupsOf(real, scored.realNull));
    return {
      metric: metric.id,
      name: metric.name,
      unit: metric.unit ?? '',
      better: metric.higherIsBetter ? 'higher' : 'lower',
      class: options.class ?? null,
      value: mean,
      sd: Number.isFinite(sd) ? sd : null,
      interval: [...interval],
      floor: floor && { value: floor.mean, interval: [...floor.interval], matched: null },
      n: { real: real.n, synthetic: synthetic.n },
      protocol: {
        ...options.protocol,
        reference,
        widthPx: real.width,
        heightPx: real.height,
        pairing: PAIRINGS[pairing].pairs,
        null: PAIRINGS[pairing].null,
        stretch,
        values: 'RGB bytes / 255, float32',
        settings: metric.settings(Math.min(real.width, real.height)),
        interval: `95 %, percentile bootstrap of the mean over pairs, ${REPLICATES} replicates`,
        // With the nearest of many a pair is the more alike the more there are to choose from.
        ...(pairing === 'nearest' ? { realImages: real.n } : {}),
      },
    };
  });
  const diversity = Object.fromEntries(
    scored.diversity ? metrics.map(({ id }) => [id, summarise(scored.diversity!.scores[id]!, seed)]) : [],
  );
  return { records, diversity, pairs: scored };
}

function requireOneSize(real: ImageSet, synthetic: ImageSet): void {
  if (real.height === synthetic.height && real.width === synthetic.width) return;
  throw new DataError(
    `real images are ${real.width}×${real.height} pixels, synthetic ones ${synthetic.width}×${synthetic.height}: ` +
      'bring both to one size first',
  );
}

/** @throws DataError if one was asked for that the images are too small for, or none is left */
function chooseMetrics(
  set: ImageSet,
  asked: readonly FullReferenceMetric[] | undefined,
): readonly FullReferenceMetric[] {
  const side = Math.min(set.width, set.height);
  const fitting = (asked ?? FULL_REFERENCE_METRICS).filter((metric) => side >= metric.minSidePx);
  const [small] = (asked ?? []).filter((metric) => side < metric.minSidePx);
  if (small || fitting.length === 0) {
    const { name, minSidePx } = small ?? FULL_REFERENCE_METRICS[0]!;
    throw new DataError(
      `${imageName(set, 0)}: ${set.width}×${set.height} pixels are too few for ${name}, which needs ${minSidePx} a side: compare at ${minSidePx} px or more, or leave it out`,
    );
  }
  return fitting;
}

interface ScoreOptions {
  metrics: readonly FullReferenceMetric[];
  batchSize: number;
  device: Device;
  stretch: Stretch;
  onBatch: (pairs: number) => void;
}

/** @throws DataError naming the pair whose score is not finite */
function scorePairs(
  [left, right]: readonly [ImageSet, ImageSet],
  pairs: Pairs,
  options: ScoreOptions,
): Scores {
  const { metrics, batchSize, device, stretch, onBatch } = options;
  const n = pairs.left.length;
  const scores: Scores = Object.fromEntries(metrics.map(({ id }) => [id, new Float64Array(n)]));
  for (let from = 0; from < n; from += batchSize) {
    const to = Math.min(n, from + batchSize);
    tidy(() =>
      noGrad(() => {
        const x = toFloats(left, pairs.left.subarray(from, to), { stretch, device });
        const y = toFloats(right, pairs.right.subarray(from, to), { stretch, device });
        for (const metric of metrics) {
          const values = tidy(() => metric.score(x, y).toArray() as Float32Array);
          const wrong = values.findIndex((value) => !Number.isFinite(value));
          if (wrong >= 0) {
            throw new DataError(
              `${imageName(left, pairs.left[from + wrong]!)} and ${imageName(right, pairs.right[from + wrong]!)}: ${metric.name} is ${values[wrong]}`,
            );
          }
          scores[metric.id]!.set(values, from);
        }
      }),
    );
    onBatch(to - from);
  }
  return scores;
}
