/** Sets of features, one row an image: what the distribution metrics compare. */
import { DataError } from '../../errors.js';
import type { Random } from '../../random.js';
import { type Tensor, tensor, tidy } from '../../torch/index.js';

/** @throws DataError if a set is not [N ≥ 2, D], the lengths differ, or a value is not finite */
export function requireFeatures(metric: string, first: Tensor, second: Tensor): void {
  for (const [which, features] of [
    ['first', first],
    ['second', second],
  ] as const) {
    const shape = features.shape;
    if (shape.length !== 2 || shape[0]! < 2 || shape[1]! < 1) {
      throw new DataError(
        `${metric}: the ${which} set must be features [N, D] of at least two images, not [${shape.join(', ')}]`,
      );
    }
    const finite = tidy(() => Boolean(features.isfinite().all().item()));
    if (!finite) {
      throw new DataError(
        `${metric}: the ${which} set has features that are not finite; was the network that made them trained to the end?`,
      );
    }
  }
  if (first.shape[1] !== second.shape[1]) {
    throw new DataError(
      `${metric}: features of length ${first.shape[1]} and ${second.shape[1]}: take both from one backbone`,
    );
  }
}

/** Rows of a set by index, [indices.length, D]. */
export const rowsOf = (features: Tensor, indices: ArrayLike<number>): Tensor =>
  tidy(() =>
    features.indexSelect(0, tensor(indices, [indices.length], { dtype: 'int64', device: features.device })),
  );

/** `count` of `n` indices in random order, none twice. */
export function drawIndices(n: number, count: number, random: Random): Int32Array {
  return random.shuffle(Int32Array.from({ length: n }, (_, i) => i)).subarray(0, count);
}
