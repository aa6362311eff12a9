/**
 * Multi-scale structural similarity: contrast and structure at every scale, luminance at the coarsest alone; 1 for
 * a picture against itself. Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality
 * assessment", Asilomar 2003. Semantics of PIQA 1.1.3: each channel for itself, negative terms count as 0, scales
 * halved by average pooling (of an odd side the last row stands alone), mean over channels.
 *
 *   MS-SSIM = relu(SSIM_M)^w_M · ∏_{j < M} relu(CS_j)^w_j
 *
 * Between samples of one generator it is the usual measure of diversity: the more alike they are, the higher it is
 * (Odena, Olah, Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", ICML 2017).
 */

import { type Tensor, tidy } from 'graft-torch';
import { TorchError } from 'graft-torch/base';
import { averageBlocks } from './downsample.js';
import type { FullReferenceMetric } from './metric.js';
import { requireSameShape } from './shapes.js';
import { guardedPow } from './similarity.js';
import { localSimilarity, SSIM_WINDOW, type SsimOptions } from './ssim.js';

/** Exponents of the scales, finest first, which the authors found by experiments with viewers; they sum to 1. */
export const SCALE_WEIGHTS: readonly number[] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

export interface MsSsimOptions extends SsimOptions {
  /**
   * How many scales, 1…5, the finest ones; default 5. With fewer the weights that are left are scaled to sum to 1,
   * so the figure is comparable only with others of as many scales. `scalesFor` says how many an image has room for.
   */
  scales?: number;
}

/** How many scales, at most five, leave every image at least as large as the window: 64 px → 3, 128 → 4, 161 → 5. */
export function scalesFor(heightPx: number, widthPx: number, windowSize = 11): number {
  let side = Math.min(heightPx, widthPx);
  let scales = 0;
  for (; scales < SCALE_WEIGHTS.length && side >= windowSize; scales++) side = Math.ceil(side / 2);
  return scales;
}

/** The first `scales` weights, scaled to sum to 1. The published five are left as they are. */
export function scaleWeights(scales: number): number[] {
  const weights = SCALE_WEIGHTS.slice(0, scales);
  if (scales === SCALE_WEIGHTS.length) return weights;
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * Where a term is negative it counts as 0, and so does its gradient: to be measured, not to be trained on.
 *
 * @param x floating point [N, C, H, W], 0…valueRange
 * @param y the same shape
 * @returns [N], 0…1
 * @throws TorchError if the shapes differ, or the images are too small for the scales
 */
export function msSsim(x: Tensor, y: Tensor, options: MsSsimOptions = {}): Tensor {
  const { scales = SCALE_WEIGHTS.length, ...ssimOptions } = options;
  requireSameShape('ms-ssim', x, y);
  if (!Number.isInteger(scales) || scales < 1 || scales > SCALE_WEIGHTS.length) {
    throw new TorchError(`ms-ssim: scales must be a whole number 1…${SCALE_WEIGHTS.length}, not ${scales}`);
  }
  const [, , height = 0, width = 0] = x.shape;
  const possible = scalesFor(height, width, options.windowSize);
  if (x.shape.length !== 4 || possible < scales) {
    throw new TorchError(
      `ms-ssim: [${x.shape.join(', ')}] has room for ${possible} of ${scales} scales: give larger images, or scales: ${Math.max(1, possible)}`,
    );
  }
  return tidy(() => {
    let [a, b] = [x, y];
    const terms = scaleWeights(scales).map((weight, scale) => {
      if (scale > 0) [a, b] = [averageBlocks(a, 2), averageBlocks(b, 2)];
      const { similarity, structure } = localSimilarity(a, b, ssimOptions);
      return tidy(() => guardedPow((scale + 1 < scales ? structure : similarity).relu(), weight)); // [N, C]
    });
    return terms.reduce((product, term) => product.mul(term)).mean([1]); // [N]
  });
}

/** With as many scales as the images have room for. */
export const msSsimMetric: FullReferenceMetric = {
  id: 'ms-ssim',
  name: 'MS-SSIM',
  range: [0, 1],
  higherIsBetter: true,
  // The smallest side with more than one scale: halved it is still as large as the window.
  minSidePx: 21,
  settings: (sidePx) => {
    const weights = scaleWeights(scalesFor(sidePx, sidePx));
    const exponents = weights.map((weight) => weight.toFixed(4)).join(', ');
    return `${SSIM_WINDOW}, ${weights.length} scales by average pooling, exponents ${exponents}`;
  },
  score: (x, y) => msSsim(x, y, { scales: scalesFor(x.shape[2] ?? 0, x.shape[3] ?? 0) }),
};
