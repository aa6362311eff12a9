/**
 * An upper bound of the correlation of two images, a sixteenth as dear as the correlation itself. With P the mean over
 * 4×4 blocks, the correlation of two standardised images is
 *
 *   ⟨a, b⟩ = ⟨Pa, Pb⟩ + ⟨a − Pa, b − Pb⟩ ≤ ⟨Pa, Pb⟩ + |a − Pa| |b − Pb|   (Cauchy–Schwarz),
 *
 * so that a pair whose bound is too low need not be looked at, and none is lost.
 */
import { hashSizePx } from './phash.js';

/** Block means are `[8, 8]`. */
export const meansSide = 8;
export const meansArea = meansSide * meansSide;

const imageArea = hashSizePx * hashSizePx;
const blockSide = hashSizePx / meansSide;

/** Far above what single precision loses, far below what matters. */
const slack = 1e-5;

/** `Σ a b`, in four sums that do not wait for each other; `b` from an index on. */
function dot(a: Float32Array, b: Float32Array, from: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let i = 0, j = from; i < a.length; i += 4, j += 4) {
    s0 += a[i]! * b[j]!;
    s1 += a[i + 1]! * b[j + 1]!;
    s2 += a[i + 2]! * b[j + 2]!;
    s3 += a[i + 3]! * b[j + 3]!;
  }
  return s0 + s1 + (s2 + s3);
}

/**
 * Correlation of two standardised images `[32, 32]`.
 * @param b `[N, 32, 32]`, of which image `index` is meant
 */
export function correlation(a: Float32Array, b: Float32Array, index: number): number {
  return dot(a, b, index * imageArea) / imageArea;
}

/** Means over the blocks of some images `[N, 8, 8]`, scaled, and the norms of what they leave `[N]`, 0…1. */
export interface BlockMeans {
  means: Float32Array;
  rest: Float32Array;
}

/** Fills in the block means of image `index`. @param image standardised, `[32, 32]` */
export function fillBlockMeans(image: Float32Array, { means, rest }: BlockMeans, index: number): void {
  const sums = new Float64Array(meansArea);
  let energy = 0;
  for (let y = 0; y < hashSizePx; y++)
    for (let x = 0; x < hashSizePx; x++) {
      const value = image[y * hashSizePx + x]!;
      const block = Math.floor(y / blockSide) * meansSide + Math.floor(x / blockSide);
      sums[block]! += value / (blockSide * blockSide * meansSide);
      energy += (value * value) / imageArea;
    }
  means.set(sums, index * meansArea);
  const kept = sums.reduce((sum, value) => sum + value * value, 0);
  rest[index] = Math.sqrt(Math.max(0, energy - kept));
}

/**
 * What the correlation of two images cannot exceed.
 * @param means scaled block means of the first, `[8, 8]`; `rest`: the norm of what they leave
 * @param others of which image `index` is the second
 */
export function correlationBound(
  { means, rest }: { means: Float32Array; rest: number },
  others: BlockMeans,
  index: number,
): number {
  return dot(means, others.means, index * meansArea) + rest * others.rest[index]! + slack;
}
