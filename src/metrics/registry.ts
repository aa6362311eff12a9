/**
 * The metrics that are measured unless others are asked for, in the order of a table. To add one: a file beside the others
 * that ends in its value, and a line here. It then has records with intervals and the figure of real against real images,
 * a row in tables, a place in reports and `--metric`; docs/metrics.md says what it means.
 */

import { frechetMetric } from './distribution/frechet.js';
import { kernelMetric } from './distribution/kernel-distance.js';
import type { DistributionMetric } from './distribution/metric.js';
import { prdcMetrics } from './distribution/prdc.js';
import { gmsdMetric } from './full-reference/gmsd.js';
import { haarPsiMetric } from './full-reference/haarpsi.js';
import { mdsiMetric } from './full-reference/mdsi.js';
import { type FullReferenceMetric, inChunks } from './full-reference/metric.js';
import { msGmsdColorMetric, msGmsdMetric } from './full-reference/ms-gmsd.js';
import { msSsimMetric } from './full-reference/ms-ssim.js';
import { psnrMetric } from './full-reference/psnr.js';
import { ssimMetric } from './full-reference/ssim.js';

/** Of pairs of pictures, as in the original system's table of results. */
export const FULL_REFERENCE_METRICS: readonly FullReferenceMetric[] = [
  psnrMetric,
  ssimMetric,
  msSsimMetric,
  gmsdMetric,
  msGmsdMetric,
  msGmsdColorMetric,
  mdsiMetric,
  haarPsiMetric,
].map(inChunks);

/** Of sets of features. FD∞ and the Inception Score, which not every backbone can give, are added by `measureAll`. */
export const DISTRIBUTION_METRICS: readonly DistributionMetric[] = [frechetMetric, kernelMetric, prdcMetrics];
