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

/** Gaussian blur of a square image; the edge pixel is repeated outwards. */
function blur(image: Float32Array, side: number, sigma: number): Float32Array {
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

/** Bilinear sample at (x, y) in pixels, clamped to the frame. */
function sample(image: Float32Array, side: number, x: number, y: number): number {
  const cx = x < 0 ? 0 : x > side - 1 ? side - 1 : x;
  const cy = y < 0 ? 0 : y > side - 1 ? side - 1 : y;
  const x0 = cx >= side - 1 ? side - 2 : Math.floor(cx);
  const y0 = cy >= side - 1 ? side - 2 : Math.floor(cy);
  const fx = cx - x0;
  const fy = cy - y0;
  const at = y0 * side + x0;
  const top = image[at]! + fx * (image[at + 1]! - image[at]!);
  const bottom = image[at + side]! + fx * (image[at + side + 1]! - image[at + side]!);
  return top + fy * (bottom - top);
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

/**
 * Affine registration at one level of the pyramid: changes `p` so that `moving(p0 x + p1 y + p2, p3 x + p4 y + p5)`
 * looks like `fixed(x, y)`; coordinates run from −1 to 1.
 */
function register(moving: Float32Array, fixed: Float32Array, side: number, p: Float64Array): void {
  const steps = 8;
  const margin = side >> 3;
  const width = side - 2 * margin;
  const count = width * width;
  const half = side / 2;
  const centre = (side - 1) / 2;
  const jacobian = new Float64Array(count * 6);
  const warped = new Float64Array(count);
  const target = new Float64Array(count);

  let mean = 0;
  let square = 0;
  for (let y = 0; y < width; y++)
    for (let x = 0; x < width; x++) {
      const value = fixed[(y + margin) * side + x + margin]!;
      target[y * width + x] = value;
      mean += value;
      square += value * value;
    }
  mean /= count;
  const deviation = Math.sqrt(Math.max(square / count - mean * mean, 0)) + 1e-3;
  for (let i = 0; i < count; i++) target[i] = (target[i]! - mean) / deviation;

  for (let step = 0; step < steps; step++) {
    let sum = 0;
    let sumSquares = 0;
    const column = new Float64Array(6);
    for (let row = 0, i = 0; row < width; row++) {
      const y = (row + margin - centre) / half;
      for (let c = 0; c < width; c++, i++) {
        const x = (c + margin - centre) / half;
        const u = (p[0]! * x + p[1]! * y + p[2]!) * half + centre;
        const v = (p[3]! * x + p[4]! * y + p[5]!) * half + centre;
        const value = sample(moving, side, u, v);
        const gx = ((sample(moving, side, u + 1, v) - sample(moving, side, u - 1, v)) / 2) * half;
        const gy = ((sample(moving, side, u, v + 1) - sample(moving, side, u, v - 1)) / 2) * half;
        warped[i] = value;
        sum += value;
        sumSquares += value * value;
        const at = i * 6;
        jacobian[at] = gx * x;
        jacobian[at + 1] = gx * y;
        jacobian[at + 2] = gx;
        jacobian[at + 3] = gy * x;
        jacobian[at + 4] = gy * y;
        jacobian[at + 5] = gy;
        for (let j = 0; j < 6; j++) column[j]! += jacobian[at + j]!;
      }
    }
    const m = sum / count;
    const sd = Math.sqrt(Math.max(sumSquares / count - m * m, 0)) + 1e-3;
    const normal = new Float64Array(36);
    const right = new Float64Array(6);
    for (let i = 0; i < count; i++) {
      const at = i * 6;
      const error = target[i]! - (warped[i]! - m) / sd;
      for (let j = 0; j < 6; j++) {
        const left = (jacobian[at + j]! - column[j]! / count) / sd;
        right[j]! += left * error;
        for (let k = 0; k <= j; k++) normal[j * 6 + k]! += left * ((jacobian[at + k]! - column[k]! / count) / sd);
      }
    }
    for (let j = 0; j < 6; j++) {
      for (let k = 0; k < j; k++) normal[k * 6 + j] = normal[j * 6 + k]!;
      normal[j * 6 + j]! += 1e-4 * count; // damping: a flat image must not send the map to infinity
    }
    const delta = solve6(normal, right);
    let largest = 0;
    for (let j = 0; j < 6; j++) {
      p[j]! += delta[j]!;
      largest = Math.max(largest, Math.abs(delta[j]!));
    }
    if (largest < 2e-4) break;
  }
}

/** Correlation over the central part of the frame of what a blur of 2 px removes. */
function detailCorrelation(a: Float32Array, b: Float32Array, side: number): number {
  const margin = side >> 3;
  const blurredA = blur(a, side, 2);
  const blurredB = blur(b, side, 2);
  let n = 0;
  let sa = 0;
  let sb = 0;
  let saa = 0;
  let sbb = 0;
  let sab = 0;
  for (let y = margin; y < side - margin; y++)
    for (let x = margin; x < side - margin; x++) {
      const at = y * side + x;
      const va = a[at]! - blurredA[at]!;
      const vb = b[at]! - blurredB[at]!;
      n++;
      sa += va;
      sb += vb;
      saa += va * va;
      sbb += vb * vb;
      sab += va * vb;
    }
  const variance = (saa - (sa * sa) / n) * (sbb - (sb * sb) / n);
  return variance <= 0 ? 0 : (sab - (sa * sb) / n) / Math.sqrt(variance);
}

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
      out[row * side + column] = sample(image, side, u, v);
    }
  return out;
}

/**
 * Registers `moving` onto `fixed` and compares their details.
 * @param moving luma `[64, 64]`
 * @param fixed luma `[64, 64]`
 * @param options.giveUpBelow pairs whose details correlate below this after the coarse level are not refined (they
 * come back with what was reached); default 0.45
 */
export function compareAligned(
  moving: ArrayLike<number>,
  fixed: ArrayLike<number>,
  options: { giveUpBelow?: number } = {},
): Alignment {
  const side = alignSizePx;
  const a = Float32Array.from(moving);
  const b = Float32Array.from(fixed);
  const p = Float64Array.of(1, 0, 0, 0, 1, 0);
  register(blur(halve(a, side), side >> 1, 1.2), blur(halve(b, side), side >> 1, 1.2), side >> 1, p);
  let correlation = detailCorrelation(warp(a, side, p), b, side);
  if (correlation >= (options.giveUpBelow ?? 0.45)) {
    const fine = p.slice();
    register(blur(a, side, 1.2), blur(b, side, 1.2), side, fine);
    const refined = detailCorrelation(warp(a, side, fine), b, side);
    if (refined > correlation) {
      correlation = refined;
      p.set(fine);
    }
  }
  // Singular values of [[p0, p1], [p3, p4]].
  const sum = Math.hypot(p[0]! + p[4]!, p[3]! - p[1]!);
  const difference = Math.hypot(p[0]! - p[4]!, p[3]! + p[1]!);
  return {
    correlation,
    stretch: [Math.abs(sum - difference) / 2, (sum + difference) / 2],
    shift: Math.max(Math.abs(p[2]!), Math.abs(p[5]!)),
  };
}
