/**
 * Prints: what is fine in a content map, at half its size, each neighbourhood brought to one strength. Two of them tell
 * in microseconds whether a closer look is worth it.
 */
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
 * @param p the map from the fixed to the moving one's coordinates (register.ts)
 */
export function comparePrints(moving: Int8Array, fixed: Int8Array, p: Float64Array): number {
  const side = printSizePx;
  const last = side - 1;
  const half = side / 2;
  const centre = last / 2;
  let [n, aa, bb, ab] = [0, 0, 0, 0];
  for (let r = 0, i = 0; r < side; r++) {
    const y = (r - centre) / half;
    // Along a row the place moves evenly.
    const x0 = -centre / half;
    let u = (p[0]! * x0 + p[1]! * y + p[2]!) * half + centre;
    let v = (p[3]! * x0 + p[4]! * y + p[5]!) * half + centre;
    for (let c = 0; c < side; c++, i++, u += p[0]!, v += p[3]!) {
      const b = fixed[i]!;
      if (b === 0 || !(u >= 0 && v >= 0 && u < last && v < last)) continue;
      const at = (v | 0) * side + (u | 0);
      const first = moving[at]!;
      const below = moving[at + side]!;
      const right = moving[at + 1]!;
      const belowRight = moving[at + side + 1]!;
      if (first === 0 || below === 0 || right === 0 || belowRight === 0) continue;
      const fx = u - (u | 0);
      const top = first + fx * (right - first);
      const a = top + (v - (v | 0)) * (below + fx * (belowRight - below) - top);
      n++;
      aa += a * a;
      bb += b * b;
      ab += a * b;
    }
  }
  return n < fewest || aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
