/**
 * Which image is compared with which. A full-reference metric between sets that have no natural pairs says
 * little alone, because it mostly measures how much any two lesions differ; so each way of pairing comes with its null:
 * real images against other real images, paired the same way.
 */

import { noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError, Random } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import { nearestNeighbours } from '../distribution/neighbours.js';
import type { ImageSet } from './image-set.js';

/**
 * - `random`: both sets shuffled by the seed, then by index. No image is in two pairs.
 * - `index`: by index in the order of the files, as the original system did.
 * - `nearest`: each synthetic image with the real one nearest to it; a real one may serve several.
 */
export type Pairing = 'random' | 'index' | 'nearest';

export const PAIRINGS: Readonly<Record<Pairing, { pairs: string; null: string }>> = {
  random: {
    pairs: 'both sets shuffled by the seed, then by index; no image in two pairs',
    null: 'two random halves of the real images, by index',
  },
  index: {
    pairs: 'by index, in the order of the files; no image in two pairs',
    null: 'two random halves of the real images, by index',
  },
  nearest: {
    pairs: 'each synthetic image with its nearest real one (root mean square difference of pixels at 32 px)',
    null: 'each real image with its nearest other real one',
  },
};

/** Position k of both lists is one pair. */
export interface Pairs {
  left: Int32Array;
  right: Int32Array;
}

/** Side in px at which images are compared for nearness: hair and grain are left out. */
const NEARNESS_SIDE_PX = 32;
const BATCH = 256;

function shuffled(n: number, random: Random): Int32Array {
  return random.shuffle(Int32Array.from({ length: n }, (_, i) => i));
}

/**
 * Both sets in random order, then by index; as many pairs as the smaller set has images.
 * @param limit at most so many pairs
 * @throws DataError if a set is empty
 */
export function pairByIndex(
  { real, synthetic }: { real: number; synthetic: number },
  seed: number,
  limit = Infinity,
): Pairs {
  requireSome(real, synthetic);
  const random = new Random(seed);
  const n = Math.min(real, synthetic, limit);
  return {
    left: shuffled(real, random.fork('real')).subarray(0, n),
    right: shuffled(synthetic, random.fork('synthetic')).subarray(0, n),
  };
}

/** The i-th real image with the i-th synthetic one. @throws DataError if a set is empty */
export function pairInOrder(real: number, synthetic: number, limit = Infinity): Pairs {
  requireSome(real, synthetic);
  const order = Int32Array.from({ length: Math.min(real, synthetic, limit) }, (_, i) => i);
  return { left: order, right: order };
}

/**
 * Two random halves of one set against each other: the null of real images, the diversity of synthetic ones.
 * @param limit at most so many pairs
 * @throws DataError if there are fewer than two images
 */
export function pairHalves(count: number, seed: number, limit = Infinity): Pairs {
  if (count < 2) throw new DataError(`cannot compare images of one set with each other: ${count} is too few`);
  const order = shuffled(count, new Random(seed).fork('null'));
  const half = Math.floor(count / 2);
  const n = Math.min(half, limit);
  return { left: order.subarray(0, n), right: order.subarray(half, half + n) };
}

/**
 * Each image of `right` (in random order, up to `limit`) with the image of `left` nearest to it.
 * @param options.excludeSelf both are one set, and no image is its own neighbour
 * @throws DataError if a set is empty, or has no other image
 */
export function pairNearest(
  left: ImageSet,
  right: ImageSet,
  options: { seed: number; limit?: number; excludeSelf?: boolean },
): Pairs {
  const { seed, limit = Infinity, excludeSelf = false } = options;
  requireSome(left.n, right.n);
  return tidy(() => {
    const [candidates, queries] = [nearnessVectors(left), excludeSelf ? null : nearnessVectors(right)];
    const { indices } = nearestNeighbours(queries ?? candidates, candidates, { k: 1, excludeSelf });
    const chosen = shuffled(right.n, new Random(seed).fork('synthetic')).subarray(
      0,
      Math.min(right.n, limit),
    );
    return { left: chosen.map((i) => indices[i]!), right: chosen };
  });
}

/** [n, 3·32·32], grey levels, averaged down. */
function nearnessVectors({ data, n, height, width }: ImageSet): Tensor {
  const each = 3 * height * width;
  const side = Math.min(NEARNESS_SIDE_PX, height, width);
  const result = new Float32Array(n * 3 * side * side);
  for (let from = 0; from < n; from += BATCH) {
    const count = Math.min(BATCH, n - from);
    tidy(() =>
      noGrad(() => {
        const images = tensor(data.subarray(from * each, (from + count) * each), [count, 3, height, width]);
        const small = F.adaptiveAvgPool2d(images.to({ dtype: 'float32' }), side);
        result.set(small.flatten(1).toArray() as Float32Array, from * 3 * side * side);
      }),
    );
  }
  return tensor(result, [n, 3 * side * side]);
}

function requireSome(real: number, synthetic: number): void {
  if (real < 1 || synthetic < 1) {
    throw new DataError(`cannot pair ${real} real with ${synthetic} synthetic images: both sets need some`);
  }
}
