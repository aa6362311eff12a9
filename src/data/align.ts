/**
 * How alike two thumbnails are in their details, once the better part of a shift, a rescaling, a slight turn or
 * another crop between them is taken out.
 *
 * Plain correlation does not tell two scans of one lesion from two lesions: any two dark ovals on pale skin correlate
 * at 0.95. So one image is registered onto the other (affine, Lucas–Kanade on a two-level pyramid, blind to contrast
 * and brightness), then what is left after subtracting a blur, i.e. borders and structure, is correlated over the
 * central three quarters of the frame, where the dark rim of the lens does not reach.
 * Source: Baker & Matthews, "Lucas–Kanade 20 years on", 2004 (forward additive). Threshold and constants were measured
 * on ISIC 2017 (docs/data.md).
 */

/** Side of the thumbnails that are compared, in pixels. */
export const alignSizePx = 64;

export interface Alignment {
  /** Correlation of the details after registration, −1…1. */
  correlation: number;
  /** Smallest and largest stretch of the map from one image to the other; 1 is none. */
  stretch: readonly [number, number];
  /** Largest shift along an axis, in half image sides. */
  shift: number;
}

/** Gaussian blur of a square image `[side, side]`, sigma in pixels; the edge pixel is repeated outwards. */
export function blur(image: Float32Array, side: number, sigma: number): Float32Array {
  const radius = Math.ceil(3 * sigma);
  const kernel = new Float32Array(2 * radius + 1);
  let total = 0;
  for (let i = -radius; i <= radius; i++) {
    const weight = Math.exp((-i * i) / (2 * sigma * sigma));
    kernel[i + radius] = weight;
    total += weight;
  }
  for (let i = 0; i < kernel.length; i++) kernel[i]! /= total;
  const pass = (from: Float32Array, stepAlong: number, stepAcross: number): Float32Array => {
    const to = new Float32Array(side * side);
    for (let line = 0; line < side; line++) {
      const start = line * stepAcross;
      for (let i = 0; i < side; i++) {
        let sum = 0;
        for (let t = -radius; t <= radius; t++) {
          const at = i + t < 0 ? 0 : i + t >= side ? side - 1 : i + t;
          sum += kernel[t + radius]! * from[start + at * stepAlong]!;
        }
        to[start + i * stepAlong] = sum;
      }
    }
    return to;
  };
  return pass(pass(image, 1, side), side, 1);
}

/** Mean of each 2×2 block. */
export function halve(image: ArrayLike<number>, side: number): Float32Array {
  const half = side >> 1;
  const out = new Float32Array(half * half);
  for (let y = 0; y < half; y++)
    for (let x = 0; x < half; x++) {
      const at = 2 * y * side + 2 * x;
      out[y * half + x] = (image[at]! + image[at + 1]! + image[at + side]! + image[at + side + 1]!) / 4;
    }
  return out;
}

/** Solves the symmetric positive definite 6×6 system in place (Gauss, no pivoting needed); returns the solution. */
function solve6(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = 6;
  for (let k = 0; k < n; k++)
    for (let i = k + 1; i < n; i++) {
      const factor = matrix[i * n + k]! / matrix[k * n + k]!;
      for (let j = k; j < n; j++) matrix[i * n + j]! -= factor * matrix[k * n + j]!;
      right[i]! -= factor * right[k]!;
    }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) right[i]! -= matrix[i * n + j]! * right[j]!;
    right[i]! /= matrix[i * n + i]!;
  }
  return right;
}

// A bilinear sample and its slopes, written by `sampleAt`: three numbers that would otherwise be allocated a pixel.
const sampled = { value: 0, slopeX: 0, slopeY: 0 };

/** Bilinear sample at (x, y) in pixels, clamped to the frame. */
function sampleAt(image: Float32Array, side: number, x: number, y: number): number {
  const last = side - 1;
  const cx = Math.min(Math.max(x, 0), last);
  const cy = Math.min(Math.max(y, 0), last);
  const x0 = Math.min(Math.floor(cx), side - 2);
  const y0 = Math.min(Math.floor(cy), side - 2);
  const fx = cx - x0;
  const fy = cy - y0;
  const at = y0 * side + x0;
  const a = image[at]!;
  const b = image[at + 1]!;
  const c = image[at + side]!;
  const d = image[at + side + 1]!;
  const top = a + fx * (b - a);
  const bottom = c + fx * (d - c);
  sampled.slopeX = (1 - fy) * (b - a) + fy * (d - c);
  sampled.slopeY = bottom - top;
  sampled.value = top + fy * (bottom - top);
  return sampled.value;
}

/**
 * Affine registration at one level of the pyramid: changes `p` so that `moving(p0 x + p1 y + p2, p3 x + p4 y + p5)`
 * looks like `fixed(x, y)`; coordinates run from −1 to 1.
 */
