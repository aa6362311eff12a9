/**
 * Backbones: what turns images into the features that distribution metrics and privacy compare. Two need no download, a
 * random network and a classifier run of this project; the others take a file of the user's, or weights of the hub. One
 * file each. A backbone of one's own is any `FeatureExtractor`.
 *
 *   const backbone = openBackbone('random', { calibrate: real }); // real: uint8 [N, 3, H, W]
 *   const features = await backbone.extract(real); // [N, D]
 */
export { AUTO, type AutoBackbone, autoBackbone, BACKBONE_VARIABLE, settleBackbone } from './auto.js';
export type { Backbone, BackboneOptions, ExtractionOptions, FeatureExtractor } from './backbone.js';
// Features on the disk, and how images come to a network's size.
export { cachedFeatures, type FeatureCacheOptions, featureCacheDir } from './feature-cache.js';
export { type InputOptions, type ResizerName, resize } from './input.js';
export { bringBackbone } from './network.js';
export { openBackbone, openExtractor } from './open.js';
export type { OwnBackbone } from './own.js';
export { openCalibrated, parseInput, type SetFeaturesOptions, setFeatures } from './set-features.js';
// Which one: a string on a command line, in a configuration, in a lineage.
export { BACKBONE_FORMS, type BackboneSpec, parseBackboneSpec } from './spec.js';
export { requireTrust } from './trust.js';
