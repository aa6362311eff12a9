/**
 * Full-reference metrics: how alike two pictures are. Each compares a batch of images with another, pair by pair; one file
 * a metric, a value of `FullReferenceMetric`. `../registry.ts` lists them. In a trial or on the command line they are
 * measured over pairs of two sets, beside real against real (`imageMetrics` of graft-gan/metrics).
 *
 *   const scores = ssim(x, y); // [N]; x and y float [N, 3, H, W], 0…1
 */
export { FULL_REFERENCE_METRICS } from '../registry.js';
// Their functions, with the settings of the papers.
export { gmsd } from './gmsd.js';
export { haarPsi } from './haarpsi.js';
export {
  type Lpips,
  type LpipsMetric,
  type LpipsNetwork,
  type LpipsOptions,
  openLpips,
  openLpipsMetric,
} from './lpips.js';
export { mdsi } from './mdsi.js';
// What a metric is; `inChunks` lets one take grey images and batches of any size.
export { type FullReferenceMetric, inChunks, type ValueRange } from './metric.js';
export { msGmsd, msGmsdColor } from './ms-gmsd.js';
export { type MsSsimOptions, msSsim, scalesFor } from './ms-ssim.js';
export { type PsnrOptions, psnr } from './psnr.js';
export { gaussianWindow, type SsimOptions, ssim } from './ssim.js';
