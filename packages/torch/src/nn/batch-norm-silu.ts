/**
 * Batch normalisation followed by SiLU as one operator (`native/batch_norm_silu.cc`): half the time of the two on
 * the CPU, where the input is channels last; the two themselves everywhere else.
 */

import type { Tensor } from '../torch/index.js';
import { makeOperator } from '../torch/index.js';
import { silu } from './functional.js';
import type { BatchNorm2d } from './layers.js';

const native = makeOperator('graft::batch_norm_silu', '') as (
  input: Tensor,
  weight: Tensor,
  bias: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  training: boolean,
  momentum: number,
  eps: number,
) => Tensor;

/** `silu(norm.forward(input))`, `[N, C, H, W]`. */
export function batchNormSilu(norm: BatchNorm2d, input: Tensor): Tensor {
  const { weight, bias, runningMean, runningVar, training, momentum, eps } = norm;
  if (!weight || !bias || input.device !== 'cpu') return silu(norm.forward(input));
  if (training) norm.batches.add_(1);
  return native(input, weight, bias, runningMean, runningVar, training, momentum, eps);
}
