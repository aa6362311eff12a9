/**
 * An index of sketches (sketch.ts): which rows of a long table of bytes are like given ones, without looking at all.
 * The rows are dealt into cells around centres (k-means); a query looks into the cells whose centres it is most like.
 * With √N cells, N queries cost N^1.5; the shorter the table, the larger the share of it that a query looks at.
 * Source: Sivic & Zisserman, "Video Google", 2003 (the inverted file); Jégou, Douze & Schmid, "Product quantization for
 * nearest neighbor search", 2011.
 */
import { kernels } from 'graft-torch/kernels';
import { sketchLength as length, sketchUnit } from './sketch.js';

/** Everything in shared memory; filled in the order of the functions below. */
export interface SketchIndex {
  count: number;
  /** `[N, length]`: as they were given, then in order of their cells. */
  rows: Int8Array;
  sorted: Int8Array;
  /** Of each row, whose it is, and its cell; of each sorted row, which row it is, and whose. */
  owners: Int32Array;
  cells: Int32Array;
  order: Int32Array;
  sortedOwners: Int32Array;
  /** `[cells, length]`, and where each cell begins. */
  centres: Int8Array;
  starts: Int32Array;
}

/** Below so many rows all are looked at. */
const fewRows = 20_000;
/** Rows a cell that centres are learned from, and how often they are moved. */
const sampleRows = 16;
const moves = 4;
/** Cells that a query looks into: at least so many, and as many more as this many rows allow. */
const fewestProbes = 12;
const lookedAtRows = 8000;

export function createSketchIndex(count: number): SketchIndex {
  const cells = count < fewRows ? 1 : Math.min(4096, Math.round(2 * Math.sqrt(count)));
  const bytes = (n: number) => new Int8Array(new SharedArrayBuffer(n));
  const words = (n: number) => new Int32Array(new SharedArrayBuffer(4 * n));
  return {
    count,
    rows: bytes(count * length),
    sorted: bytes(count * length),
    owners: words(count),
    cells: words(count),
    order: words(count),
    sortedOwners: words(count),
    centres: bytes(cells * length),
    starts: words(cells + 1),
  };
}

const cellsOf = (index: SketchIndex): number => index.starts.length - 1;
const probesOf = (index: SketchIndex): number =>
  Math.min(cellsOf(index), Math.max(fewestProbes, Math.round((lookedAtRows * cellsOf(index)) / index.count)));

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
  const nearest = new Int32Array(sampled);
  for (let move = 0; move < moves; move++) {
    kernels.mostLike(sample, centres, nearest, length);
    const sums = new Float64Array(cells * length);
    for (let i = 0; i < sampled; i++)
      for (let j = 0, from = i * length, to = nearest[i]! * length; j < length; j++)
        sums[to + j]! += sample[from + j]!;
    for (let c = 0; c < cells; c++) {
      let square = 0;
      for (let j = 0; j < length; j++) square += sums[c * length + j]! ** 2;
      if (square === 0) continue;
      const unit = sketchUnit / Math.sqrt(square);
      for (let j = 0; j < length; j++)
        centres[c * length + j] = Math.min(127, Math.round(sums[c * length + j]! * unit));
    }
  }
}

/** Deals rows `from` to `to − 1` into cells. */
export function assignRows(index: SketchIndex, from: number, to: number): void {
  if (cellsOf(index) === 1) return;
  const rows = index.rows.subarray(from * length, to * length);
  kernels.mostLike(rows, index.centres, index.cells.subarray(from, to), length);
}

/** Puts the rows in order of their cells. */
export function sortRows({
  rows,
  sorted,
  owners,
  cells,
  order,
  sortedOwners,
  starts,
  count,
}: SketchIndex): void {
  starts.fill(0);
  for (let i = 0; i < count; i++) starts[cells[i]! + 1]!++;
  for (let c = 1; c < starts.length; c++) starts[c]! += starts[c - 1]!;
  const next = starts.slice();
  for (let i = 0; i < count; i++) {
    const to = next[cells[i]!]!++;
    order[to] = i;
    sortedOwners[to] = owners[i]!;
    sorted.set(rows.subarray(i * length, (i + 1) * length), to * length);
  }
}

/** Queries of images that follow each other, those of an image together. */
export interface Queries {
  /** `[M, length]` */
  sketches: Int8Array;
  /** Whose each is, `[M]`. */
  askers: Int32Array;
}

/** A row that is like a query: whose it is, its number, and which of the image's queries, from 0. */
export interface Find {
  owner: number;
  row: number;
  query: number;
}

/**
 * The best rows for each asker, one an owner, none of its own.
 * @param options.most finds of an asker
 * @param options.least product of sketches that is worth a look
 * @returns of each asker in turn the finds, best first
 */
export function findLike(
  index: SketchIndex,
  { sketches, askers }: Queries,
  { most, least }: { most: number; least: number },
): Find[][] {
  if (askers.length === 0) return [];
  const first = askers[0]!;
  const asking = askers.at(-1)! - first + 1;
  const each = probesOf(index);
  const looked = new Int32Array(askers.length * each);
  if (cellsOf(index) > 1) kernels.mostLike(sketches, index.centres, looked, length);
  const finds = new Int32Array(asking * most * 4);
  const settings = Int32Array.of(length, first, most, least);
  kernels.sieve(sketches, askers, looked, index.sorted, index.sortedOwners, index.starts, finds, settings);
  return Array.from({ length: asking }, (_, a) => {
    const own: Find[] = [];
    for (let at = 4 * a * most; at < 4 * (a + 1) * most && finds[at]! >= 0; at += 4)
      own.push({ owner: finds[at]!, query: finds[at + 2]!, row: index.order[finds[at + 3]!]! });
    return own;
  });
}
