/**
 * Lower bounds of the distances of all pairs, by one matrix product in float32, so that most pairs need no exact
 * distance:
 *
 *   ‖a − b‖² ≥ (1 − δ)(‖a‖² + ‖b‖²) − 2 aᵀb,  δ (‖a‖² + ‖b‖²) ≥ what rounding can have added or taken
 *
 * δ is the worst case of a sum of D products in any order: Higham, "Accuracy and Stability of Numerical Algorithms",
 * 2002, section 3.1; here with a few roundings more. Vectors are taken around a common centre, which makes ‖a‖² + ‖b‖²
 * small, and in units of their largest coordinate, so that no square leaves float32's range. Distances that count are
 * then computed in float64 from a − b: a copy is at exactly 0.
 */
import { DataError } from '../../errors.js';
import { aten, cat, type Device, type Tensor, tidy } from '../../torch/index.js';

export type DistanceMetric = 'euclidean' | 'cosine';

/** Bytes that a block's temporary matrices may take. */
const BLOCK_BYTES = 64 * 1024 * 1024;
/** Unit roundoff of float32. */
const ROUNDOFF = 2 ** -24;
/** Below this a bound may have lost its digits to float32's least exponent, and proves nothing. */
export const LEAST_BOUND = 1e-30;

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

/** [start, rows] of consecutive blocks whose temporary matrices keep to the budget. */
export function blocks(count: number, bytesPerRow: number): [start: number, rows: number][] {
  const most = Math.max(1, Math.floor(BLOCK_BYTES / bytesPerRow));
  const starts = Array.from({ length: Math.ceil(count / most) }, (_, i) => i * most);
  return starts.map((start) => [start, Math.min(most, count - start)]);
}

/** Where exact distances can be computed: MPS has no float64. */
export const exactDevice = ({ device }: Tensor): Device => (device.startsWith('mps') ? 'cpu' : device);

/** @param sets [Nᵢ, D]; the centre is the first one's mean */
export function makeSpace(sets: readonly Tensor[], metric: DistanceMetric): Space {
  const [first] = sets as [Tensor];
  const [count, size] = first.shape as [number, number];
  return tidy(() => {
    const sums = partsOf(first).map((rows) => tidy(() => exactRows(rows, metric).sum([0], true)));
    const centre = cat(sums).sum([0], true).div(count);
    const unit = Math.max(
      ...sets
        .flatMap(partsOf)
        .map((rows) => tidy(() => exactRows(rows, metric).sub(centre).abs().amax().item())),
    );
    return { metric, centre, unit: unit || 1, slack: (size + 16) * ROUNDOFF };
  });
}

export function makeSide(space: Space, features: Tensor): Side {
  return tidy(() => {
    const parts = partsOf(features).map((rows) =>
      tidy(() => {
        const centred = exactRows(rows, space.metric).sub(space.centre).div(space.unit);
        return {
          centred: centred.float(),
          squares: centred
            .square()
            .sum([1])
            .mul(1 - space.slack)
            .float(),
        };
      }),
    );
    return { centred: cat(parts.map((it) => it.centred)), squares: cat(parts.map((it) => it.squares)) };
  });
}

/**
 * @param a [N, D]
 * @param b [M, D]
 * @returns at most the squared Euclidean distances, in the square of the space's unit, float32 [N, M]
 */
export const lowerBounds = (a: Side, b: Side): Tensor =>
  tidy(() => aten.addmm(b.squares, a.centred, b.centred.t(), { alpha: -2 }).add_(a.squares.unsqueeze(1)));

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

/** Squared Euclidean distances of a metric's vectors as its distances. */
export const toDistance = (squared: Tensor, metric: DistanceMetric): Tensor =>
  metric === 'cosine' ? squared.div(2) : squared.sqrt();

/** Views of a set's rows, few enough for four copies in float64. */
const partsOf = (features: Tensor): Tensor[] =>
  blocks(features.shape[0]!, 4 * 8 * features.shape[1]!).map(([start, rows]) =>
    features.narrow(0, start, rows),
  );
