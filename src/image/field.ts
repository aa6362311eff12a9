/**
 * The field of view: where a picture shows something. Dermoscopes, fundus cameras and endoscopes leave a flat surround
 * about a round field, other programs pad pictures with bars, slices lie on black. What all pictures of a device share
 * must not make them alike, so whoever compares pictures looks inside the field only.
 *
 * A surround is what can be reached from the edge without leaving one colour, if it is smooth (no skin is) and if the
 * picture stands out against it. Any colour will do, and bars about an aperture are taken off one after the other. What
 * is left is made convex, as all fields are: so a lesion as dark as the surround that it touches is not lost, and marks
 * in the surround are not kept. A soft edge is told by how steeply the picture climbs from the surround's colour to its own.
 *
 * A flat part of the picture itself may be taken for surround. That loses nothing: there is nothing to see in it.
 */
import type { DecodedImage } from './decode.js';

/** A part of the frame, in shares of its sides, 0…1. */
export interface FieldBox {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Field {
  /** 1 inside, 0 in the surround: `[height, width]` over the whole frame. */
  inside: Uint8Array;
  width: number;
  height: number;
  /** What is just around the field. */
  box: FieldBox;
}

/** Fields are found on a grid of at most so many cells along the longer side. */
const gridSide = 80;
/** How far, in the channel that is furthest, a surround's cells are from its colour. */
const tolerance = 7;
/** Median difference of neighbours within a surround, at most. Skin at this size has 1.5 and more. */
const smoothest = 1.1;
/** Median of how far a surround's cells are from its colour, at most. Smooth skin has many cells further away. */
const flattest = 2;
/** Where no light came in, a surround may be so many times as rough: no skin is as dark. */
const unlit = { below: 14, times: 2 };
/** Share of the frame that a field takes at least: less is a lesion on smooth skin, rather than what a device shows. */
const leastField = 0.1;
/** By how much a picture stands out against its surround where the edge ends, at least. */
const leastContrast = 14;
/** Share of the edge at which a colour is worth a look; of the area, what is worth taking off. */
const leastEdge = 0.03;
const leastArea = 0.004;
/** The widest soft edge, as a share of the longer side. */
const widestEdge = 0.12;
/** A soft edge ends where the picture climbs by less than this share of its steepest climb. */
const edgeEnds = 0.25;
/** Surrounds about surrounds: bars about an aperture. */
const rounds = 3;
/** Colours at the edge of one round: bars of two colours, corners that differ. */
const coloursARound = 4;

/** RGB, interleaved: `[height, width, 3]`. */
interface Grid {
  data: Float32Array;
  width: number;
  height: number;
}

/** @param image not much larger than 160 px: its grain would pass for a picture's */
export function findField(image: DecodedImage): Field {
  const grid = shrink(image);
  const { width, height } = grid;
  const inside = new Uint8Array(width * height).fill(1);
  for (let round = 0; round < rounds; round++) if (!takeOff(grid, inside)) break;
  return { inside, width, height, box: boxOf(inside, width, height) };
}

/** Means over blocks. */
function shrink({ data, width, height }: DecodedImage): Grid {
  const factor = Math.ceil(Math.max(width, height) / gridSide);
  const [w, h] = [Math.max(1, Math.floor(width / factor)), Math.max(1, Math.floor(height / factor))];
  const out = new Float32Array(3 * w * h);
  for (let y = 0; y < h; y++) {
    const [top, bottom] = [Math.floor((y * height) / h), Math.floor(((y + 1) * height) / h)];
    for (let x = 0; x < w; x++) {
      const [left, right] = [Math.floor((x * width) / w), Math.floor(((x + 1) * width) / w)];
      const share = 1 / ((bottom - top) * (right - left));
      const to = 3 * (y * w + x);
      for (let v = top; v < bottom; v++)
        for (let u = left; u < right; u++)
          for (let c = 0; c < 3; c++) out[to + c]! += data[3 * (v * width + u) + c]! * share;
    }
  }
  return { data: out, width: w, height: h };
}

type Rgb = readonly [number, number, number];

const colourAt = (data: Float32Array, i: number): Rgb => [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];

/** The largest difference of a cell's channels from a colour. */
const apart = (data: Float32Array, i: number, [r, g, b]: Rgb): number =>
  Math.max(Math.abs(data[3 * i]! - r), Math.abs(data[3 * i + 1]! - g), Math.abs(data[3 * i + 2]! - b));

/** Takes the outermost surround off; false where there is none. */
function takeOff(grid: Grid, inside: Uint8Array): boolean {
  const { width, height } = grid;
  const surround = new Uint8Array(inside.length);
  let depth = 0;
  let edge = edgeOf(inside, width, height);
  const enough = leastEdge * edge.length;
  for (let k = 0; k < coloursARound && edge.length >= enough; k++) {
    const colour = commonest(grid.data, edge);
    if (colour.members.length < enough) break;
    const members = new Set(colour.members);
    edge = edge.filter((i) => !members.has(i));
    const flood = fill(grid, inside, colour);
    const found = judge(grid, inside, { ...flood, mean: colour.mean });
    if (found === undefined) continue;
    depth = Math.max(depth, found);
    for (const i of flood.cells) surround[i] = 1;
  }
  if (depth === 0) return false;
  const kept = hull(largestPiece(inside, surround, grid), width, height);
  let lost = 0;
  for (let i = 0; i < kept.length; i++) {
    kept[i]! &= inside[i]!;
    lost += inside[i]! - kept[i]!;
  }
  if (lost < leastArea * inside.length) return false;
  const distance = distances(inside, (i) => kept[i] === 0, { width, height, most: depth });
  const left = inside.map((value, i) => (distance[i]! <= depth ? 0 : value));
  if (left.reduce((sum, value) => sum + value, 0) < leastField * inside.length) return false;
  inside.set(left);
  return true;
}

/** Cells inside that border on the frame or on what is outside. */
function edgeOf(inside: Uint8Array, width: number, height: number): number[] {
  const found: number[] = [];
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      if (!inside[i]) continue;
      const atFrame = x === 0 || y === 0 || x === width - 1 || y === height - 1;
      if (atFrame || !inside[i - 1] || !inside[i + 1] || !inside[i - width] || !inside[i + width])
        found.push(i);
    }
  return found;
}

