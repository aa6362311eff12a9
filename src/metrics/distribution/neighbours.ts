/**
 * Exact nearest neighbours among features, in blocks:
 *
 * 1. A matrix product in float32 gives each pair a lower bound of its distance (`distance-bounds.ts`). The k + 8
 *    lowest of a query are kept.
 * 2. Their distances are computed anew in float64, from differences: a copy is at exactly 0.
 * 3. If the k-th of them is below the last bound that was kept, then no candidate left out can be nearer, and the row
 *    is done. Else (a crowd of near copies) the query is compared with every candidate, by differences.
 */
import { DataError } from '../../errors.js';
import { aten, cat, noGrad, type Tensor, tidy } from '../../torch/index.js';
import {
  blocks,
  type DistanceMetric,
  exactDevice,
  exactRows,
  LEAST_BOUND,
  lowerBounds,
  makeSide,
  makeSpace,
  type Side,
  type Space,
  toDistance,
} from './distance-bounds.js';
import { requireFeatureSet, requireSameLength } from './features.js';

export interface NeighbourOptions {
  /** How many neighbours of each query. */
  k: number;
  /** Default euclidean. Cosine distance is 1 − cos, 0…2. */
  metric?: DistanceMetric;
  /** Row i of both sets is one image, which is no neighbour of its own. Default false. */
  excludeSelf?: boolean;
}

/** Both N·k long, a row a query, the nearest first; of equal distances the lower index. */
export interface Neighbours {
  /** Rows of the candidates. */
  indices: Int32Array;
  distances: Float64Array;
}

/** Candidates kept beyond k: with fewer, more rows miss their proof; more make the exact distances dearer. */
const SPARE = 8;
/** `cdist`'s compute mode that takes differences. */
const WITHOUT_MATRIX_PRODUCT = 2;

/**
 * The k nearest candidates of each query. Beside the features themselves it needs one copy of the candidates in
 * float32 and blocks of about 64 MiB. Computed on the queries' device (MPS has no float64: there on the CPU).
 *
 * @param queries features [N ≥ 1, D] of any floating type
 * @param candidates features [M ≥ 1, D]
 * @throws DataError if a set is empty or not finite, the lengths differ, there are fewer than k candidates, or a
 *   vector has no direction (cosine)
 */
export function nearestNeighbours(
  queries: Tensor,
  candidates: Tensor,
  options: NeighbourOptions,
): Neighbours {
  const { k, metric = 'euclidean', excludeSelf = false } = options;
  requireFeatureSet('nearest neighbours', 'query', queries, 1);
  requireFeatureSet('nearest neighbours', 'candidate', candidates, 1);
  requireSameLength('nearest neighbours', queries, candidates);
  const [count, others] = [queries.shape[0]!, candidates.shape[0]! - (excludeSelf ? 1 : 0)];
  if (excludeSelf && count !== candidates.shape[0]) {
    throw new DataError(
      `nearest neighbours: ${count} queries and ${candidates.shape[0]} candidates are not the same images: leave excludeSelf out`,
    );
  }
  if (!Number.isInteger(k) || k < 1 || k > others) {
    throw new DataError(
      `nearest neighbours: k = ${k} with ${others} candidates for each image: use a k of 1…${others}, or more images`,
    );
  }
  return tidy(() =>
    noGrad(() => {
      const device = exactDevice(queries);
      const source = queries.detach().to({ device });
      const target = candidates.detach().to({ device });
      const space = makeSpace([target, source], metric);
      const search = { space, candidates: target, side: makeSide(space, target), k };
      const found = blocks(count, 3 * 4 * candidates.shape[0]!).map(([start, rows]) =>
        tidy(() => neighboursOfBlock(search, source.narrow(0, start, rows), excludeSelf ? start : undefined)),
      );
      return {
        indices: cat(found.map((block) => block.indices))
          .to({ dtype: 'int32' })
          .toArray() as Int32Array,
        distances: cat(found.map((block) => block.distances)).toArray() as Float64Array,
      };
    }),
  );
}

/**
 * Distance of each image to its k-th nearest other image: the radii of the balls that stand for a set's manifold.
 *
 * @param features [N > k, D]
 * @returns N radii, from 0 (the image has k copies) up
 * @throws DataError as `nearestNeighbours`
 */
