/**
 * Haar wavelet-based perceptual similarity index: similarity of the two finest wavelet scales and of colour, weighted
 * by the third; 1 for a picture against itself, higher is more alike. Reisenhofer, Bosse, Kutyniok, Wiegand, "A Haar
 * Wavelet-Based Perceptual Similarity Index for Image Quality Assessment", Signal Processing: Image Communication
 * 2018. Semantics of PIQA 1.1.3: YIQ, halved by means of 2×2 blocks, zeros around the image.
 *
 *   S_k = ½ Σ_{j ≤ 2} (2 |g_jk(x)| |g_jk(y)| + c) / (g_jk(x)² + g_jk(y)² + c),  k: horizontal, vertical,  c = 30 / 255²
 *   S_IQ = the mean of the same over local means of I and Q
 *   W_k = max(|g_3k(x)|, |g_3k(y)|),  W_IQ = (W_1 + W_2) / 2
 *   HaarPSI = (σ⁻¹(Σ σ(α S) W / Σ W) / α)²,  σ the logistic function, α = 4.2
 *
 * Two black images have no weight anywhere, where PIQA gives no number; they are equal, and score 1.
 */
import { aten, cat, type Tensor, tidy } from 'graft-torch';
import { CHROMA_IQ_HAARPSI, LUMA, mixChannels } from './color.js';
import { averageBlocks } from './downsample.js';
import type { FullReferenceMetric, ValueRange } from './metric.js';
import { requireColourPairs } from './shapes.js';
import { similarityMap } from './similarity.js';

const C = 30 / 255 ** 2;
const ALPHA = 4.2;
/** Weight that is no weight beside any image's, but keeps two black images from 0 / 0. */
const TINY = 1e-30;

/** Sums of `length` neighbours along an axis, a power of two: each step adds what lies half as far. Shorter by length − 1. */
function runningSums(planes: Tensor, dim: number, length: number): Tensor {
  let sums = planes;
  for (let half = 1; half < length; half *= 2) {
    const size = sums.shape[dim]! - half;
    sums = sums.narrow(dim, 0, size).add(sums.narrow(dim, half, size));
  }
  return sums;
}

/**
 * `length` times the absolute response of the Haar wavelet of that side, at every place: the difference between the
 * sums of two halves of a square that reaches `length / 2` places down and to the right.
 *
 * @param planes `[N, 1, H, W]`
 * @param dim the axis of the difference: 2 vertical, 3 horizontal
 * @returns `[N, 1, H, W]`
 */
function haarMagnitude(planes: Tensor, dim: 2 | 3, length: number): Tensor {
  return tidy(() => {
    const [before, after] = [length / 2 - 1, length / 2];
    const padded = aten.constant_pad_nd(planes, [before, after, before, after], 0);
    const across = runningSums(padded, 5 - dim, length);
    const halves = runningSums(across, dim, length / 2);
    const size = planes.shape[dim]!;
    return halves
      .narrow(dim, 0, size)
      .sub(halves.narrow(dim, length / 2, size))
      .abs();
  });
}

/** Absolute means of each place and its neighbours to the right, below and between, times 4; zeros around. */
const localMagnitude = (planes: Tensor): Tensor =>
  tidy(() => runningSums(runningSums(aten.constant_pad_nd(planes, [0, 1, 0, 1], 0), 2, 2), 3, 2).abs());

/** Two magnitude maps compared; `scale` is the factor on both that their filter left in. */
function compare(both: Tensor, valueRange: number, scale: number): Tensor {
  return tidy(() => {
    const n = both.shape[0]! / 2;
    const [x, y] = [both.narrow(0, 0, n), both.narrow(0, n, n)];
    const squares = aten.addcmul(x.mul(x), y, y);
    return similarityMap({ product: x.mul(y), squares }, C * valueRange ** 2 * scale ** 2);
  });
}

/**
 * @param x floating point `[N, 3, H, W]`, 0…valueRange, both sides at least 2
 * @param y the same shape
 * @returns `[N]`, 0…1
 * @throws TorchError if the shapes differ, are not of colour images, or too small
 */
export function haarPsi(x: Tensor, y: Tensor, { valueRange = 1 }: ValueRange = {}): Tensor {
  requireColourPairs(haarPsiMetric, x, y);
  return tidy(() => {
    const [a, b] = [averageBlocks(x, 2), averageBlocks(y, 2)];
    const channel = (weights: typeof LUMA): Tensor =>
      tidy(() => cat([mixChannels(a, weights), mixChannels(b, weights)])); // [2N, 1, h, w]
    const luma = channel(LUMA);
    const n = x.shape[0]!;

    const similarities: Tensor[] = [];
    const weights: Tensor[] = [];
    for (const dim of [2, 3] as const) {
      const scales = [2, 4].map((length) => compare(haarMagnitude(luma, dim, length), valueRange, length));
      similarities.push(scales[0]!.add(scales[1]!).mul_(0.5));
      const coarse = haarMagnitude(luma, dim, 8);
      weights.push(coarse.narrow(0, 0, n).maximum(coarse.narrow(0, n, n)));
    }
    const [i, q] = CHROMA_IQ_HAARPSI.map((row) =>
      tidy(() => compare(localMagnitude(channel(row)), valueRange, 4)),
    ) as [Tensor, Tensor];
    similarities.push(i.add(q).mul_(0.5));
    weights.push(weights[0]!.add(weights[1]!).mul_(0.5));

    const flat = (maps: Tensor[]): Tensor => tidy(() => cat(maps, 1).reshape([n, -1]));
    const weight = flat(weights);
    // 1 − σ(αS), which is small where images agree: σ⁻¹ of something close to 1 would lose its digits.
    const rest = flat(similarities).mul(-ALPHA).sigmoid();
    const atEqual = TINY / (1 + Math.exp(ALPHA));
    const mean = rest
      .mul(weight)
      .sum([1])
      .add(atEqual)
      .div(weight.sum([1]).add(TINY));
    return mean.rsub(1).div(mean).log().div(ALPHA).square();
  });
}

export const haarPsiMetric: FullReferenceMetric = {
  id: 'haarpsi',
  name: 'HaarPSI',
  range: [0, 1],
  higherIsBetter: true,
  // A side of 1 px has no neighbour to be halved with.
  minSidePx: 2,
  settings: () => 'YIQ, halved by average pooling, 3 Haar scales, zero padding, c 30/255², α 4.2',
  score: (x, y) => haarPsi(x, y),
};
