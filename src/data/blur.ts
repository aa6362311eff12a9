/**
 * Gaussian blur of small square images. Values are kept in single precision, in arrays of double precision, which
 * loops read without conversion; sums run over the taps in order, four at a time.
 */

/** Largest side of an image and largest radius of a kernel, in pixels. */
const maxSide = 64;
const maxRadius = 6;

/** Gaussian kernel of radius 3 sigma ≤ 6 pixels, in single precision. */
export function gaussian(sigma: number): Float64Array {
  const radius = Math.ceil(3 * sigma);
  const kernel = new Float32Array(2 * radius + 1);
  let total = 0;
  for (let i = -radius; i <= radius; i++) {
    const weight = Math.exp((-i * i) / (2 * sigma * sigma));
    kernel[i + radius] = weight;
    total += weight;
  }
  for (let i = 0; i < kernel.length; i++) kernel[i]! /= total;
  return Float64Array.from(kernel);
}

// One row, its edge pixels repeated outwards; the image blurred along x, its edge rows repeated outwards.
const paddedRow = new Float64Array(maxSide + 2 * maxRadius);
const paddedRows = new Float64Array(maxSide * (maxSide + 2 * maxRadius));
const sums = new Float64Array(maxSide);

/** `sums[x] = Σ kernel[t] · from[offset + t · step + x]` for x < width. */
function weigh(
  from: Float64Array,
  kernel: Float64Array,
  span: { offset: number; step: number; width: number },
): void {
  const { offset, step, width } = span;
  const single = kernel.length & 3;
  sums.fill(0);
  for (let t = 0; t < single; t++) {
    const weight = kernel[t]!;
    const at = offset + t * step;
    for (let x = 0; x < width; x++) sums[x]! += weight * from[at + x]!;
  }
  for (let t = single; t < kernel.length; t += 4) {
    const a = kernel[t]!;
    const b = kernel[t + 1]!;
    const c = kernel[t + 2]!;
    const d = kernel[t + 3]!;
    const i = offset + t * step;
    const j = i + step;
    const k = j + step;
    const l = k + step;
    for (let x = 0; x < width; x++)
      sums[x] = sums[x]! + a * from[i + x]! + b * from[j + x]! + c * from[k + x]! + d * from[l + x]!;
  }
}

/**
 * Blurs an image `[side, side]`, side ≤ 64, or its central part alone; the edge pixel is repeated outwards.
 * @param options.inset pixels left out on each side
 * @param options.into `[side − 2 inset, side − 2 inset]`
 */
export function blurInto(
  image: ArrayLike<number>,
  side: number,
  options: { kernel: Float64Array; inset: number; into: Float64Array },
): void {
  const { kernel, inset, into } = options;
  const radius = kernel.length >> 1;
  const width = side - 2 * inset;
  // Row r of `paddedRows` comes from this row of the image.
  const rowOf = (r: number): number => Math.min(Math.max(inset - radius + r, 0), side - 1);
  for (let r = 0; r < width + 2 * radius; r++) {
    const to = r * width;
    if (r > 0 && rowOf(r) === rowOf(r - 1)) {
      paddedRows.copyWithin(to, to - width, to);
      continue;
    }
    const start = rowOf(r) * side;
    for (let i = 0; i < width + 2 * radius; i++) {
      const x = i + inset - radius;
      paddedRow[i] = image[start + (x < 0 ? 0 : x >= side ? side - 1 : x)]!;
    }
    weigh(paddedRow, kernel, { offset: 0, step: 1, width });
    for (let i = 0; i < width; i++) paddedRows[to + i] = Math.fround(sums[i]!);
  }
  for (let y = 0; y < width; y++) {
    weigh(paddedRows, kernel, { offset: y * width, step: width, width });
    for (let x = 0; x < width; x++) into[y * width + x] = Math.fround(sums[x]!);
  }
}
