/**
 * Finds images that show the same picture: byte-identical files (SHA-256) and near-duplicates (recompressed, rescaled,
 * re-cropped, recoloured, mirrored or turned by right angles).
 *
 * Three sieves, each finer and dearer than the one before: Hamming distance of perceptual hashes over all pairs;
 * correlation of 32×32 thumbnails; correlation of details after registration (align.ts). All three must agree, so that
 * unrelated lesions that are merely dark ovals on skin are not joined.
 */
import { alignSizePx, compareAligned, halve } from './align.js';
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
  /** Smallest correlation of the 32×32 thumbnails. */
  thumbnail: number;
  /** Smallest correlation of the details after registration. */
  detail: number;
}

/** Measured on ISIC 2017, where they find all the duplicates that were seen and no other pair (docs/data.md). */
export const defaultThresholds: DuplicateThresholds = { hamming: 14, thumbnail: 0.86, detail: 0.84 };

/** A map between two scans of one picture stretches and shifts little; beyond this, registration has gone astray. */
const plausible = { stretch: 1.35, shift: 0.25 };

/** Zero mean, unit length. A flat thumbnail becomes all zeros and so correlates with nothing. */
function normalised(grey: Float32Array): Float32Array {
  let mean = 0;
  for (const value of grey) mean += value / grey.length;
  let square = 0;
  for (const value of grey) square += (value - mean) ** 2;
  const scale = square > 1 ? 1 / Math.sqrt(square) : 0;
  return grey.map((value) => (value - mean) * scale);
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
    onProgress?: (done: number, total: number) => void;
    signal?: AbortSignal;
  } = {},
): Promise<DuplicatePair[]> {
  const { hamming: maxHamming, thumbnail: minThumbnail, detail: minDetail } = options.thresholds ?? defaultThresholds;
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

  const n = distinct.length;
  const area = alignSizePx * alignSizePx;
  const thumbnailOf = (i: number): Uint8Array => thumbnails.subarray(distinct[i]! * area, (distinct[i]! + 1) * area);
  const small: Float32Array[] = [];
  const low = Array.from({ length: symmetries }, () => new Int32Array(n));
  const high = Array.from({ length: symmetries }, () => new Int32Array(n));
  const flat = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const grey = halve(thumbnailOf(i), alignSizePx);
    const hashes = perceptualHashes(grey);
    for (let k = 0; k < symmetries; k++) {
      low[k]![i] = hashes[2 * k]!;
      high[k]![i] = hashes[2 * k + 1]!;
    }
    small[i] = normalised(grey);
    flat[i] = small[i]!.every((value) => value === 0) ? 1 : 0;
  }
  const smallMaps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, hashSizePx));
  const largeMaps = Array.from({ length: symmetries }, (_, k) => symmetryMap(k, alignSizePx));
  const baseLow = low[0]!;
  const baseHigh = high[0]!;

  let pausedAt = Date.now();
  for (let i = 0; i < n; i++) {
    if (Date.now() - pausedAt > 50) {
      options.onProgress?.(i, n);
      await new Promise((resolve) => setImmediate(resolve));
      options.signal?.throwIfAborted();
      pausedAt = Date.now();
    }
    if (flat[i]) continue;
    for (let k = 0; k < symmetries; k++) {
      const l = low[k]![i]!;
      const h = high[k]![i]!;
      const map = smallMaps[k]!;
      for (let j = i + 1; j < n; j++) {
        const distance = popcount(l ^ baseLow[j]!) + popcount(h ^ baseHigh[j]!);
        if (distance > maxHamming) continue;
        const left = small[i]!;
        const right = small[j]!;
        let correlation = 0;
        for (let p = 0; p < map.length; p++) correlation += left[map[p]!]! * right[p]!;
        if (correlation < minThumbnail) continue;
        const thumbnail = thumbnailOf(i);
        const moved = Uint8Array.from(largeMaps[k]!, (from) => thumbnail[from]!);
        const aligned = compareAligned(moved, thumbnailOf(j));
        if (
          aligned.correlation >= minDetail &&
          aligned.stretch[0] >= 1 / plausible.stretch &&
          aligned.stretch[1] <= plausible.stretch &&
          aligned.shift <= plausible.shift
        )
          pairs.push({
            a: distinct[i]!,
            b: distinct[j]!,
            kind: 'near',
            hamming: distance,
            correlation: aligned.correlation,
            symmetry: k,
          });
      }
    }
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
