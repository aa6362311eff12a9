/**
 * The middle of an MBConv block: batch norm, SiLU and squeeze-and-excitation (Hu et al., CVPR 2018). In training on the
 * CPU it is one operator (`native/squeeze_excite.cc`), everywhere else its parts.
 */

import type { Tensor } from '../torch/index.js';
import { makeOperator } from '../torch/index.js';
import { batchNormSilu } from './batch-norm-silu.js';
import * as F from './functional.js';
import type { BatchNorm2d, Conv2d } from './layers.js';

const native = makeOperator('graft::squeeze_excite', '') as (
  input: Tensor,
  weight: Tensor,
  bias: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  reduceWeight: Tensor,
  reduceBias: Tensor,
  expandWeight: Tensor,
  expandBias: Tensor,
  momentum: number,
  eps: number,
) => Tensor;

/** `reduce` and `expand`: 1×1 convolutions C → S → C with a bias. */
export interface SqueezeExcite {
  readonly norm: BatchNorm2d;
  readonly reduce: Conv2d;
  readonly expand: Conv2d;
}

/**
 * `a = silu(norm(input))`, times `sigmoid(expand(silu(reduce(mean of a over places))))`; `[N, C, H, W]`. The fused form,
 * in training with float32 on the CPU, cannot be differentiated twice, and its result is channels last.
 */
export function squeezeExcite({ norm, reduce, expand }: SqueezeExcite, input: Tensor): Tensor {
  const { weight, bias, runningMean, runningVar, momentum, eps } = norm;
  if (norm.training && weight && bias && reduce.bias && expand.bias && isFloatOnCpu(input)) {
    norm.batches.add_(1);
    return native(
      input,
      weight,
      bias,
      runningMean,
      runningVar,
      reduce.weight,
      reduce.bias,
      expand.weight,
      expand.bias,
      momentum,
      eps,
    );
  }
  const active = batchNormSilu(norm, input);
  const squeezed = F.adaptiveAvgPool2d(active, 1); // [N, C, 1, 1]
  const gate = expand.forward(F.silu(reduce.forward(squeezed)));
  return F.sigmoid(gate).mul(active);
}

const isFloatOnCpu = (input: Tensor): boolean => input.device === 'cpu' && input.dtype === 'float32';
