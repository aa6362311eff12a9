/**
 * Structural similarity, mean over positions and channels; 1 for a picture against itself, higher is more alike.
 * Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity",
 * IEEE TIP 2004. Semantics of PIQA 1.1.3: Gaussian window 11×11 with σ 1.5, no padding, population covariances.
 *
 *   SSIM = (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2)),  Ci = (Ki · range)²
 */

import { cat, type Tensor, tidy } from 'graft-torch';
import { TorchError } from 'graft-torch/base';
import type { FullReferenceMetric, ValueRange } from './metric.js';
import { requireSameShape } from './shapes.js';
import { similarityMap, sumOfSquares } from './similarity.js';

export interface SsimOptions extends ValueRange {
  /** Side of the window, odd, default 11. */
  windowSize?: number;
  /** Default 1.5. */
  sigma?: number;
  /** Default 0.01. */
  k1?: number;
  /** Default 0.03. */
  k2?: number;
}

/** Weights of a sampled Gaussian of `size` taps that sum to 1. */
export function gaussianWindow(size: number, sigma: number): Float64Array {
  const weights = Float64Array.from({ length: size }, (_, i) =>
    Math.exp(-((i - (size - 1) / 2) ** 2) / (2 * sigma * sigma)),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}

/**
 * Weighted sums of neighbours along one axis. As many steps over memory as there are weights: a convolution of
 * libtorch's over single planes takes thirty times as long.
 */
function slideWindow(planes: Tensor, dim: number, weights: Float64Array): Tensor {
  return tidy(() => {
    const size = planes.shape[dim]! - weights.length + 1;
    const sums = planes.narrow(dim, 0, size).mul(weights[0]!);
    for (let i = 1; i < weights.length; i++) {
      tidy(() => {
        sums.add_(planes.narrow(dim, i, size), weights[i]!);
      });
    }
    return sums;
  });
}

/** Means over the positions of each channel, [N, C]. */
export interface LocalSimilarity {
  /** SSIM. */
  similarity: Tensor;
  /** SSIM without its luminance term: (2 σxy + C2) / (σx² + σy² + C2). */
  structure: Tensor;
}

/**
 * SSIM and its contrast and structure part for each channel, which is what the multi-scale form is made of.
 *
 * @param x floating point [N, C, H, W], 0…valueRange, both sides at least the window's
 * @param y the same shape
 * @throws TorchError if the shapes differ, are not four-dimensional or are smaller than the window
 */
export function localSimilarity(x: Tensor, y: Tensor, options: SsimOptions = {}): LocalSimilarity {
  const { valueRange = 1, windowSize = 11, sigma = 1.5, k1 = 0.01, k2 = 0.03 } = options;
  requireSameShape('ssim', x, y);
  const [n, channels, height, width] = x.shape as [number, number, number, number];
  if (x.shape.length !== 4 || height < windowSize || width < windowSize) {
    throw new TorchError(
      `ssim: needs [N, C, H, W] of at least ${windowSize}×${windowSize} pixels, not [${x.shape.join(', ')}]`,
    );
  }
  const c1 = (k1 * valueRange) ** 2;
  const c2 = (k2 * valueRange) ** 2;
  const weights = gaussianWindow(windowSize, sigma);
  return tidy(() => {
    // A channel is an image of its own. Around its mean, because E[v²] − E[v]² loses its digits in float32 where an
    // image is bright and nearly flat; covariances do not mind the shift.
    const planes = (v: Tensor) => v.reshape([n * channels, height, width]);
    const meanX = planes(x).mean([1, 2], true);
    const meanY = planes(y).mean([1, 2], true);
    const local = tidy(() => {
      const a = planes(x).sub(meanX);
      const b = planes(y).sub(meanY);
      const moments = cat([a, b, a.mul(b), sumOfSquares(a, b)]);
      return slideWindow(slideWindow(moments, 1, weights), 2, weights); // [4·N·C, H − 10, W − 10]
    });
    const part = (i: number) => local.narrow(0, i * n * channels, n * channels);
    const [localA, localB] = [part(0), part(1)];
    const covariance = part(2).sub(localA.mul(localB));
    const variances = part(3).sub(sumOfSquares(localA, localB));
    const [muX, muY] = [localA.add(meanX), localB.add(meanY)];
    const luminance = similarityMap({ product: muX.mul(muY), squares: sumOfSquares(muX, muY) }, c1);
    const structure = similarityMap({ product: covariance, squares: variances }, c2);
    const average = (map: Tensor) => map.reshape([n, channels, -1]).mean([2]);
    return { similarity: average(luminance.mul(structure)), structure: average(structure) };
  });
}

/**
 * @param x floating point [N, C, H, W], 0…valueRange, both sides at least the window's
 * @param y the same shape
 * @returns [N], -1…1
 * @throws TorchError if the shapes differ, are not four-dimensional or are smaller than the window
 */
export const ssim = (x: Tensor, y: Tensor, options: SsimOptions = {}): Tensor =>
  tidy(() => localSimilarity(x, y, options).similarity.mean([1]));

/** In words, for a record. */
export const SSIM_WINDOW =
  'Gaussian window 11×11, σ 1.5, K1 0.01, K2 0.03, no padding, population covariances, by channel';

export const ssimMetric: FullReferenceMetric = {
  id: 'ssim',
  name: 'SSIM',
  range: [-1, 1],
  higherIsBetter: true,
  minSidePx: 11,
  settings: () => SSIM_WINDOW,
  score: (x, y) => ssim(x, y),
};
