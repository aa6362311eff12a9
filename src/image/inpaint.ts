/**
 * Inpainting by fast marching: Telea, "An Image Inpainting Technique Based on the Fast Marching Method", Journal of
 * Graphics Tools 9 (2004). Unknown pixels are filled from the rim inwards, in the order of their distance T from it;
 * each becomes a mean of the known pixels around it, weighted by how near they are, how nearly they lie on the same
 * level of T, and how nearly in the direction in which the front moves.
 *
 * Bit-exact to INPAINT_TELEA of OpenCV 4.6, which deviates from the paper, and so does this:
 * - the neighbours' gradients enter as (Jx + Jy) / |J|, a step between −√2 and √2 grey values, not as an
 *   extrapolation, and 0.5 is added before rounding to the nearest, so that a flat odd grey value comes out 1 lighter;
 * - a neighbour in the image's first row or column lends the value of the pixel beside it, further in;
 * - T of a pixel is computed once, when the front reaches it; equal T are served first come, first served.
 * Arithmetic is float32 where OpenCV's is, hence `fround`. In images of a single row or column OpenCV reads memory
 * outside of them; here their own pixels are taken.
 */
import { ConfigError, DataError } from 'graft-torch/base';
import type { DecodedImage } from './decode.js';
import { Front } from './front.js';

const { fround } = Math;

const KNOWN = 0;
/** In the mask, and not reached by the front yet. */
const INSIDE = 1;
/** T of what no front has reached. */
const FAR = 1e6;

/**
 * Fills the pixels that a mask marks.
 * @param image RGB `[height, width, 3]`; stays as it is
 * @param mask `[height, width]`; not 0: to be filled
 * @param radiusPx whole number, 1…100: how far around a pixel the known ones count
 * @returns a new image; equal to `image` where the mask is 0, and everywhere if it leaves nothing to fill from
 */
export function inpaintTelea(image: DecodedImage, mask: Uint8Array, radiusPx: number): DecodedImage {
  const { width, height } = image;
  if (mask.length !== width * height) {
    throw new DataError(`cannot inpaint: a mask of ${mask.length} pixels is not ${height}×${width}`);
  }
  if (!Number.isInteger(radiusPx) || radiusPx < 1 || radiusPx > 100) {
    throw new ConfigError(`cannot inpaint at a radius of ${radiusPx} px: a whole number from 1 to 100`);
  }
  const data = Uint8Array.from(image.data);
  const field = createField(mask, width, height);
  if (field.rim.length > 0) {
    marchOutwards(field, radiusPx);
    marchInwards(field, data, radiusPx);
  }
  return { data, width, height };
}

/** The image within a frame of one known pixel: `columns` = width + 2, `rows` = height + 2. */
interface Field {
  columns: number;
  rows: number;
  /** KNOWN or INSIDE. */
  state: Uint8Array;
  /** Distance from the rim, negative outside the mask. */
  time: Float32Array;
  /** Known pixels beside the mask (in the image, not in the frame), in reading order. */
  rim: readonly number[];
  /** Number of pixels of the mask. */
  unknown: number;
}

/** When the front that marches into the unknown reached each pixel: T, and which are known. */
type Arrivals = Pick<Field, 'state' | 'time' | 'columns'>;

function createField(mask: Uint8Array, width: number, height: number): Field {
  const columns = width + 2;
  const rows = height + 2;
  const state = new Uint8Array(columns * rows);
  let unknown = 0;
  for (let y = 0, from = 0; y < height; y++) {
    const to = (y + 1) * columns + 1;
    for (let x = 0; x < width; x++, from++) {
      if (mask[from] === 0) continue;
      state[to + x] = INSIDE;
      unknown++;
    }
  }
  const time = new Float32Array(columns * rows).fill(FAR);
  const rim: number[] = [];
  for (let i = 1; i <= height; i++) {
    const start = i * columns;
    for (let at = start + 1; at <= start + width; at++) {
      if (state[at] === INSIDE) continue;
      if ((state[at - columns]! | state[at - 1]! | state[at + 1]! | state[at + columns]!) === 0) continue;
      rim.push(at);
      time[at] = 0;
    }
  }
  return { columns, rows, state, time, rim, unknown };
}

/** T from two neighbours at right angles, by the upwind scheme of |∇T| = 1. */
function solve({ state, time }: Arrivals, a: number, b: number): number {
  const ta = time[a]!;
  const tb = time[b]!;
  if (state[a] !== INSIDE) {
    if (state[b] === INSIDE) return fround(1 + ta);
    const difference = ta - tb;
    if (Math.abs(difference) >= 1) return fround(1 + Math.min(ta, tb));
    return fround((ta + tb + Math.sqrt(2 - difference * difference)) * 0.5);
  }
  return fround(1 + (state[b] === INSIDE ? Math.min(ta, tb) : tb));
}

