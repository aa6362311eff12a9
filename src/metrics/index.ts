/**
 * Metrics: synthetic images held against real ones, each figure with its interval, its floor (real against real) and its
 * protocol. A metric is a file with a pure function; a record (`MetricRecord`) is what is kept of it. Metrics and backbones
 * of one's own come in as values (`measureOwn`, `OwnBackbone`). Each folder is a door of its own, too: `graft-gan/metrics/privacy`.
 */

// Features: what turns images into vectors.
export * from './backbone/index.js';
// Sets as a whole: Fréchet and kernel distance, precision, recall, density, coverage; a metric of one's own.
export * from './distribution/index.js';
// Pairs of images: SSIM, LPIPS and their kin.
export * from './full-reference/index.js';
// Image sets, records, and what must agree before two records are compared.
export * from './sets/index.js';
