/**
 * Gradient magnitude similarity deviation on four scales, and with colour; 0 for a picture against itself, lower is
 * more alike. Zhang, Sander, Bermak, "Gradient Magnitude Similarity Deviation on Multiple Scales for Color Image
 * Quality Assessment", ICASSP 2017.
 *
 *   MS-GMSD = √(Σ_j w_j GMSD_j²),  α = 0.5, scale j of 1 / 2^j of the side
 *   MS-GMSDc = γ MS-GMSD + (1 − γ) β₁ √(RMSE_I² + RMSE_Q²),  γ = 2 / (1 + β₂ exp(−β₃ MS-GMSD)) − 1
 *
 * Semantics of PIQA 1.1.3: luma, the finest scale is the image itself (plain GMSD halves it first), scales halved by
 * means of 2×2 blocks. PIQA has no form with colour; where the paper leaves it open, ours takes the errors of I and Q
 * at the coarsest scale and on values of 0…255, as PIQ does.
 */
import { aten, cat, stack, type Tensor, tidy } from 'graft-torch';
import { CHROMA_IQ, mixChannels } from './color.js';
import { averageBlocks } from './downsample.js';
import { GRADIENTS, gradientDeviation, lumaOfBoth } from './gmsd.js';
import type { FullReferenceMetric, ValueRange } from './metric.js';
import { requireColourPairs } from './shapes.js';
import { guardedPow } from './similarity.js';

/** Weights of the scales, finest first, which the authors fitted to viewers' scores; they sum to 1. */
const MS_GMSD_WEIGHTS: readonly number[] = [0.096, 0.596, 0.289, 0.019];

const ALPHA = 0.5;
const [BETA_1, BETA_2, BETA_3] = [0.01, 0.32, 15];

/**
 * @param x floating point `[N, 3, H, W]`, 0…valueRange, both sides at least 9
 * @param y the same shape
 * @returns `[N]`, from 0 up (below 1)
 * @throws TorchError if the shapes differ, are not of colour images, or too small
 */
export function msGmsd(x: Tensor, y: Tensor, { valueRange = 1 }: ValueRange = {}): Tensor {
  requireColourPairs(msGmsdMetric, x, y);
  return tidy(() => {
    let luma = lumaOfBoth(x, y);
    const deviations = MS_GMSD_WEIGHTS.map((weight, scale) => {
      if (scale > 0) luma = averageBlocks(luma, 2);
      return gradientDeviation(luma, valueRange, ALPHA).mul(Math.sqrt(weight));
    });
    // The root of a sum of squares as a norm, whose gradient is 0 at 0.
    return aten.linalg_vector_norm(stack(deviations, 1), 2, [1], false);
  });
}

/**
 * MS-GMSD with colour (MS-GMSDc in the paper).
 *
 * @param x floating point `[N, 3, H, W]`, 0…valueRange, both sides at least 9
 * @param y the same shape
 * @returns `[N]`, from 0 up; colours that differ strongly take it above MS-GMSD, to about 1
 * @throws TorchError if the shapes differ, are not of colour images, or too small
 */
export function msGmsdColor(x: Tensor, y: Tensor, { valueRange = 1 }: ValueRange = {}): Tensor {
  requireColourPairs(msGmsdColorMetric, x, y);
  return tidy(() => {
    const luma = msGmsd(x, y, { valueRange });
    // Conversion and means are linear: the difference of I and Q is that of the images, converted and halved.
    let difference = tidy(() => {
      const rgb = x.sub(y);
      return cat(
        CHROMA_IQ.map((weights) => mixChannels(rgb, weights)),
        1,
      ); // [N, 2, H, W]
    });
    for (let scale = 1; scale < MS_GMSD_WEIGHTS.length; scale++) difference = averageBlocks(difference, 2);
    // Of I and Q the squared errors add up.
    const error = difference.square().mean([2, 3]).sum([1]);
    const chroma = guardedPow(error, 0.5).mul(255 / valueRange);
    const denominator = luma.mul(-BETA_3).exp().mul(BETA_2).add(1);
    const gamma = aten.reciprocal(denominator).mul(2).sub(1);
    return gamma.mul(luma).add(gamma.rsub(1).mul(chroma), BETA_1);
  });
}

const SCALES = `${GRADIENTS}, 4 scales by average pooling, weights 0.096, 0.596, 0.289, 0.019, α 0.5`;

export const msGmsdMetric: FullReferenceMetric = {
  id: 'ms-gmsd',
  name: 'MS-GMSD',
  range: [0, 1],
  higherIsBetter: false,
  // Halved three times it still leaves more than one place to take a deviation over.
  minSidePx: 9,
  settings: () => SCALES,
  score: (x, y) => msGmsd(x, y),
};

export const msGmsdColorMetric: FullReferenceMetric = {
  ...msGmsdMetric,
  id: 'ms-gmsd-c',
  name: 'MS-GMSDc',
  range: [0, 2],
  settings: () => `${SCALES}; RMSE of I and Q at the coarsest scale, β 0.01, 0.32, 15`,
  score: (x, y) => msGmsdColor(x, y),
};
