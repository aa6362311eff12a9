/**
 * Metrics: synthetic images held against real ones, each figure with its interval, its floor (real against real) and its
 * protocol. A metric is a file with a pure function; a record (`MetricRecord`) is what is kept of it. Metrics and backbones
 * of one's own come in as values (`measureOwn`, `OwnBackbone`). Each folder is a door of its own, too: `graft-gan/metrics/privacy`.
 */

// What a generator leaves in its pictures: spectra, checkerboards, colours.
export * from './artefacts/index.js';
// Features: what turns images into vectors.
export * from './backbone/index.js';
// Sets as a whole: Fréchet and kernel distance, precision, recall, density, coverage; a metric of one's own.
export * from './distribution/index.js';
// Pairs of images: SSIM, LPIPS and their kin.
export * from './full-reference/index.js';
// Memorisation: copies, distances, membership.
export * from './privacy/index.js';
// Pages on any of them.
export * from './report/index.js';
// Image sets, records, and what must agree before two records are compared.
export * from './sets/index.js';
