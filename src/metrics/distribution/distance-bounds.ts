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
import { aten, cat, type Tensor, tidy } from '../../torch/index.js';
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
    const sums = partsOf(first).map((rows) => tidy(() => exactRows(rows, metric).sum([0], true)));
    const centre = cat(sums).sum([0], true).div(count);
    const unit = Math.max(
      ...sets
        .flatMap(partsOf)
        .map((rows) => tidy(() => aten.abs_(exactRows(rows, metric).sub(centre)).amax().item())),
    );
    return { metric, centre, unit: unit || 1, slack: (size + 16) * ROUNDOFF };
  });
}

function makeSide(space: Space, features: Tensor): Side {
  return tidy(() => {
    const parts = partsOf(features).map((rows) =>
      tidy(() => {
        const exact = exactRows(rows, space.metric).sub(space.centre).div_(space.unit);
        const centred = exact.float();
        return {
          centred,
          squares: exact
            .mul_(exact)
            .sum([1])
            .mul_(1 - space.slack)
            .float(),
        };
      }),
    );
    return { centred: cat(parts.map((it) => it.centred)), squares: cat(parts.map((it) => it.squares)) };
  });
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

/** Views of a set's rows, few enough for three copies in float64. */
const partsOf = (features: Tensor): Tensor[] =>
  blocks(features.shape[0]!, 3 * 8 * features.shape[1]!, CACHE_BYTES).map(([start, rows]) =>
    features.narrow(0, start, rows),
  );
