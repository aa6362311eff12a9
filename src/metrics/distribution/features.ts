/** Sets of features, one row an image: what the distribution metrics compare. */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';

/** @throws DataError if a set is not [N ≥ 2, D], the lengths differ, or a value is not finite */
export function requireFeatures(metric: string, first: Tensor, second: Tensor): void {
  requireFeatureSet(metric, first, { which: 'first' });
  requireFeatureSet(metric, second, { which: 'second' });
  requireSameLength(metric, first, second);
}

/**
 * @param set.which names it in the message: 'first', 'query'
 * @param set.least images, default 2
 * @throws DataError if the set is not floating point [N ≥ least, D] or a value is not finite
 */
export function requireFeatureSet(
  metric: string,
  features: Tensor,
  { which, least = 2 }: { which: string; least?: number },
): void {
  const shape = features.shape;
  if (shape.length !== 2 || shape[0]! < least || shape[1]! < 1) {
    const images = least === 1 ? 'one image' : least === 2 ? 'two images' : `${least} images`;
    throw new DataError(
      `${metric}: the ${which} set must be features [N, D] of at least ${images}, not [${shape.join(', ')}]`,
    );
  }
  // The extremes carry NaN and infinities; unlike isfinite they need no copy of the set.
  const finite = tidy(() => aten.aminmax(features.detach()).every((it) => Number.isFinite(it.item())));
  if (!finite) {
    throw new DataError(
      `${metric}: the ${which} set has features that are not finite; was the network that made them trained to the end?`,
    );
  }
}

/** The first row with a value that is not finite; −1 where there is none. */
export const firstNonFiniteRow = (features: Tensor): number =>
  tidy(() => {
    const finite = features.detach().isfinite().to({ dtype: 'uint8', device: 'cpu' }).amin([1]);
    return (finite.toArray() as Uint8Array).indexOf(0);
  });

/** @throws DataError if the features of two sets differ in length */
export function requireSameLength(metric: string, first: Tensor, second: Tensor): void {
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
