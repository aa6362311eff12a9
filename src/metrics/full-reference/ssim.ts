/**
 * Structural similarity, mean over positions and channels; 1 for a picture against itself, higher is more alike.
 * Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity",
 * IEEE TIP 2004. Semantics of PIQA 1.1.3: Gaussian window 11×11 with σ 1.5, no padding, population covariances.
 *
 *   SSIM = (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2)),  Ci = (Ki · range)²
 */
import { TorchError } from '../../errors.js';
import { aten, cat, type Tensor, tensor, tidy } from '../../torch/index.js';
import { requireSameShape } from './psnr.js';

export interface SsimOptions {
  /** Largest possible difference of two values, default 1. */
  valueRange?: number;
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
  return tidy(() => {
    const weights = tensor(gaussianWindow(windowSize, sigma), [1, 1, 1, windowSize]).to({
      dtype: x.dtype,
      device: x.device,
    });
    const upright = weights.reshape([1, 1, windowSize, 1]);
    // A channel is an image of its own: [N·C, 1, H, W]. Around its mean, because E[v²] − E[v]² loses its digits in
    // float32 where an image is bright and nearly flat; covariances do not mind the shift.
    const planes = (v: Tensor) => v.reshape([n * channels, 1, height, width]);
    const meanX = planes(x).mean([2, 3], true);
    const meanY = planes(y).mean([2, 3], true);
    const a = planes(x).sub(meanX);
    const b = planes(y).sub(meanY);
    const moments = cat([a, b, a.mul(a), b.mul(b), a.mul(b)]);
    const rows = aten.conv2d(moments, weights, null, [1, 1], [0, 0], [1, 1], 1);
    const local = aten.conv2d(rows, upright, null, [1, 1], [0, 0], [1, 1], 1); // [5·N·C, 1, H − 10, W − 10]
    const part = (i: number) => local.narrow(0, i * n * channels, n * channels);
    const localA = part(0);
    const localB = part(1);
    const varianceX = part(2).sub(localA.mul(localA));
    const varianceY = part(3).sub(localB.mul(localB));
    const covariance = part(4).sub(localA.mul(localB));
    const muX = localA.add(meanX);
    const muY = localB.add(meanY);
    const luminance = muX
      .mul(muY)
      .mul(2)
      .add(c1)
      .div(muX.mul(muX).add(muY.mul(muY)).add(c1));
    const structure = covariance.mul(2).add(c2).div(varianceX.add(varianceY).add(c2));
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