function register(
  moving: Float32Array,
  fixed: Float32Array,
  side: number,
  p: Float64Array,
  maxSteps = 8,
): void {
  const margin = side >> 3;
  const width = side - 2 * margin;
  const count = width * width;
  const half = side / 2;
  const centre = (side - 1) / 2;
  const target = new Float64Array(count);
  let mean = 0;
  let square = 0;
  for (let y = 0, i = 0; y < width; y++)
    for (let x = 0; x < width; x++, i++) {
      const value = fixed[(y + margin) * side + x + margin]!;
      target[i] = value;
      mean += value / count;
      square += (value * value) / count;
    }
  const deviation = Math.sqrt(Math.max(square - mean * mean, 0)) + 1e-5;
  for (let i = 0; i < count; i++) target[i] = (target[i]! - mean) / deviation;

  // One pass a step: the sums below are enough for the normal equations of the standardised image, because
  // standardising only subtracts the columns' means and divides by the deviation. A row of the Jacobian is
  // [gx x, gx y, gx, gy x, gy y, gy]; y is constant along a line, so that each line needs sums over x alone.
  const sums = new Float64Array(6); // Σ J
  const withTarget = new Float64Array(6); // Σ J · target
  const withValue = new Float64Array(6); // Σ J · value
  const products = new Float64Array(36); // Σ J Jᵀ, lower triangle
  const spread = (into: Float64Array, y: number, a: number, ax: number, b: number, bx: number): void => {
    into[0]! += ax;
    into[1]! += y * a;
    into[2]! += a;
    into[3]! += bx;
    into[4]! += y * b;
    into[5]! += b;
  };
  // The 3×3 block of [x, y, 1] [x, y, 1]ᵀ, weighted, at row r and column c of the products.
  const block = (r: number, c: number, y: number, w: number, wx: number, wxx: number): void => {
    const at = r * 6 + c;
    products[at]! += wxx;
    products[at + 1]! += y * wx;
    products[at + 2]! += wx;
    products[at + 6]! += y * wx;
    products[at + 7]! += y * y * w;
    products[at + 8]! += y * w;
    products[at + 12]! += wx;
    products[at + 13]! += y * w;
    products[at + 14]! += w;
  };
  for (let step = 0; step < maxSteps; step++) {
    let sum = 0;
    let sumSquares = 0;
    sums.fill(0);
    withTarget.fill(0);
    withValue.fill(0);
    products.fill(0);
    const [p0, p1, p2, p3, p4, p5] = p as unknown as [number, number, number, number, number, number];
    for (let r = 0, i = 0; r < width; r++) {
      const y = (r + margin - centre) / half;
      let [a, ax, b, bx] = [0, 0, 0, 0];
      let [at, atx, bt, btx] = [0, 0, 0, 0];
      let [av, avx, bv, bvx] = [0, 0, 0, 0];
      let [aa, aax, aaxx, ab, abx, abxx, bb, bbx, bbxx] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
      for (let c = 0; c < width; c++, i++) {
        const x = (c + margin - centre) / half;
        const u = (p0 * x + p1 * y + p2) * half + centre;
        const v = (p3 * x + p4 * y + p5) * half + centre;
        const value = sampleAt(moving, side, u, v);
        const gx = sampled.slopeX * half;
        const gy = sampled.slopeY * half;
        const t = target[i]!;
        sum += value;
        sumSquares += value * value;
        a += gx;
        ax += gx * x;
        b += gy;
        bx += gy * x;
        at += gx * t;
        atx += gx * t * x;
        bt += gy * t;
        btx += gy * t * x;
        av += gx * value;
        avx += gx * value * x;
        bv += gy * value;
        bvx += gy * value * x;
        aa += gx * gx;
        aax += gx * gx * x;
        aaxx += gx * gx * x * x;
        ab += gx * gy;
        abx += gx * gy * x;
        abxx += gx * gy * x * x;
        bb += gy * gy;
        bbx += gy * gy * x;
        bbxx += gy * gy * x * x;
      }
      spread(sums, y, a, ax, b, bx);
      spread(withTarget, y, at, atx, bt, btx);
      spread(withValue, y, av, avx, bv, bvx);
      block(0, 0, y, aa, aax, aaxx);
      block(3, 0, y, ab, abx, abxx);
      block(3, 3, y, bb, bbx, bbxx);
    }
    const m = sum / count;
    const sd = Math.sqrt(Math.max(sumSquares / count - m * m, 0)) + 1e-5;
    const normal = new Float64Array(36);
    const right = new Float64Array(6);
    for (let j = 0; j < 6; j++) {
      // The target has zero mean, so its product needs no correction.
      right[j] = (withTarget[j]! - (withValue[j]! - sums[j]! * m) / sd) / sd;
      for (let k = 0; k <= j; k++) {
        const value = (products[j * 6 + k]! - (sums[j]! * sums[k]!) / count) / (sd * sd);
        normal[j * 6 + k] = value;
        normal[k * 6 + j] = value;
      }
      normal[j * 6 + j]! += 1e-4 * count; // damping: a flat image must not send the map to infinity
    }
    const delta = solve6(normal, right);
    let largest = 0;
    for (let j = 0; j < 6; j++) {
      p[j]! += delta[j]!;
      largest = Math.max(largest, Math.abs(delta[j]!));
    }
    if (largest < 1e-3) break;
  }
}

