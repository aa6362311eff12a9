/** A batch in parts that fit a processor's cache. */
import { cat, type Tensor, tidy } from 'graft-torch';

/** Eight pairs of 128 px: beyond this the maps of a metric leave the cache, and a pair takes twice as long. */
const PIXELS_PER_CHUNK = 8 * 128 * 128;

/**
 * Scores a batch part by part, so that its size decides neither the speed nor the memory. On an accelerator, where
 * only large batches are fast, it goes in one.
 *
 * @param x `[N, C, H, W]`
 * @param y the same shape
 * @param score gives `[n]` for each part
 * @returns `[N]`
 */
export function scoreInChunks(x: Tensor, y: Tensor, score: (x: Tensor, y: Tensor) => Tensor): Tensor {
  const [n = 0, , height = 1, width = 1] = x.shape;
  const most = Math.max(1, Math.floor(PIXELS_PER_CHUNK / (height * width)));
  // Shapes that differ are the metric's to refuse.
  if (x.device !== 'cpu' || n <= most || y.shape[0] !== n) return score(x, y);
  return tidy(() => {
    const parts: Tensor[] = [];
    for (let from = 0; from < n; from += most) {
      const count = Math.min(most, n - from);
      parts.push(tidy(() => score(x.narrow(0, from, count), y.narrow(0, from, count))));
    }
    return cat(parts);
  });
}
