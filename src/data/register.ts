/**
 * Affine registration of small images: Lucas–Kanade, blind to contrast and brightness, over the central three
 * quarters of the frame.
 * Source: Baker & Matthews, "Lucas–Kanade 20 years on", 2004 (forward additive).
 *
 * A search over 30,000 images registers a million pairs: hence the buffers that are kept between calls, and loops
 * that keep few sums at a time, each of which stays in a register of the processor. The first step needs to know the
 * moving image alone, so it is prepared once for all that the image is compared with.
 */

/** The central part of a frame of `side`²; coordinates run from −1 to 1 over the frame. */
export interface Frame {
  side: number;
  /** Pixels left out on each side. */
  margin: number;
  /** Pixels across the central part. */
  width: number;
  /** Pixels of it. */
  count: number;
  /** Coordinate of each column, and of each row. */
  axis: Float64Array;
}

export function frameOf(side: number): Frame {
  const margin = side >> 3;
  const width = side - 2 * margin;
  const axis = Float64Array.from({ length: width }, (_, i) => (i + margin - (side - 1) / 2) / (side / 2));
  return { side, margin, width, count: width * width, axis };
}

/** An image under a map, over the central part: its values, and its slopes by the coordinates in the image. */
export interface Samples {
  value: Float64Array;
  slopeX: Float64Array;
  slopeY: Float64Array;
}

export function createSamples({ count }: Frame): Samples {
  const plane = () => new Float64Array(count);
  return { value: plane(), slopeX: plane(), slopeY: plane() };
}

/**
 * `image(p0 x + p1 y + p2, p3 x + p4 y + p5)` at each central (x, y): bilinear, clamped to the frame.
 * @param image `[side, side]`
 */
export function sample(image: Float64Array, frame: Frame, p: Float64Array, into: Samples): void {
  const { side, width, axis } = frame;
  const { value, slopeX, slopeY } = into;
  const last = side - 1;
  const half = side / 2;
  const centre = last / 2;
  const p0 = p[0]!;
  const p2 = p[2]!;
  const p3 = p[3]!;
  const p5 = p[5]!;
  for (let r = 0, i = 0; r < width; r++) {
    const p1y = p[1]! * axis[r]!;
    const p4y = p[4]! * axis[r]!;
    for (let c = 0; c < width; c++, i++) {
      const x = axis[c]!;
      const u = (p0 * x + p1y + p2) * half + centre;
      const v = (p3 * x + p4y + p5) * half + centre;
      const cx = u < 0 ? 0 : u > last ? last : u;
      const cy = v < 0 ? 0 : v > last ? last : v;
      const x0 = cx < last ? cx | 0 : last - 1;
      const y0 = cy < last ? cy | 0 : last - 1;
      const fx = cx - x0;
      const fy = cy - y0;
      const at = y0 * side + x0;
      const a = image[at]!;
      const right = image[at + 1]! - a;
      const below = image[at + side]!;
      const belowRight = image[at + side + 1]! - below;
      const top = a + fx * right;
      const down = below + fx * belowRight - top;
      value[i] = top + fy * down;
      slopeX[i] = ((1 - fy) * right + fy * belowRight) * half;
      slopeY[i] = down * half;
    }
  }
}

/**
 * The part of the normal equations that the moving image decides. A row of the Jacobian J is
 * [gx x, gx y, gx, gy x, gy y, gy].
 */
export interface MovingSums {
  mean: number;
  deviation: number;
  /** Σ J */
  jacobian: Float64Array;
  /** Σ J · value */
  value: Float64Array;
  /** Σ J Jᵀ, lower triangle */
  products: Float64Array;
}

export const createMovingSums = (): MovingSums => ({
  mean: 0,
  deviation: 0,
  jacobian: new Float64Array(6),
  value: new Float64Array(6),
  products: new Float64Array(36),
});

// y is constant along a line, so that each line needs sums over x alone; the next two spread them over its y.

/** Adds a line's Σ [x, y, 1] a and Σ [x, y, 1] b to the two halves of a sum over J. */
function addLine(into: Float64Array, y: number, a: number, ax: number, b: number, bx: number): void {
  into[0]! += ax;
  into[1]! += y * a;
  into[2]! += a;
  into[3]! += bx;
  into[4]! += y * b;
  into[5]! += b;
}

/** Adds a line's Σ [x, y, 1] [x, y, 1]ᵀ w to the 3×3 block of the products that begins at index `at`. */
function addBlock(into: Float64Array, at: number, y: number, w: number, wx: number, wxx: number): void {
  into[at]! += wxx;
  into[at + 1]! += y * wx;
  into[at + 2]! += wx;
  into[at + 6]! += y * wx;
  into[at + 7]! += y * y * w;
  into[at + 8]! += y * w;
  into[at + 12]! += wx;
  into[at + 13]! += y * w;
  into[at + 14]! += w;
}