export function kthNeighbourRadii(features: Tensor, k: number): Float64Array {
  const { distances } = nearestNeighbours(features, features, { k, excludeSelf: true });
  return Float64Array.from({ length: features.shape[0]! }, (_, i) => distances[i * k + k - 1]!);
}

interface Search {
  space: Space;
  /** [M, D] */
  candidates: Tensor;
  side: Side;
  k: number;
}

interface Found {
  /** int64 [rows, k] */
  indices: Tensor;
  /** float64 [rows, k] */
  distances: Tensor;
}

/**
 * @param queries [rows, D]
 * @param self the candidate that is the first query's own image, if they are the same images
 */
function neighboursOfBlock(search: Search, queries: Tensor, self: number | undefined): Found {
  const { space, candidates, side, k } = search;
  const others = candidates.shape[0]! - (self === undefined ? 0 : 1);
  const kept = Math.min(k + SPARE, others);
  const bounds = lowerBounds(makeSide(space, queries), side); // [rows, M]
  if (self !== undefined) aten.diagonal(bounds, self).fill_(Number.POSITIVE_INFINITY);
  const [lowest, chosen] = aten.topk(bounds, kept, 1, false);
  // By index first, so that a stable sort by distance leaves ties in that order.
  const [byIndex] = aten.sort(chosen);
  const best = nearest(distancesToChosen(search, queries, byIndex), k);
  const found = { indices: aten.gather(byIndex, 1, best.indices), distances: best.distances };
  if (kept === others) return found;

  // What is left out is at least as far as the last bound.
  const reach = best.distances.select(1, k - 1).div(space.unit);
  const squaredReach = space.metric === 'cosine' ? reach.mul(2).div(space.unit) : reach.square();
  const proven = lowest.select(1, kept - 1).gt(squaredReach.clamp({ min: LEAST_BOUND }));
  const open = aten.nonzero(proven.eq(0)).squeeze(1); // [open rows]
  if (open.numel === 0) return found;
  const compared = blocks(open.numel, 5 * 8 * candidates.shape[0]!).map(([start, rows]) =>
    tidy(() => {
      const which = open.narrow(0, start, rows);
      const all = distancesToAll(search, queries.indexSelect(0, which));
      if (self !== undefined) {
        aten.scatter_.value(all, 1, which.add(self).unsqueeze(1), Number.POSITIVE_INFINITY);
      }
      return nearest(all, k);
    }),
  );
  return {
    indices: aten.index_copy(found.indices, 0, open, cat(compared.map((it) => it.indices))),
    distances: aten.index_copy(found.distances, 0, open, cat(compared.map((it) => it.distances))),
  };
}

/** @returns positions in the row and distances of the k nearest, [rows, k]; ties in the order of the row */
function nearest(distances: Tensor, k: number): Found {
  const [sorted, order] = aten.sort.stable(distances, { stable: true, dim: 1 });
  return { indices: order.narrow(1, 0, k).clone(), distances: sorted.narrow(1, 0, k).clone() };
}

/** @returns distances of each query to its own candidates, float64 [rows, kept] */
function distancesToChosen({ space, candidates }: Search, queries: Tensor, chosen: Tensor): Tensor {
  const [rows, kept] = chosen.shape as [number, number];
  const parts = blocks(rows, 4 * 8 * kept * queries.shape[1]!).map(([start, part]) =>
    tidy(() => {
      const picked = candidates.indexSelect(0, chosen.narrow(0, start, part).flatten());
      const from = exactRows(queries.narrow(0, start, part), space.metric).unsqueeze(1);
      const to = exactRows(picked, space.metric).view([part, kept, -1]);
      return toDistance(to.sub(from).square().sum([2]), space.metric);
    }),
  );
  return cat(parts);
}

/** @returns distances of each query to every candidate, float64 [rows, M] */
function distancesToAll({ space, candidates }: Search, queries: Tensor): Tensor {
  const [count, size] = candidates.shape as [number, number];
  const from = exactRows(queries, space.metric);
  const parts = blocks(count, 3 * 8 * size).map(([start, part]) =>
    tidy(() => {
      const to = exactRows(candidates.narrow(0, start, part), space.metric);
      const euclidean = aten.cdist(from, to, 2, WITHOUT_MATRIX_PRODUCT);
      return space.metric === 'cosine' ? euclidean.square().div(2) : euclidean;
    }),
  );
  return cat(parts, 1);
}
