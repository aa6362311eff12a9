/**
 * Networks' building blocks, as in `torch.nn`: modules with PyTorch's state-dict keys, `F` for what has no state, `init`.
 *
 *     class Block extends Module {
 *       readonly conv = this.child('conv', new Conv2d(3, 8, 3, { padding: 1 }));
 *       forward(x: Tensor): Tensor {
 *         return F.relu(this.conv.forward(x));
 *       }
 *     }
 */

// Modules, and layers with weights.

export {
  BatchNorm2d,
  Conv2d,
  type Conv2dOptions,
  ConvTranspose2d,
  type ConvTranspose2dOptions,
  Embedding,
  LayerNorm,
  Linear,
  WeightLayer,
} from './layers.js';
export { Module, Sequential, type StateDict } from './module.js';

// Layers without weights.

export * from './activations.js';

// Functions (torch.nn.functional): convolutions, pooling, activations, resampling, losses. Initialisers (torch.nn.init).

export * as F from './functional.js';
export * as init from './init.js';

// What PyTorch has elsewhere, or not: spectral norm, class-conditional batch norm, standing statistics.

export { type Condition, ConditionalBatchNorm2d } from './conditional-batch-norm.js';
export { type SpectralNormOptions, spectralNorm } from './spectral-norm.js';
export { averageBatchStatistics } from './standing-statistics.js';

// Graft's own fast paths: the same values as their parts.

export {
  type Activation,
  type BranchEnd,
  batchNormActivation,
  batchNormBranch,
  batchNormDepthwise,
  type ConvNorm,
  convNorm,
  depthwiseConv2d,
  endBranch,
  type NormedDepthwise,
  type Sides,
  type SqueezeExcite,
  squeezeExcite,
} from './fused.js';
export { convAvgPool2d, upsampleConv2d } from './resampled-conv.js';