interface Colour {
  mean: Rgb;
  members: number[];
}

/** The colour that most of the cells have, and these. */
function commonest(data: Float32Array, cells: readonly number[]): Colour {
  const near = (colour: Rgb): number[] => cells.filter((i) => apart(data, i, colour) <= tolerance);
  let [most, best] = [0, cells[0]!];
  for (const i of cells) {
    const colour = colourAt(data, i);
    let count = 0;
    for (const j of cells) if (apart(data, j, colour) <= tolerance) count++;
    if (count > most) [most, best] = [count, i];
  }
  const start = near(colourAt(data, best));
  const mean = [0, 1, 2].map((c) =>
    start.reduce((sum, i) => sum + data[3 * i + c]! / start.length, 0),
  ) as unknown as Rgb;
  return { mean, members: [...new Set([...start, ...near(mean)])] };
}

interface Flood {
  cells: number[];
  mask: Uint8Array;
}

/** What can be reached from the members without leaving the colour. */
function fill({ data, width, height }: Grid, inside: Uint8Array, { mean, members }: Colour): Flood {
  const mask = new Uint8Array(inside.length);
  const cells: number[] = [];
  const visit = (i: number): void => {
    if (mask[i] || !inside[i] || apart(data, i, mean) > tolerance) return;
    mask[i] = 1;
    cells.push(i);
  };
  for (const i of members) visit(i);
  for (let at = 0; at < cells.length; at++) {
    const i = cells[at]!;
    const x = i % width;
    if (x > 0) visit(i - 1);
    if (x < width - 1) visit(i + 1);
    if (i >= width) visit(i - width);
    if (i < width * (height - 1)) visit(i + width);
  }
  return { cells, mask };
}

/** How far inside the picture's edge ends, in cells; undefined where the flood is no surround. */
function judge(
  { data, width, height }: Grid,
  inside: Uint8Array,
  { cells, mask, mean: colour }: Flood & Pick<Colour, 'mean'>,
): number | undefined {
  if (cells.length < leastArea * inside.length) return undefined;
  // Medians, since a soft edge begins within the flood.
  const steps: number[] = [];
  for (const i of cells)
    for (const j of [i % width < width - 1 ? i + 1 : -1, i + width])
      if (j >= 0 && j < mask.length && mask[j]) steps.push(apart(data, i, colourAt(data, j)));
  const leeway = Math.max(...colour) < unlit.below ? unlit.times : 1;
  if (median(steps) > leeway * smoothest) return undefined;
  if (median(cells.map((i) => apart(data, i, colour))) > leeway * flattest) return undefined;
  const widest = Math.max(2, Math.round(widestEdge * Math.max(width, height)));
  const distance = distances(inside, (i) => mask[i] === 1, { width, height, most: widest + 1 });
  const sums = new Float64Array(widest + 2);
  const counts = new Float64Array(widest + 2);
  for (let i = 0; i < distance.length; i++) {
    const d = distance[i]!;
    if (d < 1 || d > widest + 1 || !inside[i]) continue;
    sums[d]! += apart(data, i, colour);
    counts[d]!++;
  }
  // The mean by depth climbs steeply through the edge, and slowly or not at all within the picture.
  const mean = (d: number): number => (counts[d]! > 0 ? sums[d]! / counts[d]! : 0);
  const climb = (d: number): number => mean(d) - (d > 1 ? mean(d - 1) : 0);
  let steepest = 1;
  for (let d = 2; d <= widest; d++) if (climb(d) > climb(steepest)) steepest = d;
  let end = steepest;
  while (end < widest && climb(end + 1) > edgeEnds * climb(steepest)) end++;
  return mean(end) < leastContrast ? undefined : end;
}