function arrivalTime(arrivals: Arrivals, at: number): number {
  const { columns } = arrivals;
  return Math.min(
    solve(arrivals, at - columns, at - 1),
    solve(arrivals, at + columns, at - 1),
    solve(arrivals, at - columns, at + 1),
    solve(arrivals, at + columns, at + 1),
  );
}

/** Gives the known pixels within `radiusPx` of the mask their T: negative distances from the rim. */
function marchOutwards(field: Field, radiusPx: number): void {
  const { columns, time, rim } = field;
  const ring = ringAround(field, radiusPx);
  const arrivals = { state: ring, time, columns };
  let inRing = 0;
  for (let at = 0; at < ring.length; at++) if (ring[at] === INSIDE) inRing++;
  const front = new Front(rim, inRing);
  const passed: number[] = [];
  const steps = [-columns, -1, columns, 1];
  for (let from = front.pop(); from >= 0; from = front.pop()) {
    passed.push(from);
    for (const step of steps) {
      const at = from + step;
      if (ring[at] !== INSIDE) continue;
      time[at] = arrivalTime(arrivals, at);
      ring[at] = KNOWN;
      front.push(at, time[at]!);
    }
  }
  for (const at of passed) time[at] = -time[at]!;
}

/** INSIDE for known pixels of the image, but those of the rim, that a square of 2 · radius + 1 px joins to the mask. */
function ringAround({ state, columns, rows, rim }: Field, radius: number): Uint8Array {
  const wide = new Uint8Array(state.length);
  for (let i = 0; i < rows; i++) {
    const start = i * columns;
    let last = -Infinity;
    for (let j = 0; j < columns + radius; j++) {
      if (j < columns && state[start + j] === INSIDE) last = j;
      if (j >= radius && j - last <= 2 * radius) wide[start + j - radius] = INSIDE;
    }
  }
  const ring = new Uint8Array(state.length);
  const last = new Int32Array(columns).fill(-1e6);
  for (let i = 0; i < rows - 1 + radius; i++) {
    const from = i * columns;
    const to = (i - radius) * columns;
    for (let j = 1; j < columns - 1; j++) {
      if (i < rows && wide[from + j] === INSIDE) last[j] = i;
      if (i > radius && i - last[j]! <= 2 * radius && state[to + j] === KNOWN) ring[to + j] = INSIDE;
    }
  }
  for (const at of rim) ring[at] = KNOWN;
  return ring;
}

/** Neighbours that count for a pixel: offsets in rows and columns, and 1 / distance³. */
interface Neighbourhood {
  di: Int32Array;
  dj: Int32Array;
  nearness: Float32Array;
}

function neighbourhood(radiusPx: number): Neighbourhood {
  const found: [number, number][] = [];
  for (let di = -radiusPx; di <= radiusPx; di++) {
    for (let dj = -radiusPx; dj <= radiusPx; dj++) {
      const squared = di * di + dj * dj;
      if (squared > 0 && squared <= radiusPx * radiusPx) found.push([di, dj]);
    }
  }
  return {
    di: Int32Array.from(found, ([di]) => di),
    dj: Int32Array.from(found, ([, dj]) => dj),
    nearness: Float32Array.from(found, ([di, dj]) => {
      const squared = di * di + dj * dj;
      return 1 / (squared * Math.sqrt(squared));
    }),
  };
}

/** Fills the mask in the order of T. */
function marchInwards(field: Field, data: Uint8Array, radiusPx: number): void {
  const { columns, state, time, rim, unknown } = field;
  const front = new Front(rim, unknown);
  const around = neighbourhood(radiusPx);
  const scratch: Scratch = {
    around,
    sources: {
      count: 0,
      weights: 0,
      indices: new Int32Array(5 * around.nearness.length),
      factors: new Float32Array(3 * around.nearness.length),
    },
  };
  const steps = [-columns, -1, columns, 1];
  for (let from = front.pop(); from >= 0; from = front.pop()) {
    for (const step of steps) {
      const at = from + step;
      if (state[at] !== INSIDE) continue;
      const i = Math.floor(at / columns);
      const j = at - i * columns;
      time[at] = arrivalTime(field, at);
      gather(field, { at, i, j }, scratch);
      const pixel = 3 * ((i - 1) * (columns - 2) + j - 1);
      for (let channel = 0; channel < 3; channel++) {
        data[pixel + channel] = blend(data, channel, scratch.sources);
      }
      state[at] = KNOWN;
      front.push(at, time[at]!);
    }
  }
}

