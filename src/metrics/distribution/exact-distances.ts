/**
 * Distances in float64 from differences, a − b: a copy is at exactly 0, and a pair's distance is the same number wherever
 * it is computed. What is close in float32 (`distance-bounds.ts`) is decided by them.
 */

import { aten, cat, type Device, type Tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { blocks, CACHE_BYTES } from './blocks.js';

/** Cosine distance is 1 − cos, 0…2. */
export type DistanceMetric = 'euclidean' | 'cosine';

/** `cdist`'s compute mode that takes differences. */
const WITHOUT_MATRIX_PRODUCT = 2;

/** Where exact distances can be computed: MPS has no float64. */
export const exactDevice = ({ device }: Tensor): Device => (device.startsWith('mps') ? 'cpu' : device);

/**
 * Rows in float64, for cosine at unit length: of unit vectors half the squared distance is 1 − cos, and near 0 much
 * more exact. May be the rows themselves: do not change it in place.
 *
 * @throws DataError if a vector has no direction
 */
export function exactRows(rows: Tensor, metric: DistanceMetric): Tensor {
  const double = rows.to({ dtype: 'float64' }).contiguous();
  if (metric === 'euclidean') return double;
  const length = double.square().sum([1], true).sqrt();
  if (length.eq(0).any().item()) {
    throw new DataError(
      'nearest neighbours: a feature vector of zeros has no direction: use the euclidean metric, or leave it out',
    );
  }
  return double.div(length);
}

/**
 * @param first features [N, D]
 * @param second features [M, D]
 * @param pairs rows of `first` and of `second`, int64 [P ≥ 1] each
 * @returns distance of each pair, float64 [P]
 */
export function pairDistances(
  first: Tensor,
  second: Tensor,
  pairs: { first: Tensor; second: Tensor; metric: DistanceMetric },
): Tensor {
  const { metric } = pairs;
  const parts = blocks(pairs.first.shape[0]!, 3 * 8 * first.shape[1]!, CACHE_BYTES).map(([start, count]) =>
    tidy(() => {
      const rows = (set: Tensor, which: Tensor) =>
        exactRows(set.indexSelect(0, which.narrow(0, start, count)), metric);
      const difference = rows(first, pairs.first).sub(rows(second, pairs.second));
      const squared = difference.mul_(difference).sum([1]);
      return metric === 'cosine' ? squared.div(2) : squared.sqrt();
    }),
  );
  return cat(parts);
}

/**
 * The last digit of a distance may differ from that of `pairDistances`.
 *
 * @param queries [N, D]
 * @param candidates [M, D]
 * @returns distances of each query to every candidate, float64 [N, M]
 */
export function distancesToAll(queries: Tensor, candidates: Tensor, metric: DistanceMetric): Tensor {
  const [count, size] = candidates.shape as [number, number];
  const from = exactRows(queries, metric);
  const parts = blocks(count, 3 * 8 * size).map(([start, part]) =>
    tidy(() => {
      const to = exactRows(candidates.narrow(0, start, part), metric);
      const euclidean = aten.cdist(from, to, 2, WITHOUT_MATRIX_PRODUCT);
      return metric === 'cosine' ? euclidean.square().div(2) : euclidean;
    }),
  );
  return cat(parts, 1);
}
