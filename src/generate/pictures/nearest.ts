/**
 * Does the generator repeat its training images? Each synthetic image beside the real ones that are nearest to it.
 *
 * Nearness in pixels finds copies, and nothing but copies (Theis, van den Oord, Bethge, "A note on the evaluation of
 * generative models", ICLR 2016, section 3.3); nearness of a network's features finds the same lesion moved or
 * recoloured. Neither proves originality. How near two *different* real images lie is the scale to read it by: over all
 * (a median), and where the synthetic image is. The latter is Alaa et al., "How Faithful is your Synthetic Data?", ICML
 * 2022: an image is no longer authentic where it lies nearer to a training image than any other training image does.
 */

import { aten, cat, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import { type GridOptions, gridPng } from '../../image/index.js';
import { enlargement, planar } from './generate.js';

/** Side in px at which pixels are compared: what is finer (hair, grain) is left out. */
export const COMPARED_SIDE_PX = 32;
/** Images whose features are held at once. */
const BATCH = 256;

/** uint8 `[N, C, H, W]` → float `[N, F]`. */
export type Features = (images: Tensor) => Tensor;

export interface Distance {
  /** As a report says it: 'root mean square difference of pixels at 32 px, grey levels'. */
  name: string;
  features: Features;
  /** `cosine`: 1 − cos, 0…2. `euclidean`: divided by √F, so that it does not grow with the number of features. */
  metric: 'euclidean' | 'cosine';
}

/** Root mean square difference in grey levels (0…255) after averaging down to 32 px. */
export const pixelDistance: Distance = {
  name: `root mean square difference of pixels at ${COMPARED_SIDE_PX} px, in grey levels`,
  features: (images) => F.adaptiveAvgPool2d(images.float(), COMPARED_SIDE_PX).flatten(1),
  metric: 'euclidean',
};

/** Of each query its nearest candidates, nearest first. */
export interface Neighbours {
  /** Rows of the candidates. */
  indices: number[][];
  distances: number[][];
}

export interface NearestOptions {
  /** Neighbours a query; default 5. */
  k?: number;
  /** Default {@link pixelDistance}. */
  distance?: Distance;
  /** Rows of `candidates` to search; default all. */
  rows?: readonly number[];
  /** For each query a row of `candidates` that is the query itself and does not count. */
  except?: readonly number[];
}

/**
 * The k nearest candidates of each query, by exhaustive search.
 *
 * @param queries uint8 `[N, C, H, W]`
 * @param candidates uint8 `[M, C, H, W]` on the CPU; may be memory-mapped, it is read in batches
 * @throws DataError where there are fewer candidates than neighbours; ConfigError where k is no positive integer
 */
export function nearestImages(queries: Tensor, candidates: Tensor, options: NearestOptions = {}): Neighbours {
  const { k = 5, distance = pixelDistance, except } = options;
  const rows = options.rows ?? Array.from({ length: candidates.shape[0]! }, (_, i) => i);
  if (!Number.isInteger(k) || k < 1) throw new ConfigError(`nearest images: k ${k}: expected 1 or more`);
  if (rows.length - (except ? 1 : 0) < k)
    throw new DataError(`nearest images: ${k} neighbours of ${rows.length} candidates; ask for fewer`);
  const found: Neighbours = { indices: [], distances: [] };
  tidy(() =>
    noGrad(() => {
      const parts: Tensor[] = [];
      const own = distance.features(queries);
      for (let from = 0; from < rows.length; from += BATCH) {
        parts.push(
          tidy(() => {
            const batch = pick(candidates, rows.slice(from, from + BATCH));
            return between(own, distance.features(batch), distance.metric);
          }),
        );
      }
      const all = cat(parts, 1).toArray(); // [N, M]
      for (let query = 0; query < queries.shape[0]!; query++) {
        const at = (column: number): number => Number(all[query * rows.length + column]);
        const order = rows
          .map((_, column) => column)
          .filter((column) => rows[column] !== except?.[query])
          .sort((a, b) => at(a) - at(b))
          .slice(0, k);
        found.indices.push(order.map((column) => rows[column]!));
        found.distances.push(order.map(at));
      }
    }),
  );
  return found;
}

/** Rows of images, in the order asked for. */
const pick = (images: Tensor, rows: readonly number[]): Tensor =>
  images.indexSelect(0, tensor(rows, [rows.length], { dtype: 'int64' }));

/** `[N, F]` and `[M, F]` → `[N, M]`. Differences are summed, not taken from a matrix product: a copy has distance 0. */
function between(a: Tensor, b: Tensor, metric: Distance['metric']): Tensor {
  if (metric === 'euclidean') return aten.cdist(a, b, 2, DIRECT).div(Math.sqrt(a.shape[1]!));
  const unit = (x: Tensor): Tensor => x.div(x.square().sum(1, true).sqrt().clamp({ min: 1e-12 }));
  // ‖p − q‖² = 2 (1 − cos) of unit vectors
  return aten.cdist(unit(a), unit(b), 2, DIRECT).square().mul(0.5);
}

/** `cdist`'s mode that never uses a matrix product. */
const DIRECT = 2;

/** How far each of these rows lies from the nearest other one, `besides[i]` left out. */
function nearestOther(
  of: readonly number[],
  images: Tensor,
  { besides, ...options }: NearestOptions & { besides?: readonly number[] },
): number[] {
  return tidy(() => {
    const { indices, distances } = nearestImages(pick(images, of), images, {
      ...options,
      k: besides ? 2 : 1,
      except: of,
    });
    return indices.map((own, i) => distances[i]![own[0] === besides?.[i] ? 1 : 0]!);
  });
}

/** How near real images come to each other: what a generated image's nearness is read by. */
export interface RealNearness {
  /** Median distance to the nearest other image. */
  median: number;
  /** Share of images that lie nearer to their nearest one than any third image does. */
  nearerShare: number;
}

/**
 * Each real image (of up to a hundred) is taken out and held against the rest, as if it were a synthetic one.
 * @throws DataError where there are fewer than three rows
 */
export function realNearness(
  images: Tensor,
  options: NearestOptions & { rows: readonly number[] },
): RealNearness {
  // A hundred images tell a median well enough; comparing each with each would take long.
  const step = Math.max(1, Math.floor(options.rows.length / 100));
  const chosen = options.rows.filter((_, i) => i % step === 0).slice(0, 100);
  const found = tidy(() => nearestImages(pick(images, chosen), images, { ...options, k: 1, except: chosen }));
  const distances = found.distances.map(([d]) => d!);
  const others = nearestOther(
    found.indices.map(([row]) => row!),
    images,
    { ...options, besides: chosen },
  );
  const sorted = distances.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return {
    median: (sorted[Math.floor(middle - 0.5)]! + sorted[Math.ceil(middle - 0.5)]!) / 2,
    nearerShare: distances.filter((d, i) => d < others[i]!).length / distances.length,
  };
}

export interface NearestGrid extends Neighbours {
  /** A row an image: the synthetic one, then its neighbours with their distances. */
  png: Buffer;
  /** Name of the distance. */
  distance: string;
  /** Queries that lie nearer to their nearest candidate than any other candidate does. */
  nearer: number;
  real: RealNearness;
}

/** @throws as {@link nearestImages} */
export async function nearestGrid(
  synthetic: Tensor,
  real: Tensor,
  options: NearestOptions & Pick<GridOptions, 'scale' | 'labelSizePx'> = {},
): Promise<NearestGrid> {
  const { distance = pixelDistance } = options;
  const rows = options.rows ?? Array.from({ length: real.shape[0]! }, (_, i) => i);
  const neighbours = nearestImages(synthetic, real, { ...options, rows });
  const ownNearest = nearestOther(
    neighbours.indices.map(([row]) => row!),
    real,
    { ...options, rows },
  );
  const k = neighbours.indices[0]?.length ?? 0;
  const images = tidy(() =>
    planar(cat(neighbours.indices.flatMap((own, i) => [synthetic.narrow(0, i, 1), pick(real, own)]))),
  );
  const digits = distance.metric === 'cosine' ? 3 : 1;
  const captions = neighbours.distances.flatMap((own) => ['', ...own.map((d) => d.toFixed(digits))]);
  const png = await gridPng(images, {
    columns: k + 1,
    columnTitles: ['generated', 'nearest', ...Array.from({ length: k - 1 }, (_, i) => ordinal(i + 2))],
    breakAfter: [0],
    captions,
    labelSizePx: options.labelSizePx,
    scale: options.scale ?? enlargement(images.width),
  });
  return {
    ...neighbours,
    png,
    distance: distance.name,
    nearer: neighbours.distances.filter(([d], i) => d! < ownNearest[i]!).length,
    real: realNearness(real, { ...options, rows }),
  };
}

const ordinal = (n: number): string =>
  `${n}${['th', 'st', 'nd', 'rd'][n % 10 > 3 || (n % 100) - (n % 10) === 10 ? 0 : n % 10]}`;
