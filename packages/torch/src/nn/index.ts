/** Networks' building blocks: the public list. */
export * from './activations.js';
export { type Condition, ConditionalBatchNorm2d } from './conditional-batch-norm.js';
export * as F from './functional.js';
export {
  type BranchEnd,
  batchNormBranch,
  batchNormDepthwise,
  batchNormSilu,
  depthwiseConv2d,
  endBranch,
  squeezeExcite,
} from './fused.js';
export * as init from './init.js';
export {
  BatchNorm2d,
  Conv2d,
  type Conv2dOptions,
  ConvTranspose2d,
  type ConvTranspose2dOptions,
  Embedding,
  Linear,
  WeightLayer,
} from './layers.js';
export { Module, Sequential, type StateDict } from './module.js';
export { convAvgPool2d, upsampleConv2d } from './resampled-conv.js';
export { type SpectralNormOptions, spectralNorm } from './spectral-norm.js';
export { averageBatchStatistics } from './standing-statistics.js';
