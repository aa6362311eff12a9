/**
 * A set's manifold as a union of balls, one around each image, that reaches to its k-th nearest other image; and which
 * images of another set lie inside. The common ground of precision, recall, density and coverage. Distances must be
 * strictly below the radius, as in the published `prdc`: an image on the sphere is outside.
 *
 * A matrix product in float32 decides nearly every pair (`distance-bounds.ts`); those too close to a sphere to tell are
 * decided by differences in float64, as the radii are.
 */
import { aten, cat, noGrad, type Tensor, tensor, tidy, zeros } from '../../torch/index.js';
import {
  blocks,
  exactDevice,
  LEAST_BOUND,
  lowerBounds,
  makeSide,
  makeSpace,
  type Space,
} from './distance-bounds.js';

export interface Balls {
  /** Centres, features [N, D]. */
  features: Tensor;
  /** N radii (`kthNeighbourRadii`). */
  radii: Float64Array;
}

/** How often the balls of a set hold images of another. */
export interface Occupancy {
  /** For each ball, how many images it holds. */
  held: Float64Array;
  /** For each image, in how many balls it lies. */
  holders: Float64Array;
}

/**
 * Memory is that of a float32 copy of both sets and of blocks of about 64 MiB.
 *
 * @param balls N of them
 * @param images features [M, D]
 * @param back radii of balls around the images: the other way round comes from the same distances
 * @returns for `balls` and `images`; and for balls around `images` and the first set, if `back` was given
 */
export function occupancy(balls: Balls, images: Tensor): [Occupancy];
export function occupancy(balls: Balls, images: Tensor, back: Float64Array): [Occupancy, Occupancy];
export function occupancy(balls: Balls, images: Tensor, back?: Float64Array): Occupancy[] {
  return tidy(() =>
    noGrad(() => {
      const device = exactDevice(balls.features);
      const first = balls.features.detach().to({ device });
      const second = images.detach().to({ device });
      const space = makeSpace([first, second], 'euclidean');
      const side = makeSide(space, second);
      const [count, others] = [first.shape[0]!, second.shape[0]!];
      const radiiOf = (radii: Float64Array, shape: number[]) => tensor(radii, shape, { device });
      // A column a ball, or a row a ball: each broadcasts against [rows, M].
      const forth = radiiOf(balls.radii, [count, 1]);
      const returning = back ? [radiiOf(back, [1, others])] : [];
      const totals = [forth, ...returning].map(() => zeros([others], { dtype: 'int64', device }));
      const perRow = blocks(count, 5 * 4 * others).map(([start, rows]) =>
        tidy(() => {
          const part = first.narrow(0, start, rows);
          const pairs = boundPairs(space, { first: part, second }, side);
          return [forth.narrow(0, start, rows), ...returning].map((radii, which) => {
            const inside = insideOf(pairs, radii); // [rows, M]
            totals[which]!.add_(inside.sum([0]));
            return inside.sum([1]);
          });
        }),
      );
      return totals.map((total, which) => {
        const rowSums = toNumbers(cat(perRow.map((sums) => sums[which]!)));
        const columnSums = toNumbers(total);
        return which === 0 ? { held: rowSums, holders: columnSums } : { held: columnSums, holders: rowSums };
      });
    }),
  );
}

interface Pairs {
  space: Space;
  first: Tensor;
  second: Tensor;
  /** At most and at least the squared distances, in the space's unit, [rows, M]. */
  low: Tensor;
  high: Tensor;
}

function boundPairs(
  space: Space,
  { first, second }: Pick<Pairs, 'first' | 'second'>,
  side: ReturnType<typeof makeSide>,
): Pairs {
  const own = makeSide(space, first);
  const low = lowerBounds(own, side);
  // The bound from above is 2 δ (‖a‖² + ‖b‖²) higher.
  const width = (2 * space.slack) / (1 - space.slack);
  const high = low.add(side.squares, width).add_(own.squares.unsqueeze(1), width);
  return { space, first, second, low, high };
}

/** @returns bool [rows, M]: is the distance below the radius? */
function insideOf({ space, first, second, low, high }: Pairs, radii: Tensor): Tensor {
  const squared = radii.div(space.unit).square();
  const atMost = squared.clamp({ min: LEAST_BOUND }).float();
  const inside = aten.logical_and_(high.lt(squared.float()), squared.ge(LEAST_BOUND));
  const unsure = aten.logical_and_(low.lt(atMost), aten.logical_not(inside));
  const open = aten.nonzero(unsure); // [pairs, 2]
  if (open.shape[0] === 0) return inside;
  const size = first.shape[1]!;
  const decided = blocks(open.shape[0]!, 5 * 8 * size).map(([start, count]) =>
    tidy(() => {
      const [row, column] = [0, 1].map((i) => open.narrow(0, start, count).select(1, i)) as [Tensor, Tensor];
      const double = (rows: Tensor) => rows.to({ dtype: 'float64' });
      const difference = double(first.indexSelect(0, row)).sub(double(second.indexSelect(0, column)));
      const radius = aten.take(radii.expand(low.shape), row.mul(low.shape[1]!).add(column));
      return difference.square().sum([1]).sqrt().lt(radius);
    }),
  );
  // Both are in the order of rows.
  return aten.masked_scatter(inside, unsure, cat(decided));
}

const toNumbers = (counts: Tensor): Float64Array => counts.to({ dtype: 'float64' }).toArray() as Float64Array;
