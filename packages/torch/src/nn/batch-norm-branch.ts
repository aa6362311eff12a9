/**
 * The end of a residual branch: batch norm, a factor for each image (stochastic depth, Huang et al., ECCV 2016) and the
 * block's input added. In training on the CPU it is one operator (`native/batch_norm.cc`), everywhere else its parts.
 */

import type { Tensor } from '../torch/index.js';
import { makeOperator } from '../torch/index.js';
import type { BatchNorm2d } from './layers.js';

const native = makeOperator('graft::batch_norm_branch', '') as (
  input: Tensor,
  weight: Tensor,
  bias: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  skip: Tensor | null,
  factors: Tensor | null,
  momentum: number,
  eps: number,
) => Tensor;

export interface BranchEnd {
  /** What the branch is added to, `[N, C, H, W]`. */
  skip: Tensor | null;
  /** Of each image, `[N, 1, 1, 1]`; null: 1. */
  factors: Tensor | null;
}

/**
 * `norm(input) · factors + skip`, `[N, C, H, W]`. The fused form, in training with float32 on the CPU, cannot be
 * differentiated twice, its result is channels last, and `factors` get no gradient.
 */
export function batchNormBranch(norm: BatchNorm2d, input: Tensor, { skip, factors }: BranchEnd): Tensor {
  const { weight, bias, runningMean, runningVar, momentum, eps } = norm;
  if (norm.training && weight && bias && input.device === 'cpu' && input.dtype === 'float32') {
    norm.batches.add_(1);
    return native(input, weight, bias, runningMean, runningVar, skip, factors, momentum, eps);
  }
  return endBranch(norm.forward(input), { skip, factors });
}

/** `branch · factors + skip`, `[N, C, H, W]`. */
export function endBranch(branch: Tensor, { skip, factors }: BranchEnd): Tensor {
  const y = factors ? branch.mul(factors) : branch;
  return skip ? y.add(skip) : y;
}
