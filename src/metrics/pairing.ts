/**
 * Which image is compared with which. A full-reference metric between sets that have no natural pairs says
 * little alone, because it mostly measures how much any two lesions differ; so each protocol comes with its null:
 * real images against other real images, paired the same way.
 */
import { DataError } from '../errors.js';
import { Random } from '../random.js';

/** Position k of both lists is one pair. No image is in two pairs, so pairs are independent. */
export interface Pairs {
  left: Int32Array;
  right: Int32Array;
}

function shuffled(n: number, random: Random): Int32Array {
  return random.shuffle(Int32Array.from({ length: n }, (_, i) => i));
}

/**
 * Both sets in random order, then by index; as many pairs as the smaller set has images.
 * @param limit at most so many pairs
 * @throws DataError if a set is empty
 */
export function pairByIndex(real: number, synthetic: number, seed: number, limit = Infinity): Pairs {
  if (real < 1 || synthetic < 1) {
    throw new DataError(`cannot pair ${real} real with ${synthetic} synthetic images: both sets need some`);
  }
  const random = new Random(seed);
  const n = Math.min(real, synthetic, limit);
  return {
    left: shuffled(real, random.fork('real')).subarray(0, n),
    right: shuffled(synthetic, random.fork('synthetic')).subarray(0, n),
  };
}

/**
 * The null: two random halves of the real set against each other.
 * @param limit at most so many pairs
 * @throws DataError if there are fewer than two real images
 */
export function pairRealWithReal(real: number, seed: number, limit = Infinity): Pairs {
  if (real < 2) throw new DataError(`cannot compare real with real images: ${real} is too few`);
  const order = shuffled(real, new Random(seed).fork('null'));
  const half = Math.floor(real / 2);
  const n = Math.min(half, limit);
  return { left: order.subarray(0, n), right: order.subarray(half, half + n) };
}
