/**
 * Perceptual hash of a grey thumbnail: 64 bits, one for each low-frequency coefficient of its cosine transform
 * (1 where it is above their median), so that recompression, rescaling and a change of brightness flip few bits.
 * Source: Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010 (DCT hash).
 *
 * Turned and mirrored copies cost no further transform: mirroring an image changes the sign of its odd
 * coefficients, transposing it transposes them. So each image gets eight hashes, one for each symmetry of the square.
 */

/** Side of the thumbnail that is hashed, in pixels. */
export const hashSizePx = 32;

/** The symmetries of the square are numbered 0…7: bit 0 mirrors columns, bit 1 mirrors rows, bit 2 then transposes. */
export const symmetries = 8;

const blockSide = 8;

// Rows 0…7 of the orthonormal DCT-II matrix for 32 samples.
const basis = (() => {
  const rows = new Float64Array(blockSide * hashSizePx);
  for (let u = 0; u < blockSide; u++)
    for (let x = 0; x < hashSizePx; x++)
      rows[u * hashSizePx + x] =
        Math.sqrt((u === 0 ? 1 : 2) / hashSizePx) * Math.cos(((2 * x + 1) * u * Math.PI) / (2 * hashSizePx));
  return rows;
})();

/** The 8×8 lowest-frequency DCT coefficients of `grey` `[32, 32]`, row by row. */
function lowFrequencies(grey: ArrayLike<number>): Float64Array {
  const partial = new Float64Array(hashSizePx * blockSide); // [y, v]
  for (let y = 0; y < hashSizePx; y++)
    for (let v = 0; v < blockSide; v++) {
      let sum = 0;
      for (let x = 0; x < hashSizePx; x++) sum += grey[y * hashSizePx + x]! * basis[v * hashSizePx + x]!;
      partial[y * blockSide + v] = sum;
    }
  const block = new Float64Array(blockSide * blockSide); // [u, v]
  for (let u = 0; u < blockSide; u++)
    for (let v = 0; v < blockSide; v++) {
      let sum = 0;
      for (let y = 0; y < hashSizePx; y++) sum += partial[y * blockSide + v]! * basis[u * hashSizePx + y]!;
      block[u * blockSide + v] = sum;
    }
  return block;
}

/**
 * The eight hashes of a thumbnail.
 * @param grey luma `[32, 32]`
 * @returns 16 words: words 2k and 2k + 1 hold the hash of the thumbnail under symmetry k; the mean brightness
 * (coefficient 0, 0) has no bit
 */
export function perceptualHashes(grey: ArrayLike<number>): Uint32Array {
  const block = lowFrequencies(grey);
  const hashes = new Uint32Array(2 * symmetries);
  const values = new Float64Array(blockSide * blockSide);
  for (let k = 0; k < symmetries; k++) {
    for (let u = 0; u < blockSide; u++)
      for (let v = 0; v < blockSide; v++) {
        const sign = ((k & 2 && u & 1) !== (k & 1 && v & 1)) === true ? -1 : 1;
        const at = k & 4 ? v * blockSide + u : u * blockSide + v;
        values[at] = sign * block[u * blockSide + v]!;
      }
    const median = values.slice(1).sort()[31]!; // the middle one of 63
    for (let bit = 1; bit < 64; bit++)
      if (values[bit]! > median) hashes[2 * k + (bit >> 5)]! |= 1 << (bit & 31);
  }
  return hashes;
}

/** Number of ones in two 32-bit words: the Hamming distance of two hashes, given the exclusive or of their words. */
export function hammingDistance(low: number, high: number): number {
  // Counted in pairs of bits, then in fours; two words of four-bit counts, each at most 4, fit into one.
  const a = (low - ((low >>> 1) & 0x55555555)) | 0;
  const b = (high - ((high >>> 1) & 0x55555555)) | 0;
  const fours =
    ((a & 0x33333333) + ((a >>> 2) & 0x33333333) + (b & 0x33333333) + ((b >>> 2) & 0x33333333)) | 0;
  const bytes = (fours & 0x0f0f0f0f) + ((fours >>> 4) & 0x0f0f0f0f);
  return Math.imul(bytes, 0x01010101) >>> 24;
}

/**
 * Where each pixel of the transformed image comes from: `out[i] = image[map[i]]` applies symmetry `k` to a square of
 * `sizePx`.
 */
export function symmetryMap(k: number, sizePx: number): Int32Array {
  const map = new Int32Array(sizePx * sizePx);
  for (let y = 0; y < sizePx; y++)
    for (let x = 0; x < sizePx; x++) {
      const row = k & 4 ? x : y;
      const column = k & 4 ? y : x;
      const fromRow = k & 2 ? sizePx - 1 - row : row;
      const fromColumn = k & 1 ? sizePx - 1 - column : column;
      map[y * sizePx + x] = fromRow * sizePx + fromColumn;
    }
  return map;
}
