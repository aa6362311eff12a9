/**
 * Affine registration of small square maps of which a part alone counts: Lucas–Kanade, blind to contrast and
 * brightness, over what both show.
 * Source: Baker & Matthews, "Lucas–Kanade 20 years on", 2004 (forward additive).
 *
 * With g the slopes of the moving map under the map p, each step solves fixed ≈ contrast · (moving + gᵀ A Δp) +
 * brightness. A row of the system is [gx x, gx y, gx, gy x, gy y, gy, value, 1]. y is constant along a line, so that
 * each line needs sums over x alone, which stay in registers of the processor.
 */

const unknowns = 8; // six of the map, contrast, brightness
/** In grey values²: a flat map must not send the other to infinity. */
const damping = 0.05;
/** Of the moving map's: a negative of a picture is none of it. */
const leastContrast = 0.1;
/** Of a step, in half sides. */
const mostChange = 0.15;

const normal = new Float64Array(unknowns * unknowns);
const right = new Float64Array(unknowns);

/** Solves the symmetric positive definite system in place (Gauss, no pivoting needed); the solution is in `right`. */
function solve(): void {
  const n = unknowns;
  for (let k = 0; k < n; k++)
    for (let i = k + 1; i < n; i++) {
      const factor = normal[i * n + k]! / normal[k * n + k]!;
      for (let j = k; j < n; j++) normal[i * n + j]! -= factor * normal[k * n + j]!;
      right[i]! -= factor * right[k]!;
    }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) right[i]! -= normal[i * n + j]! * right[j]!;
    right[i]! /= normal[i * n + i]!;
  }
}

/** Adds a line's Σ [x, y, 1] a to three numbers. */
function addLine(into: Float64Array, at: number, step: number, y: number, a: number, ax: number): void {
  into[at]! += ax;
  into[at + step]! += y * a;
  into[at + 2 * step]! += a;
}

/** Adds a line's Σ [x, y, 1] [x, y, 1]ᵀ w to a 3×3 block. */
function addBlock(at: number, y: number, w: number, wx: number, wxx: number): void {
  addLine(normal, at, 1, y, wx, wxx);
  addLine(normal, at + unknowns, 1, y, y * w, y * wx);
  addLine(normal, at + 2 * unknowns, 1, y, w, wx);
}

/**
 * Changes the map `p` so that the moving map under it looks like the fixed one, but for contrast and brightness: the
 * pixel of the fixed map at (x, y), −1…1 over the map, is that of the moving one at (p0 x + p1 y + p2, p3 x + p4 y + p5).
 * @param moving `[side, side]`
 * @param fixed `[side, side]`
 * @param options.inside what counts of each: 1 or 0
 * @param options.steps at most
 */
export function register(
  moving: Float32Array,
  fixed: Float32Array,
  options: { inside: readonly [Float32Array, Float32Array]; side: number; p: Float64Array; steps: number },
): void {
  for (let step = 0; step < options.steps; step++) if (!takeStep(moving, fixed, options)) return;
}

/** One Gauss–Newton step; false where it was the last. */
function takeStep(
  moving: Float32Array,
  fixed: Float32Array,
  options: { inside: readonly [Float32Array, Float32Array]; side: number; p: Float64Array },
): boolean {
  const { inside, side, p } = options;
  const [movingInside, fixedInside] = inside;
  const last = side - 1;
  const half = side / 2;
  const centre = last / 2;
  const [p0, p2, p3, p5] = [p[0]!, p[2]!, p[3]!, p[5]!];
  normal.fill(0);
  right.fill(0);
  let count = 0;
  for (let r = 0, i = 0; r < side; r++) {
    const y = (r - centre) / half;
    const p1y = p[1]! * y;
    const p4y = p[4]! * y;
    let [n, v, vv, t, vt] = [0, 0, 0, 0, 0];
    let [a, ax, b, bx, av, avx, bv, bvx, at, atx, bt, btx] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let [aa, aax, aaxx, ab, abx, abxx, bb, bbx, bbxx] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (let c = 0; c < side; c++, i++) {
      if (fixedInside[i] === 0) continue;
      const x = (c - centre) / half;
      const column = (p0 * x + p1y + p2) * half + centre;
      const row = (p3 * x + p4y + p5) * half + centre;
      if (!(column >= 0 && row >= 0 && column < last && row < last)) continue;
      const x0 = column | 0;
      const y0 = row | 0;
      const k = y0 * side + x0;
      if (
        movingInside[k]! * movingInside[k + 1]! * movingInside[k + side]! * movingInside[k + side + 1]! ===
        0
      )
        continue;
      const fx = column - x0;
      const fy = row - y0;
      const first = moving[k]!;
      const across = moving[k + 1]! - first;
      const below = moving[k + side]!;
      const acrossBelow = moving[k + side + 1]! - below;
      const top = first + fx * across;
      const down = below + fx * acrossBelow - top;
      const value = top + fy * down;
      const gx = (across + fy * (acrossBelow - across)) * half;
      const gy = down * half;
      const target = fixed[i]!;
      const gxx = gx * x;
      const gyx = gy * x;
      n++;
      v += value;
      vv += value * value;
      t += target;
      vt += value * target;
      a += gx;
      ax += gxx;
      b += gy;
      bx += gyx;
      av += gx * value;
      avx += gxx * value;
      bv += gy * value;
      bvx += gyx * value;
      at += gx * target;
      atx += gxx * target;
      bt += gy * target;
      btx += gyx * target;
      aa += gx * gx;
      aax += gx * gxx;
      aaxx += gxx * gxx;
      ab += gx * gy;
      abx += gxx * gy;
      abxx += gxx * gyx;
      bb += gy * gy;
      bbx += gy * gyx;
      bbxx += gyx * gyx;
    }
    count += n;
    // The lower triangle: rows 3…5 against columns 0…2 is the block of gx gy.
    addBlock(0, y, aa, aax, aaxx);
    addBlock(3 * unknowns, y, ab, abx, abxx);
    addBlock(3 * unknowns + 3, y, bb, bbx, bbxx);
    addLine(normal, 6 * unknowns, 1, y, av, avx);
    addLine(normal, 6 * unknowns + 3, 1, y, bv, bvx);
    addLine(normal, 7 * unknowns, 1, y, a, ax);
    addLine(normal, 7 * unknowns + 3, 1, y, b, bx);
    normal[6 * unknowns + 6]! += vv;
    normal[7 * unknowns + 6]! += v;
    normal[7 * unknowns + 7]! += n;
    addLine(right, 0, 1, y, at, atx);
    addLine(right, 3, 1, y, bt, btx);
    right[6]! += vt;
    right[7]! += t;
  }
  if (count < 4 * unknowns) return false;
  for (let j = 0; j < unknowns; j++) {
    for (let k = 0; k < j; k++) normal[k * unknowns + j] = normal[j * unknowns + k]!;
    if (j < 6) normal[j * unknowns + j]! += count * damping;
  }
  normal[6 * unknowns + 6]! += count * 1e-3;
  solve();
  const contrast = right[6]!;
  if (!(contrast > leastContrast)) return false;
  let largest = 0;
  for (let j = 0; j < 6; j++) {
    const change = Math.min(mostChange, Math.max(-mostChange, right[j]! / contrast));
    p[j]! += change;
    largest = Math.max(largest, Math.abs(change));
  }
  return largest >= 1e-3;
}