export function sumMoving(samples: Samples, { width, count, axis }: Frame, into: MovingSums): void {
  const { value, slopeX, slopeY } = samples;
  into.jacobian.fill(0);
  into.value.fill(0);
  into.products.fill(0);
  let sum = 0;
  let squares = 0;
  for (let r = 0; r < width; r++) {
    const y = axis[r]!;
    const start = r * width;
    let a = 0;
    let ax = 0;
    let b = 0;
    let bx = 0;
    let aa = 0;
    let aax = 0;
    let aaxx = 0;
    let ab = 0;
    let abx = 0;
    let abxx = 0;
    let bb = 0;
    let bbx = 0;
    let bbxx = 0;
    for (let c = 0; c < width; c++) {
      const x = axis[c]!;
      const gx = slopeX[start + c]!;
      const gy = slopeY[start + c]!;
      a += gx;
      ax += gx * x;
      b += gy;
      bx += gy * x;
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
    let av = 0;
    let avx = 0;
    let bv = 0;
    let bvx = 0;
    for (let c = 0; c < width; c++) {
      const x = axis[c]!;
      const v = value[start + c]!;
      const gx = slopeX[start + c]! * v;
      const gy = slopeY[start + c]! * v;
      sum += v;
      squares += v * v;
      av += gx;
      avx += gx * x;
      bv += gy;
      bvx += gy * x;
    }
    addLine(into.jacobian, y, a, ax, b, bx);
    addLine(into.value, y, av, avx, bv, bvx);
    addBlock(into.products, 0, y, aa, aax, aaxx);
    addBlock(into.products, 18, y, ab, abx, abxx);
    addBlock(into.products, 21, y, bb, bbx, bbxx);
  }
  into.mean = sum / count;
  into.deviation = Math.sqrt(Math.max(squares / count - into.mean * into.mean, 0)) + 1e-5;
}

/** Σ J · target */
function sumTarget(samples: Samples, frame: Frame, target: Float64Array, into: Float64Array): void {
  const { width, axis } = frame;
  const { slopeX, slopeY } = samples;
  into.fill(0);
  for (let r = 0; r < width; r++) {
    const start = r * width;
    let at = 0;
    let atx = 0;
    let bt = 0;
    let btx = 0;
    for (let c = 0; c < width; c++) {
      const x = axis[c]!;
      const t = target[start + c]!;
      const gx = slopeX[start + c]! * t;
      const gy = slopeY[start + c]! * t;
      at += gx;
      atx += gx * x;
      bt += gy;
      btx += gy * x;
    }
    addLine(into, axis[r]!, at, atx, bt, btx);
  }
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

const normal = new Float64Array(36);
const right = new Float64Array(6);

/** Moves the map `p` by one Gauss–Newton step; returns its largest change. */
function takeStep(p: Float64Array, moving: MovingSums, target: Float64Array, count: number): number {
  // Standardising the moving image only subtracts the columns' means and divides by the deviation.
  const { mean, deviation, jacobian, value, products } = moving;
  for (let j = 0; j < 6; j++) {
    // The target has zero mean, so its product needs no correction.
    right[j] = (target[j]! - (value[j]! - jacobian[j]! * mean) / deviation) / deviation;
    for (let k = 0; k <= j; k++) {
      const entry = (products[j * 6 + k]! - (jacobian[j]! * jacobian[k]!) / count) / (deviation * deviation);
      normal[j * 6 + k] = entry;
      normal[k * 6 + j] = entry;
    }
    normal[j * 6 + j]! += 1e-4 * count; // damping: a flat image must not send the map to infinity
  }
  const delta = solve6(normal, right);
  let largest = 0;
  for (let j = 0; j < 6; j++) {
    p[j]! += delta[j]!;
    largest = Math.max(largest, Math.abs(delta[j]!));
  }
  return largest;
}

/** Gives the central part of an image zero mean and unit variance, in place: a target of {@link register}. */
export function standardise(target: Float64Array): void {
  let mean = 0;
  let square = 0;
  for (let i = 0; i < target.length; i++) {
    const value = target[i]!;
    mean += value / target.length;
    square += (value * value) / target.length;
  }
  const deviation = Math.sqrt(Math.max(square - mean * mean, 0)) + 1e-5;
  for (let i = 0; i < target.length; i++) target[i] = (target[i]! - mean) / deviation;
}

/** What is known of a moving image under a map. */
export interface Start {
  samples: Samples;
  sums: MovingSums;
}

const sums = createMovingSums();
const targetSums = new Float64Array(6);

/**
 * Changes the map `p` so that the moving image under it looks like the target.
 * @param moving `[side, side]`
 * @param target the fixed image's central part, standardised
 * @param options.start what is known of the moving image under `p`, for the first step
 * @param options.samples a buffer
 */
export function register(
  moving: Float64Array,
  target: Float64Array,
  options: { frame: Frame; p: Float64Array; steps: number; samples: Samples; start?: Start },
): void {
  const { frame, p, steps, samples, start } = options;
  for (let step = 0; step < steps; step++) {
    let now: Start = { samples, sums };
    if (step === 0 && start) now = start;
    else {
      sample(moving, frame, p, samples);
      sumMoving(samples, frame, sums);
    }
    sumTarget(now.samples, frame, target, targetSums);
    if (takeStep(p, now.sums, targetSums, frame.count) < 1e-3) break;
  }
}
