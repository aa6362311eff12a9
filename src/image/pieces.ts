/** Connected pieces of a mask. */
import type { ImageSize } from './decode.js';

export interface Piece {
  /** Number of pixels. */
  pixels: number;
  /** Diagonal of the box around the piece. */
  extentPx: number;
}

/**
 * Pieces of what is not 0, joined over sides and corners, in reading order of their first pixels.
 * @param mask `[height, width]`
 */
export function pieces(mask: Uint8Array, { width, height }: ImageSize): Piece[] {
  const found: Piece[] = [];
  const seen = new Uint8Array(mask.length);
  const open: number[] = [];
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] === 0 || seen[start]) continue;
    let pixels = 0;
    let [left, right, top, bottom] = [width, 0, height, 0];
    seen[start] = 1;
    open.push(start);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const x = at % width;
      const y = (at - x) / width;
      pixels++;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v * width + u;
          if (mask[next] === 0 || seen[next]) continue;
          seen[next] = 1;
          open.push(next);
        }
      }
    }
    found.push({ pixels, extentPx: Math.hypot(right - left + 1, bottom - top + 1) });
  }
  return found;
}
