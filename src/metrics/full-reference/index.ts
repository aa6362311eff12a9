/**
 * The full-reference metrics: every one compares a batch of colour images with another, pair by pair. In the order of
 * the original system's table of results.
 */

import type { Tensor } from 'graft-torch';
import { toRgb } from '../../image/index.js';
import { scoreInChunks } from './chunks.js';
import { GMSD_MIN_SIDE_PX, gmsd } from './gmsd.js';
import { HAARPSI_MIN_SIDE_PX, haarPsi } from './haarpsi.js';
import { MDSI_MIN_SIDE_PX, mdsi, mdsiBlockSide } from './mdsi.js';
import { MS_GMSD_MIN_SIDE_PX, msGmsd, msGmsdColor } from './ms-gmsd.js';
import { MS_SSIM_MIN_SIDE_PX, msSsim, scalesFor, scaleWeights } from './ms-ssim.js';
import { psnr } from './psnr.js';
import { ssim } from './ssim.js';

export interface FullReferenceMetric {
  id: 'psnr' | 'ssim' | 'ms-ssim' | 'gmsd' | 'ms-gmsd' | 'ms-gmsd-c' | 'mdsi' | 'haarpsi' | 'lpips';
  /** For a table's head. */
  name: string;
  /** Of the score; empty for a plain number. */
  unit: string;
  /** What scores can be. */
  range: readonly [number, number];
  higherIsBetter: boolean;
  /** Both sides of the images must be at least so long. */
  minSidePx: number;
  /** All that decides the figure besides the pixels, for images whose smaller side is `sidePx`. */
  settings(sidePx: number): string;
  /**
   * @param x floating point `[N, 3, H, W]`, or `[N, 1, H, W]`, whose channel is taken three times, 0…1
   * @param y the same shape
   * @returns `[N]`; a pair's score does not depend on the batch that it is in
   * @throws TorchError if the shapes differ, are not of colour images, or too small
   */
  score(x: Tensor, y: Tensor): Tensor;
}

const WINDOW =
  'Gaussian window 11×11, σ 1.5, K1 0.01, K2 0.03, no padding, population covariances, by channel';
const GRADIENTS = 'luma (BT.601), Prewitt, zero padding, c 170/255², sample deviation';
const MS_GRADIENTS = `${GRADIENTS}, 4 scales by average pooling, weights 0.096, 0.596, 0.289, 0.019, α 0.5`;

const DEFINITIONS: readonly FullReferenceMetric[] = [
  {
    id: 'psnr',
    name: 'PSNR',
    unit: 'dB',
    range: [0, 80],
    higherIsBetter: true,
    minSidePx: 1,
    settings: () => 'value range 1, ε 1e-8',
    score: (x, y) => psnr(x, y),
  },
  {
    id: 'ssim',
    name: 'SSIM',
    unit: '',
    range: [-1, 1],
    higherIsBetter: true,
    minSidePx: 11,
    settings: () => WINDOW,
    score: (x, y) => ssim(x, y),
  },
  {
    id: 'ms-ssim',
    name: 'MS-SSIM',
    unit: '',
    range: [0, 1],
    higherIsBetter: true,
    minSidePx: MS_SSIM_MIN_SIDE_PX,
    settings: (sidePx) => {
      const weights = scaleWeights(scalesFor(sidePx, sidePx));
      const exponents = weights.map((weight) => weight.toFixed(4)).join(', ');
      return `${WINDOW}, ${weights.length} scales by average pooling, exponents ${exponents}`;
    },
    score: (x, y) => msSsim(x, y, { scales: scalesFor(x.shape[2] ?? 0, x.shape[3] ?? 0) }),
  },
  {
    id: 'gmsd',
    name: 'GMSD',
    unit: '',
    range: [0, 1],
    higherIsBetter: false,
    minSidePx: GMSD_MIN_SIDE_PX,
    settings: () => `halved by average pooling, ${GRADIENTS}`,
    score: (x, y) => gmsd(x, y),
  },
  {
    id: 'ms-gmsd',
    name: 'MS-GMSD',
    unit: '',
    range: [0, 1],
    higherIsBetter: false,
    minSidePx: MS_GMSD_MIN_SIDE_PX,
    settings: () => MS_GRADIENTS,
    score: (x, y) => msGmsd(x, y),
  },
  {
    id: 'ms-gmsd-c',
    name: 'MS-GMSDc',
    unit: '',
    range: [0, 2],
    higherIsBetter: false,
    minSidePx: MS_GMSD_MIN_SIDE_PX,
    settings: () => `${MS_GRADIENTS}; RMSE of I and Q at the coarsest scale, β 0.01, 0.32, 15`,
    score: (x, y) => msGmsdColor(x, y),
  },
  {
    id: 'mdsi',
    name: 'MDSI',
    unit: '',
    range: [0, 1],
    higherIsBetter: false,
    minSidePx: MDSI_MIN_SIDE_PX,
    settings: (sidePx) => {
      const side = mdsiBlockSide(sidePx);
      const reduced = side > 1 ? `means of ${side}×${side}, ` : '';
      return `${reduced}sum combination 0.6 : 0.4, Prewitt, zero padding, c 140, 55, 550 / 255², ρ 1, q and o 1/4`;
    },
    score: (x, y) => mdsi(x, y),
  },
  {
    id: 'haarpsi',
    name: 'HaarPSI',
    unit: '',
    range: [0, 1],
    higherIsBetter: true,
    minSidePx: HAARPSI_MIN_SIDE_PX,
    settings: () => 'YIQ, halved by average pooling, 3 Haar scales, zero padding, c 30/255², α 4.2',
    score: (x, y) => haarPsi(x, y),
  },
];

export const FULL_REFERENCE_METRICS: readonly FullReferenceMetric[] = DEFINITIONS.map((metric) => ({
  ...metric,
  score: (x, y) => scoreInChunks(x, y, (a, b) => metric.score(toRgb(a), toRgb(b))),
}));
export { type LpipsNetwork, openLpips } from './lpips.js';
export { msSsim, scalesFor } from './ms-ssim.js';
export { gaussianWindow } from './ssim.js';