/** One-sided or central difference of T along one axis. */
function slope({ state, time }: Arrivals, at: number, stride: number): number {
  const next = state[at + stride] !== INSIDE;
  const previous = state[at - stride] !== INSIDE;
  if (next && previous) return fround(fround(time[at + stride]! - time[at - stride]!) * 0.5);
  if (next) return fround(time[at + stride]! - time[at]!);
  return previous ? fround(time[at]! - time[at - stride]!) : 0;
}

/** What the known neighbours add to a pixel, worked out once for all three colours. */
interface Sources {
  count: number;
  /** Sum of the weights. */
  weights: number;
  /** Five a neighbour: where in the image its value is read, and the ends of its differences: right, left, below, above. */
  indices: Int32Array;
  /** Three a neighbour: its weight, and what to multiply its differences by. */
  factors: Float32Array;
}

interface Scratch {
  around: Neighbourhood;
  sources: Sources;
}

/** Collects the known neighbours of cell `at` (row i, column j) of the field. */
function gather(
  field: Field,
  cell: { at: number; i: number; j: number },
  { around, sources }: Scratch,
): void {
  const { columns, rows, state, time } = field;
  const { indices, factors } = sources;
  const { at, i, j } = cell;
  const width = columns - 2;
  const height = rows - 2;
  const slopeX = slope(field, at, 1);
  const slopeY = slope(field, at, columns);
  let n = 0;
  let weights = fround(1e-20);
  for (let k = 0; k < around.nearness.length; k++) {
    const row = i + around.di[k]!;
    const column = j + around.dj[k]!;
    if (row < 1 || column < 1 || row > height || column > width) continue;
    const neighbour = row * columns + column;
    if (state[neighbour] === INSIDE) continue;
    const dx = -around.dj[k]!;
    const dy = -around.di[k]!;
    const level = fround(1 / fround(1 + Math.abs(fround(time[neighbour]! - time[at]!))));
    let direction = fround(fround(dx * slopeX) + fround(dy * slopeY));
    if (Math.abs(direction) <= 0.01) direction = 0.000001;
    const weight = Math.abs(fround(fround(around.nearness[k]! * level) * fround(direction)));
    weights = fround(weights + weight);
    const x = Math.min(column === 1 ? 1 : column - 1, width - 1);
    const y = Math.min(row === 1 ? 1 : row - 1, height - 1);
    const xNext = Math.max(column === width ? column - 2 : column - 1, 0);
    const yNext = Math.max(row === height ? row - 2 : row - 1, 0);
    const right = state[neighbour + 1] === INSIDE ? 0 : 1;
    const left = state[neighbour - 1] === INSIDE ? 0 : 1;
    const below = state[neighbour + columns] === INSIDE ? 0 : 1;
    const above = state[neighbour - columns] === INSIDE ? 0 : 1;
    indices[5 * n] = 3 * (y * width + x);
    indices[5 * n + 1] = 3 * (y * width + Math.min(xNext + right, width - 1));
    indices[5 * n + 2] = 3 * (y * width + Math.max(x - left, 0));
    indices[5 * n + 3] = 3 * (Math.min(yNext + below, height - 1) * width + x);
    indices[5 * n + 4] = 3 * (Math.max(y - above, 0) * width + x);
    factors[3 * n] = weight;
    factors[3 * n + 1] = dx * (right + left);
    factors[3 * n + 2] = dy * (below + above);
    n++;
  }
  sources.count = n;
  sources.weights = weights;
}

/** One colour of a pixel from what {@link gather} found; `channel` 0, 1, 2. */
function blend(data: Uint8Array, channel: number, sources: Sources): number {
  const { count, weights, indices, factors } = sources;
  let sum = fround(0);
  let jx = fround(0);
  let jy = fround(0);
  for (let n = 0, k = 0, f = 0; n < count; n++, k += 5, f += 3) {
    const weight = factors[f]!;
    const acrossX = data[indices[k + 1]! + channel]! - data[indices[k + 2]! + channel]!;
    const acrossY = data[indices[k + 3]! + channel]! - data[indices[k + 4]! + channel]!;
    sum = fround(sum + fround(weight * data[indices[k]! + channel]!));
    jx = fround(jx - fround(weight * fround(acrossX * factors[f + 1]!)));
    jy = fround(jy - fround(weight * fround(acrossY * factors[f + 2]!)));
  }
  const norm = fround(fround(Math.sqrt(fround(fround(jx * jx) + fround(jy * jy)))) + fround(1e-20));
  const mean = fround(sum / weights);
  const step = fround(fround(jx + jy) / norm);
  return roundToByte(fround(fround(mean + step) + 0.5));
}

/** To the nearest whole number, halves to the even one, cut off at 0 and 255. */
function roundToByte(value: number): number {
  if (value <= 0) return 0;
  if (value >= 255) return 255;
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
