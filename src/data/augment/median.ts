/**
 * Median filter of 3 × 3 or 5 × 5 pixels as a network of minima and maxima, which is the same few operations for every
 * pixel: no sorting, no gathering of windows. Neighbouring windows share their sorted columns; of a window whose columns
 * and rows are sorted, only the pixels about the rising diagonal can be its median (Kopp & Purgathofer 1994).
 */

import { aten, type Tensor, tidy } from 'graft-torch';
import { onRows, rowsWhere } from '../../image/index.js';

/** Puts the smaller of two wires on the first, the larger on the second. */
type Exchange = readonly [number, number];

/** Batcher's sorting network for any number of wires (Knuth, TAOCP 5.2.2, algorithm M). */
export function sortingNetwork(wires: number): Exchange[] {
  const network: Exchange[] = [];
  const top = wires < 2 ? 0 : 2 ** Math.ceil(Math.log2(wires) - 1);
  for (let p = top; p > 0; p >>= 1) {
    let [q, r, d] = [top, 0, p];
    for (;;) {
      for (let i = 0; i < wires - d; i++) if ((i & p) === r) network.push([i, i + d]);
      if (q === p) break;
      [d, q, r] = [q - p, q >> 1, p];
    }
  }
  return network;
}

/** An exchange of which only the outputs that somebody reads are computed. */
interface PrunedExchange {
  low: number;
  high: number;
  needsLow: boolean;
  needsHigh: boolean;
}

/** Leaves out what does not reach the wanted wire. */
function prune(network: readonly Exchange[], wanted: number): PrunedExchange[] {
  const read = new Set([wanted]);
  const pruned: PrunedExchange[] = [];
  for (const [low, high] of [...network].reverse()) {
    const [needsLow, needsHigh] = [read.has(low), read.has(high)];
    if (!needsLow && !needsHigh) continue;
    pruned.push({ low, high, needsLow, needsHigh });
    read.add(low).add(high);
  }
  return pruned.reverse();
}

/** From a window whose columns are sorted (wire row · side + column) to its median. */
function medianNetwork(side: number): { exchanges: PrunedExchange[]; output: number } {
  const middle = (side * side + 1) / 2;
  const rows = Array.from({ length: side }, (_, row) =>
    sortingNetwork(side).map(([a, b]): Exchange => [row * side + a, row * side + b]),
  ).flat();
  // In the sorted table (row i, column j), (i + 1)(j + 1) − 1 others are no larger, and likewise from the far corner.
  const candidates = Array.from({ length: side * side }, (_, wire) => wire).filter((wire) => {
    const [i, j] = [Math.floor(wire / side), wire % side];
    return (i + 1) * (j + 1) <= middle && (side - i) * (side - j) <= middle;
  });
  const last = sortingNetwork(candidates.length).map(([a, b]): Exchange => [candidates[a]!, candidates[b]!]);
  // As many wires were left out below as above, so the median of all is the median of the rest.
  const output = candidates[candidates.length >> 1]!;
  return { exchanges: prune([...rows, ...last], output), output };
}

const NETWORKS = { 3: medianNetwork(3), 5: medianNetwork(5) } as const;
export type MedianSide = keyof typeof NETWORKS;

function exchange(wires: Tensor[], { low, high, needsLow, needsHigh }: PrunedExchange): void {
  const [a, b] = [wires[low]!, wires[high]!];
  if (needsLow) wires[low] = aten.minimum(a, b);
  if (needsHigh) wires[high] = aten.maximum(a, b);
  // Freed at once, so that the next exchange writes where the cache is warm.
  a.dispose();
  b.dispose();
}

function medianOf(images: Tensor, side: MedianSide): Tensor {
  return tidy(() => {
    const [, , height, width] = images.shape as [number, number, number, number];
    const margin = side >> 1;
    const padded = aten.replication_pad2d(images, [margin, margin, margin, margin]);
    const columns = Array.from({ length: side }, (_, i) => aten.narrow(padded, 2, i, height));
    for (const [low, high] of sortingNetwork(side)) {
      exchange(columns, { low, high, needsLow: true, needsHigh: true });
    }
    const wires = columns.flatMap((row) =>
      Array.from({ length: side }, (_, j) => aten.narrow(row, 3, j, width)),
    );
    const { exchanges, output } = NETWORKS[side];
    for (const one of exchanges) exchange(wires, one);
    return wires[output]!;
  });
}

/**
 * `cv2.medianBlur`: each channel's median over a square; beyond the border its pixels are repeated.
 * @param images float `[N, C, H, W]`
 * @param sides 3 or 5, one a sample
 */
export function medianBlur(images: Tensor, sides: readonly MedianSide[]): Tensor {
  return tidy(() => {
    const small = rowsWhere(sides, (side) => side === 3);
    const large = rowsWhere(sides, (side) => side === 5);
    const first = onRows(images, small, (chosen) => medianOf(chosen, 3));
    return onRows(first, large, (chosen) => medianOf(chosen, 5));
  });
}
