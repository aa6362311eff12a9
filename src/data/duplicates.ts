/**
 * Finds images that show the same picture: byte-identical files (SHA-256) and near-duplicates (recompressed, rescaled,
 * re-cropped, recoloured, mirrored or turned by right angles).
 *
 * Sieves, each finer and dearer than the one before: Hamming distance of perceptual hashes over all pairs;
 * correlation of 32×32 thumbnails; correlation of details after a coarse, then a fine registration (align.ts). All
 * must agree, so that unrelated lesions that are merely dark ovals on skin are not joined.
 */
import {
  alignSizePx,
  type CoarseLevel,
  coarseLevel,
  compareAligned,
  halve,
  registerCoarse,
} from './align.js';
import { hashSizePx, perceptualHashes, popcount, symmetries, symmetryMap } from './phash.js';

export interface DuplicatePair {
  /** Indices into the input, `a < b`. */
  a: number;
  b: number;
  kind: 'exact' | 'near';
  /** Bits in which the perceptual hashes differ, of 63. */
  hamming: number;
  /** Correlation of the details after registration; 1 for exact duplicates. */
  correlation: number;
  /** Which symmetry of the square leads from a to b (phash.ts); 0 is none. */
  symmetry: number;
}

export interface DuplicateThresholds {
  /** Largest Hamming distance of the hashes. */
  hamming: number;
  /** Smallest correlation of the 32×32 thumbnails: where hashes agree closely, and at the largest distance. */
  thumbnail: readonly [near: number, far: number];
  /** Smallest correlation of the details after coarse registration, at 32×32: what is worth refining. */
  coarse: number;
  /** Smallest correlation of the details after registration, at 64×64. */
  detail: number;
}

/** Measured on ISIC 2017, where they find all the duplicates that were seen and no other pair (docs/data.md). */
export const defaultThresholds: DuplicateThresholds = {
  hamming: 18,
  thumbnail: [0.75, 0.86],
  coarse: 0.6,
  detail: 0.84,
};

/** Hashes this near agree closely; few pairs do, so that the next sieve may be wide for them. */
const closeHamming = 8;

/** A map between two scans of one picture stretches and shifts little; beyond this, registration has gone astray. */
const plausible = { stretch: 1.35, shift: 0.25 };

/** Zero mean, unit variance. A flat thumbnail becomes all zeros and so correlates with nothing. */
function standardised(grey: Float32Array): Float32Array {
  let mean = 0;
  for (const value of grey) mean += value / grey.length;
  let variance = 0;
  for (const value of grey) variance += (value - mean) ** 2 / grey.length;
  const scale = variance > 1e-3 ? 1 / Math.sqrt(variance) : 0;
  return grey.map((value) => (value - mean) * scale);
}

/** All hashes of a set: word w of the hash under symmetry k of image i stands at `[k][w][i]`. */
type HashTable = readonly (readonly [Int32Array, Int32Array])[];

/** Calls `found` for each image after `i` whose hash is within `limit` bits of a symmetric version of image i's. */
function nearbyHashes(
  hashes: HashTable,
  i: number,
  limit: number,
  found: (j: number, symmetry: number, distance: number) => void,
): void {
  const [baseLow, baseHigh] = hashes[0]!;
  for (let k = 0; k < hashes.length; k++) {
    const low = hashes[k]![0][i]!;
    const high = hashes[k]![1][i]!;
    for (let j = i + 1; j < baseLow.length; j++) {
      const distance = popcount(low ^ baseLow[j]!) + popcount(high ^ baseHigh[j]!);
      if (distance <= limit) found(j, k, distance);
    }
  }
}

/** Mean product of `a` seen through `map` and `b`: their correlation when both are standardised. */
function correlate(a: Float32Array, map: Int32Array, b: Float32Array): number {
  let sum = 0;
  for (let p = 0; p < map.length; p++) sum += a[map[p]!]! * b[p]!;
  return sum / map.length;
}

/**
 * @param sha256 hash of each file
 * @param thumbnails luma of each image, squashed to 64×64, concatenated: `[N, 64, 64]`
 * @param options.onProgress images compared so far, of N
 * @param options.signal stops the search
 * @returns pairs ordered by (a, b); each further copy of a file is paired with its first copy alone
 */
