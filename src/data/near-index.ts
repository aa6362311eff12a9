/**
 * An index of sketches (sketch.ts): which rows of a long table of bytes are like a given one, without looking at all.
 * The rows are dealt into cells around centres (k-means); a query looks into the cells whose centres it is most like.
 * With √N cells, N queries cost N^1.5; a short table is one cell, and nothing is missed.
 * Source: Sivic & Zisserman, "Video Google", 2003 (the inverted file); Jégou, Douze & Schmid, "Product quantization for
 * nearest neighbor search", 2011.
 */
import { native } from '../torch/native.js';
import { sketchLength as length, sketchUnit } from './sketch.js';

/** Everything in shared memory; filled in the order of the functions below. */
export interface SketchIndex {
  count: number;
  /** `[N, length]`: as they were given, then in order of their cells. */
  rows: Int8Array;
  sorted: Int8Array;
  /** Of each row, its cell; of each sorted row, which row it is. */
  cells: Int32Array;
  order: Int32Array;
  /** `[cells, length]`, and where each cell begins. */
  centres: Int8Array;
  starts: Int32Array;
}

/** Below so many rows all are looked at. */
const fewRows = 20_000;
/** Rows a cell that centres are learned from, and how often they are moved. */
const sampleRows = 24;
const moves = 5;
/** Cells that a query looks into. */
const probes = 12;

export function createSketchIndex(count: number): SketchIndex {
  const cells = count < fewRows ? 1 : Math.min(4096, Math.round(2 * Math.sqrt(count)));
  const bytes = (n: number) => new Int8Array(new SharedArrayBuffer(n));
  const words = (n: number) => new Int32Array(new SharedArrayBuffer(4 * n));
  return {
    count,
    rows: bytes(count * length),
    sorted: bytes(count * length),
    cells: words(count),
    order: words(count),
    centres: bytes(cells * length),
    starts: words(cells + 1),
  };
}

const cellsOf = (index: SketchIndex): number => index.starts.length - 1;

/** Finds the centres, from rows that lie evenly over the table. */
export function learnCentres(index: SketchIndex): void {
  const { rows, centres, count } = index;
  const cells = cellsOf(index);
  if (cells === 1) return;
  const sampled = Math.min(count, sampleRows * cells);
  const sample = new Int8Array(sampled * length);
  for (let i = 0; i < sampled; i++) {
    const row = Math.floor((i * count) / sampled);
    sample.set(rows.subarray(row * length, (row + 1) * length), i * length);
  }
  for (let c = 0; c < cells; c++) {
    const row = Math.floor((c * sampled) / cells);
    centres.set(sample.subarray(row * length, (row + 1) * length), c * length);
  }
  const out = new Int32Array(cells);
  for (let move = 0; move < moves; move++) {
    const sums = new Float64Array(cells * length);
    for (let i = 0; i < sampled; i++) {
      const row = sample.subarray(i * length, (i + 1) * length);
      const to = nearestCell(index, row, out) * length;
      for (let j = 0; j < length; j++) sums[to + j]! += row[j]!;
    }
    for (let c = 0; c < cells; c++) {
      let square = 0;
      for (let j = 0; j < length; j++) square += sums[c * length + j]! ** 2;
      if (square === 0) continue;
      const unit = sketchUnit / Math.sqrt(square);
      for (let j = 0; j < length; j++) centres[c * length + j] = Math.round(sums[c * length + j]! * unit);
    }
  }
}

function nearestCell({ centres }: SketchIndex, row: Int8Array, out: Int32Array): number {
  native.dots(row, centres, out, 0, out.length);
  let best = 0;
  for (let c = 1; c < out.length; c++) if (out[c]! > out[best]!) best = c;
  return best;
}

/** Deals rows `from` to `to − 1` into cells. */
export function assignRows(index: SketchIndex, from: number, to: number): void {
  const cells = cellsOf(index);
  if (cells === 1) return;
  const out = new Int32Array(cells);
  for (let i = from; i < to; i++)
    index.cells[i] = nearestCell(index, index.rows.subarray(i * length, (i + 1) * length), out);
}

/** Sorts the rows by cell. */
export function sortRows({ count, rows, sorted, cells, order, starts }: SketchIndex): void {
  starts.fill(0);
  for (let i = 0; i < count; i++) starts[cells[i]! + 1]!++;
  for (let c = 1; c < starts.length; c++) starts[c]! += starts[c - 1]!;
  const next = starts.slice();
  for (let i = 0; i < count; i++) {
    const to = next[cells[i]!]!++;
    order[to] = i;
    sorted.set(rows.subarray(i * length, (i + 1) * length), to * length);
  }
}

/** A search with buffers of its own. `least` says what is worth finding, and is asked again after each find. */
export function createSketchSearch(
  index: SketchIndex,
): (query: Int8Array, least: () => number, found: (row: number, product: number) => void) => void {
  const { sorted, order, starts, centres } = index;
  const cells = cellsOf(index);
  const products = new Int32Array(cells);
  let longest = 0;
  for (let c = 0; c < cells; c++) longest = Math.max(longest, starts[c + 1]! - starts[c]!);
  const out = new Int32Array(longest);
  const looked = new Int32Array(Math.min(probes, cells));
  return (query, least, found) => {
    looked[0] = 0;
    if (cells > 1) {
      native.dots(query, centres, products, 0, cells);
      mostLike(products, looked);
    }
    for (const cell of looked) {
      const from = starts[cell]!;
      const many = starts[cell + 1]! - from;
      native.dots(query, sorted, out, from, many);
      let worthwhile = least();
      for (let i = 0; i < many; i++) {
        if (out[i]! < worthwhile) continue;
        found(order[from + i]!, out[i]!);
        worthwhile = least();
      }
    }
  };
}

/** The places of the largest values. */
function mostLike(values: Int32Array, into: Int32Array): void {
  let filled = 0;
  for (let c = 0; c < values.length; c++) {
    const value = values[c]!;
    if (filled === into.length && value <= values[into[filled - 1]!]!) continue;
    let at = filled < into.length ? filled++ : filled - 1;
    for (; at > 0 && values[into[at - 1]!]! < value; at--) into[at] = into[at - 1]!;
    into[at] = c;
  }
}
