/**
 * Prints: what is fine in a content map, at half its size, each neighbourhood brought to one strength. Two of them tell
 * in microseconds whether a closer look is worth it.
 */
import { kernels } from 'graft-torch/kernels';
import { contentSizePx } from './content.js';
import { createBlur } from './masked-blur.js';
import type { MatchMap } from './match.js';

export const printSizePx = contentSizePx >> 1;
export const printArea = printSizePx * printSizePx;

/** In pixels of a print. */
const detail = createBlur(1.5, printSizePx);
const place = createBlur(2.5, printSizePx);
/** In grey values: neighbourhoods that vary less are not brought to full strength. */
const noise = 1.5;
/** What a standard deviation is in bytes. */
const unit = 40;
/** Fewer common pixels show nothing. */
const fewest = printArea / 6;

/** @param map at half the size of content maps */
export function printInto({ luma, inside }: MatchMap, into: Int8Array): void {
  const details = detail.within(inside).blur(luma, new Float32Array(printArea));
  const squares = new Float32Array(printArea);
  for (let i = 0; i < printArea; i++) {
    details[i] = inside[i]! * (luma[i]! - details[i]!);
    squares[i] = details[i]! * details[i]!;
  }
  place.within(inside).blur(squares, squares);
  for (let i = 0; i < printArea; i++) {
    const value = Math.round((unit * details[i]!) / Math.sqrt(squares[i]! + noise * noise));
    // 0 is what lies outside.
    into[i] = inside[i] === 0 ? 0 : value === 0 ? 1 : Math.max(-127, Math.min(127, value));
  }
}

/**
 * Correlation of two prints over what both show.
 * @param p the map from the fixed to the moving one's coordinates (match.ts)
 */
export const comparePrints = (moving: Int8Array, fixed: Int8Array, p: Float64Array): number =>
  kernels.comparePrints(moving, fixed, p, fewest);
