/**
 * A set's manifold as a union of balls, one around each image, that reaches to its k-th nearest other image; and which
 * images of another set lie inside. The common ground of precision, recall, density and coverage: three passes over
 * pairs (each set by itself, which takes half of its matrix, and one against the other) give all of them, for any number
 * of k at once. Distances must be strictly below the radius, as in the published `prdc`: an image on the sphere is
 * outside.
 *
 * A matrix product in float32 decides nearly every pair (`distance-bounds.ts`); those too close to a sphere to tell are
 * decided by differences in float64, as the radii are.
 */
import { aten, full, noGrad, type Tensor, tidy, where, zeros } from 'graft-torch';
import {
  LEAST_BOUND,
  lowerBounds,
  type Placed,
  partOf,
  placeSets,
  type Space,
  tiles,
  upperBounds,
} from './distance-bounds.js';
import { pairDistances } from './exact-distances.js';
import { searchPlaced } from './neighbours.js';

/** How often the balls of a set hold images of another. */
export interface Occupancy {
  /** For each ball, how many images it holds. */
  held: Float64Array;
  /** For each image, in how many balls it lies. */
  holders: Float64Array;
}

/**
 * Memory is that of a float32 copy of both sets and of tiles of a few MiB.
 *
 * @param first features [N, D], of more rows than each k of `ks.first`
 * @param second features [M, D], of more rows than each k of `ks.second`
 * @param ks of the balls around the images of either set: one occupancy each, in that order
 * @returns `first`: of balls around the first set by images of the second; `second`: the other way round
 */
export function occupancies(
  first: Tensor,
  second: Tensor,
  ks: { first: readonly number[]; second: readonly number[] },
): { first: Occupancy[]; second: Occupancy[] } {
  return tidy(() =>
    noGrad(() => {
      const { space, placed } = placeSets([first, second], 'euclidean');
      const [a, b] = placed as [Placed, Placed];
      const counts = { rows: a.features.shape[0]!, columns: b.features.shape[0]! };
      const forth = radiiOf(space, a, ks.first).map((radii) =>
        ballsOf(space, radii, { along: 0, ...counts }),
      );
      const back = radiiOf(space, b, ks.second).map((radii) =>
        ballsOf(space, radii, { along: 1, ...counts }),
      );
      for (const [row, rows] of tiles(counts.rows)) {
        for (const [column, columns] of tiles(counts.columns)) {
          tidy(() => {
            const tile = boundTile(space, [a, b], [row, rows, column, columns]);
            for (const balls of [...forth, ...back]) count(balls, tile);
          });
        }
      }
      return {
        first: forth.map(({ perRow, perColumn }) => ({
          held: toNumbers(perRow),
          holders: toNumbers(perColumn),
        })),
        second: back.map(({ perRow, perColumn }) => ({
          held: toNumbers(perColumn),
          holders: toNumbers(perRow),
        })),
      };
    }),
  );
}

/** @returns distance of each image to its k-th nearest other one, float64 [N], for each k */
function radiiOf(space: Space, set: Placed, ks: readonly number[]): Tensor[] {
  if (ks.length === 0) return [];
  return tidy(() => {
    const search = { queries: set, candidates: set, k: Math.max(...ks), excludeSelf: true };
    const { distances } = searchPlaced({ space, ...search });
    return ks.map((k) => distances.select(1, k - 1).clone());
  });
}

interface Balls {
  /** The dimension of a tile that their set is along: 0, a row is a ball; 1, a column is a ball. */
  along: 0 | 1;
  /** float64 */
  radii: Tensor;
  /** A pair is inside if its upper bound is below this (squared, in the space's unit), float32. */
  inside: Tensor;
  /** A pair is outside unless its lower bound is below this. */
  possible: Tensor;
  /** Pairs inside, float64 [N] and [M]. */
  perRow: Tensor;
  perColumn: Tensor;
}

function ballsOf(
  space: Space,
  radii: Tensor,
  { along, rows, columns }: { along: 0 | 1; rows: number; columns: number },
): Balls {
  const { device } = radii;
  return tidy(() => {
    const squared = radii.div(space.unit).square();
    const never = full(squared.shape, Number.NEGATIVE_INFINITY, { dtype: 'float64', device });
    return {
      along,
      radii,
      inside: where(squared.ge(LEAST_BOUND), squared, never).float(),
      // Nothing is strictly inside a ball of radius 0.
      possible: where(radii.gt(0), squared.clamp({ min: LEAST_BOUND }), never).float(),
      perRow: zeros([rows], { dtype: 'float64', device }),
      perColumn: zeros([columns], { dtype: 'float64', device }),
    };
  });
}

interface Tile {
  space: Space;
  first: Tensor;
  second: Tensor;
  /** Its first row and column, and how many of each. */
  place: readonly [row: number, rows: number, column: number, columns: number];
  low: Tensor;
  high: Tensor;
}

function boundTile(space: Space, [first, second]: readonly [Placed, Placed], place: Tile['place']): Tile {
  const [row, rows, column, columns] = place;
  const [a, b] = [partOf(first.side, row, rows), partOf(second.side, column, columns)];
  const low = lowerBounds(a, b);
  const high = upperBounds(space, low, { a: a.squares.unsqueeze(1), b: b.squares });
  return { space, first: first.features, second: second.features, place, low, high };
}

/** Adds a tile's pairs inside to the counts. */
function count(balls: Balls, tile: Tile): void {
  const [row, rows, column, columns] = tile.place;
  tidy(() => {
    // Sums of a byte mask are far slower than those of floats, which are exact here.
    const inside = insideOf(balls, tile).float();
    balls.perRow.narrow(0, row, rows).add_(inside.sum([1]));
    balls.perColumn.narrow(0, column, columns).add_(inside.sum([0]));
  });
}

/** @returns bool [rows, columns]: is the distance below the radius? */
function insideOf({ along, radii, ...limits }: Balls, tile: Tile): Tensor {
  const { space, first, second, place, low, high } = tile;
  const [row, rows, column, columns] = place;
  const own = (values: Tensor): Tensor =>
    along === 0 ? values.narrow(0, row, rows).unsqueeze(1) : values.narrow(0, column, columns);
  const inside = high.lt(own(limits.inside));
  const unsure = low.lt(own(limits.possible)).ne(inside);
  const open = aten.nonzero(unsure); // [pairs, 2]
  if (open.shape[0] === 0) return inside;
  const [i, j] = aten.unbind.int(open, 1).map((index, dim) => index.add(dim === 0 ? row : column)) as [
    Tensor,
    Tensor,
  ];
  const distances = pairDistances(first, second, { first: i, second: j, metric: space.metric });
  // Both are in the order of rows.
  return aten.masked_scatter_(inside, unsure, distances.lt(radii.indexSelect(0, along === 0 ? i : j)));
}

const toNumbers = (counts: Tensor): Float64Array => counts.toArray() as Float64Array;
