/**
 * Bounds of the distances of all pairs, by one matrix product in float32, so that few pairs need an exact distance:
 *
 *   ‖a − b‖² ≥ (1 − δ)(‖a‖² + ‖b‖²) − 2 aᵀb,  δ (‖a‖² + ‖b‖²) ≥ what rounding can have added or taken
 *
 * δ is the worst case of a sum of D products in any order: Higham, "Accuracy and Stability of Numerical Algorithms",
 * 2002, section 3.1; here with a few roundings more. Vectors are taken around a common centre, which makes ‖a‖² + ‖b‖²
 * small, and in units of their largest coordinate, so that no square leaves float32's range. Distances that count are
 * then computed in float64 (`exact-distances.ts`).
 */
import { aten, cat, empty, type Tensor, tidy } from 'graft-torch';
import { blocks, CACHE_BYTES } from './blocks.js';
import { type DistanceMetric, exactDevice, exactRows } from './exact-distances.js';

/** Unit roundoff of float32. */
const ROUNDOFF = 2 ** -24;
/** Below this a bound may have lost its digits to float32's least exponent, and proves nothing. */
export const LEAST_BOUND = 1e-30;
/** Rows and columns of a tile of the matrix of all pairs: large enough for a fast product, small enough for caches. */
const TILE_ROWS = 1024;

/** One metric, centre and unit for the sets that are compared. */
export interface Space {
  metric: DistanceMetric;
  /** float64 [1, D] */
  centre: Tensor;
  /** Length of the unit that bounds are in. */
  unit: number;
  /** δ */
  slack: number;
}

/** Vectors of a space, for the matrix product. */
export interface Side {
  /** Around the centre, in the space's unit, float32 [N, D]. */
  centred: Tensor;
  /** (1 − δ) ‖·‖², float32 [N]. */
  squares: Tensor;
}

/** A set in a space. */
export interface Placed {
  /** As given, on a device with float64, [N, D]. */
  features: Tensor;
  side: Side;
}

/**
 * Makes sets ready for bounds: takes a float32 copy of each.
 *
 * @param sets [Nᵢ, D]; the centre is the first one's mean
 * @throws DataError if a vector has no direction (cosine)
 */
export function placeSets(
  sets: readonly Tensor[],
  metric: DistanceMetric,
): { space: Space; placed: Placed[] } {
  const device = exactDevice(sets[0]!);
  const all = sets.map((set) => set.detach().to({ device }));
  const space = makeSpace(all, metric);
  return { space, placed: all.map((features) => ({ features, side: makeSide(space, features) })) };
}

function makeSpace(sets: readonly Tensor[], metric: DistanceMetric): Space {
  const [first] = sets as [Tensor];
  const [count, size] = first.shape as [number, number];
  return tidy(() => {
    const overParts = <T>(set: Tensor, body: (rows: Tensor) => T): T[] =>
      partsOf(set).map(([start, rows]) => tidy(() => body(exactRows(set.narrow(0, start, rows), metric))));
    const sums = overParts(first, (rows) => rows.sum([0], true));
    const centre = cat(sums).sum([0], true).div(count);
    const largest = (set: Tensor) => overParts(set, (rows) => aten.abs_(rows.sub(centre)).amax().item());
    const unit = Math.max(...sets.flatMap(largest));
    return { metric, centre, unit: unit || 1, slack: (size + 16) * ROUNDOFF };
  });
}

function makeSide(space: Space, features: Tensor): Side {
  const [count, size] = features.shape as [number, number];
  const { device } = features;
  const side = { centred: empty([count, size], { device }), squares: empty([count], { device }) };
  for (const [start, rows] of partsOf(features)) {
    tidy(() => {
      const part = exactRows(features.narrow(0, start, rows), space.metric)
        .sub(space.centre)
        .div_(space.unit);
      side.centred.narrow(0, start, rows).copy_(part);
      side.squares.narrow(0, start, rows).copy_(
        part
          .mul_(part)
          .sum([1])
          .mul_(1 - space.slack),
      );
    });
  }
  return side;
}

/** [start, rows] of the tiles along one side of the matrix of all pairs. */
export const tiles = (count: number): [start: number, rows: number][] => blocks(count, 1, TILE_ROWS);

/** Views of consecutive rows. */
export const partOf = ({ centred, squares }: Side, start: number, rows: number): Side => ({
  centred: centred.narrow(0, start, rows),
  squares: squares.narrow(0, start, rows),
});

/**
 * @param a [N, D]
 * @param b [M, D]
 * @returns at most the squared Euclidean distances, in the square of the space's unit, float32 [N, M]
 */
export const lowerBounds = (a: Side, b: Side): Tensor =>
  tidy(() => aten.addmm(b.squares, a.centred, b.centred.t(), { alpha: -2 }).add_(a.squares.unsqueeze(1)));

/**
 * @param low lower bounds [N, M]
 * @param a squares of the rows, [N, 1]
 * @param b squares of the columns, [M] or [N, M]
 * @returns at least the squared distances
 */
export function upperBounds({ slack }: Space, low: Tensor, { a, b }: { a: Tensor; b: Tensor }): Tensor {
  // 2 δ (‖a‖² + ‖b‖²) higher.
  const width = (2 * slack) / (1 - slack);
  return low.add(b, width).add_(a, width);
}

/** [start, rows] of a set's blocks, small enough for three copies in float64. */
const partsOf = (features: Tensor): [start: number, rows: number][] =>
  blocks(features.shape[0]!, 3 * 8 * features.shape[1]!, CACHE_BYTES);