/** 0 where there is none. */
const median = (values: number[]): number => values.sort((p, q) => p - q)[values.length >> 1] ?? 0;

/** Steps (also diagonal ones) from the cells of a set, which have 0; what is further than `most` has a number above it. */
function distances(
  inside: Uint8Array,
  isStart: (i: number) => boolean,
  { width, height, most }: { width: number; height: number; most: number },
): Int16Array {
  const distance = new Int16Array(inside.length).fill(most + 1);
  let front: number[] = [];
  for (let i = 0; i < distance.length; i++)
    if (isStart(i)) {
      distance[i] = 0;
      front.push(i);
    }
  for (let d = 1; d <= most && front.length > 0; d++) {
    const next: number[] = [];
    for (const i of front) {
      const [x, y] = [i % width, Math.floor(i / width)];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++)
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const j = v * width + u;
          if (distance[j]! <= d) continue;
          distance[j] = d;
          next.push(j);
        }
    }
    front = next;
  }
  return distance;
}

/** The largest connected piece of what is inside and no surround. */
function largestPiece(
  inside: Uint8Array,
  surround: Uint8Array,
  { width, height }: Pick<Grid, 'width' | 'height'>,
): number[] {
  const seen = Uint8Array.from(inside, (value, i) => (value && !surround[i] ? 0 : 1));
  let largest: number[] = [];
  for (let start = 0; start < seen.length; start++) {
    if (seen[start]) continue;
    const piece = [start];
    seen[start] = 1;
    for (let at = 0; at < piece.length; at++) {
      const i = piece[at]!;
      const x = i % width;
      for (const j of [x > 0 ? i - 1 : i, x < width - 1 ? i + 1 : i, i - width, i + width]) {
        if (j < 0 || j >= width * height || seen[j]) continue;
        seen[j] = 1;
        piece.push(j);
      }
    }
    if (piece.length > largest.length) largest = piece;
  }
  return largest;
}

/** The convex hull of cells, as a mask: between its leftmost and its rightmost edge in each row. */
function hull(cells: readonly number[], width: number, height: number): Uint8Array {
  const mask = new Uint8Array(width * height);
  const first = new Int32Array(height).fill(width);
  const last = new Int32Array(height).fill(-1);
  for (const i of cells) {
    const [x, y] = [i % width, Math.floor(i / width)];
    first[y] = Math.min(first[y]!, x);
    last[y] = Math.max(last[y]!, x);
  }
  const rows = [...last.keys()].filter((y) => last[y]! >= 0);
  if (rows.length === 0) return mask;
  const left = convexEdge(rows, (y) => first[y]!);
  const right = convexEdge(rows, (y) => -last[y]!);
  for (let y = rows[0]!; y <= rows.at(-1)!; y++) {
    const from = Math.ceil(left(y) - 1e-9);
    const to = Math.floor(-right(y) + 1e-9);
    mask.fill(1, y * width + from, y * width + to + 1);
  }
  return mask;
}

/** The lower convex edge of points (y, at y), as a function of y. */
function convexEdge(rows: readonly number[], at: (y: number) => number): (y: number) => number {
  const corners: number[] = [];
  for (const y of rows) {
    for (; corners.length >= 2; corners.pop()) {
      const [p, q] = [corners.at(-2)!, corners.at(-1)!];
      if ((at(q) - at(p)) * (y - q) <= (at(y) - at(q)) * (q - p)) break;
    }
    corners.push(y);
  }
  return (y) => {
    let k = 1;
    while (k < corners.length - 1 && corners[k]! < y) k++;
    const [p, q] = [corners[k - 1]!, corners[Math.min(k, corners.length - 1)]!];
    return p === q ? at(p) : at(p) + ((at(q) - at(p)) * (y - p)) / (q - p);
  };
}

function boxOf(inside: Uint8Array, width: number, height: number): FieldBox {
  let [left, right, top, bottom] = [width, 0, height, 0];
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      if (!inside[i]) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  if (right <= left) return { left: 0, top: 0, right: 1, bottom: 1 };
  return { left: left / width, top: top / height, right: right / width, bottom: bottom / height };
}
