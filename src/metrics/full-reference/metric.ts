/** What every full-reference metric is: a value that compares a batch of images with another, pair by pair. */
import { cat, type Tensor, tidy } from 'graft-torch';
import { toRgb } from '../../image/index.js';

export interface FullReferenceMetric {
  /** In records and on the command line: 'ms-ssim'. */
  id: string;
  /** For a table's head. */
  name: string;
  /** Of the score; default a plain number. */
  unit?: string;
  /** What scores can be. */
  range: readonly [number, number];
  higherIsBetter: boolean;
  /** Both sides of the images must be at least so long. */
  minSidePx: number;
  /** All that decides the figure besides the pixels, for images whose smaller side is `sidePx`. */
  settings(sidePx: number): string;
  /**
   * @param x floating point `[N, 3, H, W]`, 0…1
   * @param y the same shape
   * @returns `[N]`; a pair's score does not depend on the batch that it is in
   * @throws TorchError if the shapes differ, are not of colour images, or too small
   */
  score(x: Tensor, y: Tensor): Tensor;
}

export interface ValueRange {
  /** Largest possible difference of two values, default 1. */
  valueRange?: number;
}

/** Eight pairs of 128 px: beyond this the maps of a metric leave the cache, and a pair takes twice as long. */
const PIXELS_PER_CHUNK = 8 * 128 * 128;

/**
 * A metric that takes grey images too (`[N, 1, H, W]`: their channel three times), and a batch part by part, so that its
 * size decides neither the speed nor the memory. On an accelerator, where only large batches are fast, it goes in one.
 */
export const inChunks = (metric: FullReferenceMetric): FullReferenceMetric => ({
  ...metric,
  score: (x, y) => {
    const score = (a: Tensor, b: Tensor): Tensor => metric.score(toRgb(a), toRgb(b));
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
  },
});