/** Correlation, over the central part of the frame, of `moving` under the map `p` with `fixed`. */
function centralCorrelation(
  moving: Float32Array,
  fixed: Float32Array,
  side: number,
  p: Float64Array,
): number {
  const margin = side >> 3;
  const half = side / 2;
  const centre = (side - 1) / 2;
  let n = 0;
  let sa = 0;
  let sb = 0;
  let saa = 0;
  let sbb = 0;
  let sab = 0;
  for (let row = margin; row < side - margin; row++)
    for (let column = margin; column < side - margin; column++) {
      const x = (column - centre) / half;
      const y = (row - centre) / half;
      const u = (p[0]! * x + p[1]! * y + p[2]!) * half + centre;
      const v = (p[3]! * x + p[4]! * y + p[5]!) * half + centre;
      const a = sampleAt(moving, side, u, v);
      const b = fixed[row * side + column]!;
      n++;
      sa += a;
      sb += b;
      saa += a * a;
      sbb += b * b;
      sab += a * b;
    }
  const variance = (saa - (sa * sa) / n) * (sbb - (sb * sb) / n);
  return variance > 0 ? (sab - (sa * sb) / n) / Math.sqrt(variance) : 0;
}

/** `image` under the map `p`. */
function warp(image: Float32Array, side: number, p: Float64Array): Float32Array {
  const half = side / 2;
  const centre = (side - 1) / 2;
  const out = new Float32Array(side * side);
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const x = (column - centre) / half;
      const y = (row - centre) / half;
      const u = (p[0]! * x + p[1]! * y + p[2]!) * half + centre;
      const v = (p[3]! * x + p[4]! * y + p[5]!) * half + centre;
      out[row * side + column] = sampleAt(image, side, u, v);
    }
  return out;
}

/** What removes the fine structure: sigma of the blur, in pixels of the 64×64 thumbnail. */
const detailSigma = 2;

const difference = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value - b[i]!);

/** The coarse level of a thumbnail: 32×32, blurred, and what the blur removed. */
export interface CoarseLevel {
  smooth: Float32Array;
  detail: Float32Array;
}

/** @param small luma `[32, 32]`, on any scale */
export function coarseLevel(small: Float32Array): CoarseLevel {
  const smooth = blur(small, alignSizePx >> 1, detailSigma / 2);
  return { smooth, detail: difference(small, smooth) };
}

/** Agreement of the details after a few steps below which more steps were never seen to help. */
const hopeless = 0.4;

/**
 * Coarse registration: the map from one thumbnail to the other and how well the details agree under it. Cheap
 * enough to be asked about every candidate.
 */
export function registerCoarse(
  moving: CoarseLevel,
  fixed: CoarseLevel,
): { map: Float64Array; correlation: number } {
  const map = Float64Array.of(1, 0, 0, 0, 1, 0);
  const side = alignSizePx >> 1;
  // Two scans of one picture are close after three steps; most candidates are not, and end here.
  register(moving.smooth, fixed.smooth, side, map, 3);
  const soon = centralCorrelation(moving.detail, fixed.detail, side, map);
  if (soon < hopeless) return { map, correlation: soon };
  register(moving.smooth, fixed.smooth, side, map, 5);
  return { map, correlation: centralCorrelation(moving.detail, fixed.detail, side, map) };
}

/**
 * Refines a coarse map and compares the details.
 * @param moving luma `[64, 64]`, 0…255
 * @param fixed luma `[64, 64]`, 0…255
 */
export function compareAligned(
  moving: ArrayLike<number>,
  fixed: ArrayLike<number>,
  coarseMap: Float64Array,
): Alignment {
  const side = alignSizePx;
  const a = Float32Array.from(moving);
  const b = Float32Array.from(fixed);
  const fixedDetail = difference(b, blur(b, side, detailSigma));
  const still = Float64Array.of(1, 0, 0, 0, 1, 0);
  const correlationUnder = (map: Float64Array): number => {
    const warped = warp(a, side, map);
    return centralCorrelation(difference(warped, blur(warped, side, detailSigma)), fixedDetail, side, still);
  };
  let map = coarseMap;
  let correlation = correlationUnder(map);
  const fine = coarseMap.slice();
  register(blur(a, side, 1.2), blur(b, side, 1.2), side, fine);
  const refined = correlationUnder(fine);
  if (refined > correlation) {
    correlation = refined;
    map = fine;
  }
  // Singular values of [[p0, p1], [p3, p4]].
  const plus = Math.hypot(map[0]! + map[4]!, map[3]! - map[1]!);
  const minus = Math.hypot(map[0]! - map[4]!, map[3]! + map[1]!);
  return {
    correlation,
    stretch: [Math.abs(plus - minus) / 2, (plus + minus) / 2],
    shift: Math.max(Math.abs(map[2]!), Math.abs(map[5]!)),
  };
}