export async function findDuplicates(
  sha256: readonly string[],
  thumbnails: Uint8Array,
  options: {
    thresholds?: DuplicateThresholds;
    /** Looks for near-duplicates as well; default true. */
    near?: boolean;
    onProgress?: (done: number, total: number) => void;
    signal?: AbortSignal;
  } = {},
): Promise<DuplicatePair[]> {
  const thresholds = options.thresholds ?? defaultThresholds;
  const pairs: DuplicatePair[] = [];

  const firstCopy = new Map<string, number>();
  const distinct: number[] = [];
  sha256.forEach((hash, b) => {
    const a = firstCopy.get(hash);
    if (a === undefined) {
      firstCopy.set(hash, b);
      distinct.push(b);
    } else pairs.push({ a, b, kind: 'exact', hamming: 0, correlation: 1, symmetry: 0 });
  });

  if (options.near === false) return pairs.sort((p, q) => p.a - q.a || p.b - q.b);
  const n = distinct.length;
  const area = alignSizePx * alignSizePx;
  const thumbnailOf = (i: number): Uint8Array =>
    thumbnails.subarray(distinct[i]! * area, (distinct[i]! + 1) * area);
  const small: Float32Array[] = [];
  const coarse: CoarseLevel[] = [];
  const hashes = Array.from({ length: symmetries }, () => [new Int32Array(n), new Int32Array(n)] as const);
  for (let i = 0; i < n; i++) {
    const grey = halve(thumbnailOf(i), alignSizePx);
    const words = perceptualHashes(grey);
    for (let k = 0; k < symmetries; k++) {
      hashes[k]![0][i] = words[2 * k]!;
      hashes[k]![1][i] = words[2 * k + 1]!;
    }
    small[i] = standardised(grey);
    coarse[i] = coarseLevel(small[i]!);
  }
  const smallMaps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, hashSizePx));
  const largeMaps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, alignSizePx));

  const verify = (i: number, j: number, symmetry: number, hamming: number): void => {
    const map = smallMaps[symmetry]!;
    const [near, far] = thresholds.thumbnail;
    const needed =
      near + (far - near) * Math.max(0, (hamming - closeHamming) / (thresholds.hamming - closeHamming));
    if (correlate(small[i]!, map, small[j]!) < needed) return;
    const moved: CoarseLevel = {
      smooth: coarse[i]!.smooth.map((_, p) => coarse[i]!.smooth[map[p]!]!),
      detail: coarse[i]!.detail.map((_, p) => coarse[i]!.detail[map[p]!]!),
    };
    const first = registerCoarse(moved, coarse[j]!);
    if (first.correlation < thresholds.coarse) return;
    const thumbnail = thumbnailOf(i);
    const turned = Uint8Array.from(largeMaps[symmetry]!, (from) => thumbnail[from]!);
    const { correlation, stretch, shift } = compareAligned(turned, thumbnailOf(j), first.map);
    if (correlation < thresholds.detail) return;
    if (stretch[0] < 1 / plausible.stretch || stretch[1] > plausible.stretch || shift > plausible.shift)
      return;
    pairs.push({ a: distinct[i]!, b: distinct[j]!, kind: 'near', hamming, correlation, symmetry });
  };

  let pausedAt = Date.now();
  for (let i = 0; i < n; i++) {
    if (Date.now() - pausedAt > 50) {
      options.onProgress?.(i, n);
      await new Promise((resolve) => setImmediate(resolve));
      options.signal?.throwIfAborted();
      pausedAt = Date.now();
    }
    nearbyHashes(hashes, i, thresholds.hamming, (j, symmetry, distance) => verify(i, j, symmetry, distance));
  }
  options.onProgress?.(n, n);

  // A symmetric picture may match under several symmetries: the best one stands.
  const best = new Map<string, DuplicatePair>();
  for (const pair of pairs) {
    const key = `${pair.a} ${pair.b}`;
    const other = best.get(key);
    if (!other || pair.correlation > other.correlation) best.set(key, pair);
  }
  return [...best.values()].sort((p, q) => p.a - q.a || p.b - q.b);
}
