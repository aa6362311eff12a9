/**
 * Exact nearest neighbours among features:
 *
 * 1. A matrix product in float32 gives each pair a lower and an upper bound of its distance (`distance-bounds.ts`). The
 *    k + 8 lowest of a query are kept (`lowest-bounds.ts`).
 * 2. k of them are certainly no farther than the k-th of the upper bounds. Those whose lower bound is beyond it are out;
 *    the others' distances are computed in float64, from differences: a copy is at exactly 0.
 * 3. If the k-th of these is below the last bound that was kept, then no candidate left out can be nearer, and the row
 *    is done. Else (a crowd of near copies) the query is compared with every candidate, by differences.
 */

import { aten, cat, full, noGrad, type Tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { blocks } from './blocks.js';
import { LEAST_BOUND, type Placed, placeSets, type Space, tiles, upperBounds } from './distance-bounds.js';
import { type DistanceMetric, distancesToAll, pairDistances } from './exact-distances.js';
import { requireFeatureSet, requireSameLength } from './features.js';
import { type LowestBounds, lowestBounds } from './lowest-bounds.js';

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

/** Candidates kept beyond k: with fewer, more rows miss their proof; more make the search for the lowest dearer. */
const SPARE = 8;
/**
 * The k nearest candidates of each query. Beside the features themselves it needs one copy of them in float32 and
 * blocks of at most 64 MiB. Computed on the queries' device (MPS has no float64: there on the CPU).
 *
 * @param queries features [N ≥ 1, D] of any floating type
 * @param candidates features [M ≥ 1, D]; the same tensor as `queries` takes half the time
 * @throws DataError if a set is empty or not finite, the lengths differ, there are fewer than k candidates, or a
 *   vector has no direction (cosine)
 */
export function nearestNeighbours(
  queries: Tensor,
  candidates: Tensor,
  options: NeighbourOptions,
): Neighbours {
  const { k, metric = 'euclidean', excludeSelf = false } = options;
  requireFeatureSet('nearest neighbours', queries, { which: 'query', least: 1 });
  requireFeatureSet('nearest neighbours', candidates, { which: 'candidate', least: 1 });
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
      const one = queries === candidates;
      const { space, placed } = placeSets(one ? [candidates] : [candidates, queries], metric);
      const sides = { queries: placed.at(-1)!, candidates: placed[0]! };
      const found = searchPlaced({ space, ...sides, k, excludeSelf });
      return {
        indices: found.indices.to({ dtype: 'int32' }).toArray() as Int32Array,
        distances: found.distances.toArray() as Float64Array,
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

/** Of sets that were placed; the same object twice for a set against itself. */
export interface Search {
  space: Space;
  queries: Placed;
  candidates: Placed;
  k: number;
  excludeSelf: boolean;
}

/** Ordered as `Neighbours`. */
export interface Found {
  /** int64 [N, k] */
  indices: Tensor;
  /** float64 [N, k] */
  distances: Tensor;
}

/** `nearestNeighbours` of sets that are ready: nothing is checked. */
export function searchPlaced(search: Search): Found {
  const { queries, candidates, k, excludeSelf } = search;
  return tidy(() => {
    const [count, all] = [queries, candidates].map(({ features }) => features.shape[0]!) as [number, number];
    const kept = Math.min(k + SPARE, all - (excludeSelf ? 1 : 0));
    const lowest = lowestBounds(queries.side, candidates.side, { kept, excludeSelf });
    const parts = tiles(count).map(([start, rows]) => tidy(() => settle(search, lowest, [start, rows])));
    return {
      indices: cat(parts.map((part) => part.indices)),
      distances: cat(parts.map((part) => part.distances)),
    };
  });
}

/** Exact neighbours of some of the queries, from their lowest bounds. */
function settle(search: Search, lowest: LowestBounds, place: readonly [start: number, rows: number]): Found {
  const { space, queries, candidates, k, excludeSelf } = search;
  const [bounds, chosen] = [lowest.bounds, lowest.indices].map((it) => it.narrow(0, ...place)) as [
    Tensor,
    Tensor,
  ];
  const found = nearestOfChosen(search, { bounds, chosen }, place);
  const kept = chosen.shape[1]!;
  if (kept === candidates.features.shape[0]! - (excludeSelf ? 1 : 0)) return found;

  // What is left out is at least as far as the last bound.
  const reach = found.distances.select(1, k - 1).div(space.unit);
  const squaredReach = space.metric === 'cosine' ? reach.mul(2).div(space.unit) : reach.square();
  const proven = bounds.select(1, kept - 1).gt(squaredReach.clamp({ min: LEAST_BOUND }));
  const open = aten.nonzero(proven.eq(0)).squeeze(1); // [open rows]
  if (open.numel === 0) return found;
  const sets = { queries: queries.features, candidates: candidates.features, metric: space.metric, k };
  const compared = blocks(open.numel, 5 * 8 * candidates.features.shape[0]!).map(([from, count]) =>
    tidy(() => compareWithAll(sets, open.narrow(0, from, count).add(place[0]), excludeSelf)),
  );
  return {
    indices: aten.index_copy(found.indices, 0, open, cat(compared.map((it) => it.indices))),
    distances: aten.index_copy(found.distances, 0, open, cat(compared.map((it) => it.distances))),
  };
}

/** Exact neighbours among the candidates that were kept: `chosen` and their lower bounds, [rows, kept]. */
function nearestOfChosen(
  { space, queries, candidates, k }: Search,
  { bounds, chosen }: { bounds: Tensor; chosen: Tensor },
  [start, rows]: readonly [start: number, rows: number],
): Found {
  // By index first, so that a stable sort by distance leaves ties in that order.
  const [byIndex, order] = aten.sort(chosen);
  const low = aten.gather(bounds, 1, order);
  const high = upperBounds(space, low, {
    a: queries.side.squares.narrow(0, start, rows).unsqueeze(1),
    b: aten.take(candidates.side.squares, byIndex),
  });
  const [lowestHigh] = aten.topk(high, k, 1, false);
  const within = lowestHigh.narrow(1, k - 1, 1).clamp({ min: LEAST_BOUND });
  const [row, slot] = aten.unbind.int(aten.nonzero(low.le(within)), 1) as [Tensor, Tensor];
  const exact = pairDistances(queries.features, candidates.features, {
    first: row.add(start),
    second: aten.index.Tensor(byIndex, [row, slot]),
    metric: space.metric,
  });
  const distances = full(low.shape, Number.POSITIVE_INFINITY, { dtype: 'float64', device: low.device });
  const best = nearest(aten.index_put_(distances, [row, slot], exact), k);
  return { indices: aten.gather(byIndex, 1, best.indices), distances: best.distances };
}

/** @param which rows of the queries, int64 [rows] */
function compareWithAll(
  sets: { queries: Tensor; candidates: Tensor; metric: DistanceMetric; k: number },
  which: Tensor,
  excludeSelf: boolean,
): Found {
  const { queries, candidates, metric, k } = sets;
  const all = distancesToAll(queries.indexSelect(0, which), candidates, metric);
  if (excludeSelf) aten.scatter_.value(all, 1, which.unsqueeze(1), Number.POSITIVE_INFINITY);
  const [chosen] = aten.sort(nearest(all, k).indices);
  // Once more, to the digit that any other pair would get.
  const first = which.unsqueeze(1).expand(chosen.shape).flatten();
  const exact = pairDistances(queries, candidates, { first, second: chosen.flatten(), metric });
  const best = nearest(exact.view(chosen.shape), k);
  return { indices: aten.gather(chosen, 1, best.indices), distances: best.distances };
}

/** @returns positions in the row and distances of the k nearest, [rows, k]; ties in the order of the row */
function nearest(distances: Tensor, k: number): Found {
  const [sorted, order] = aten.sort.stable(distances, { stable: true, dim: 1 });
  return { indices: order.narrow(1, 0, k).clone(), distances: sorted.narrow(1, 0, k).clone() };
}
