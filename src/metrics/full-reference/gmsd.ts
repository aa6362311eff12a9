/**
 * Gradient magnitude similarity deviation: how unevenly the edges of two images agree; 0 for a picture against
 * itself, lower is more alike. Xue, Zhang, Mou, Bovik, "Gradient Magnitude Similarity Deviation: A Highly Efficient
 * Perceptual Image Quality Index", IEEE TIP 2014. Semantics of PIQA 1.1.3: luma, halved by means of 2×2 blocks,
 * Prewitt gradients with zeros around the image, sample deviation.
 *
 *   GMS = ((2 − α) m_x m_y + c) / (m_x² + m_y² − α m_x m_y + c),  m = ‖∇luma‖,  c = 170 / 255² · range²
 *   GMSD = the standard deviation of GMS over the places, α = 0
 *
 * Evenly poor agreement scores as well as perfect agreement: it says how images differ, not how much.
 */
import { cat, type Tensor, tidy } from 'graft-torch';
import { LUMA, mixChannels } from './color.js';
import { averageBlocks } from './downsample.js';
import type { FullReferenceMetric, ValueRange } from './metric.js';
import { requireColourPairs } from './shapes.js';
import {
  deviation,
  guardedSqrt,
  PREWITT_SQUARED_SCALE,
  prewitt,
  similarityMap,
  sumOfSquares,
} from './similarity.js';

/** The authors' constant, for values 0…1. */
const C = 170 / 255 ** 2;

/**
 * Luma of both batches, x first: `[2N, 1, H, W]`. What treats images one by one does both in one step.
 */
export const lumaOfBoth = (x: Tensor, y: Tensor): Tensor =>
  tidy(() => cat([mixChannels(x, LUMA), mixChannels(y, LUMA)]));

/**
 * GMSD of planes as they are, without conversion and halving.
 *
 * @param both `[2N, 1, H, W]`, the images to compare first, then those they are compared with
 * @param alpha see `similarityMap`
 * @returns `[N]`
 */
export function gradientDeviation(both: Tensor, valueRange: number, alpha: number): Tensor {
  return tidy(() => {
    const n = both.shape[0]! / 2;
    const { horizontal, vertical } = prewitt(both);
    const squares = sumOfSquares(horizontal, vertical);
    const [ofX, ofY] = [squares.narrow(0, 0, n), squares.narrow(0, n, n)];
    // √a √b = √(ab): one root for both magnitudes.
    const product = guardedSqrt(ofX.mul(ofY));
    const c = C * valueRange ** 2 * PREWITT_SQUARED_SCALE;
    return deviation(similarityMap({ product, squares: ofX.add(ofY) }, c, alpha));
  });
}

/**
 * @param x floating point `[N, 3, H, W]`, 0…valueRange, both sides at least 3
 * @param y the same shape
 * @returns `[N]`, from 0 up (below 1)
 * @throws TorchError if the shapes differ, are not of colour images, or too small
 */
export function gmsd(x: Tensor, y: Tensor, { valueRange = 1 }: ValueRange = {}): Tensor {
  requireColourPairs(gmsdMetric, x, y);
  return tidy(() => gradientDeviation(averageBlocks(lumaOfBoth(x, y), 2), valueRange, 0));
}

/** In words, for a record. */
export const GRADIENTS = 'luma (BT.601), Prewitt, zero padding, c 170/255², sample deviation';

export const gmsdMetric: FullReferenceMetric = {
  id: 'gmsd',
  name: 'GMSD',
  range: [0, 1],
  higherIsBetter: false,
  // Halved it still leaves more than one place to take a deviation over.
  minSidePx: 3,
  settings: () => `halved by average pooling, ${GRADIENTS}`,
  score: (x, y) => gmsd(x, y),
};
