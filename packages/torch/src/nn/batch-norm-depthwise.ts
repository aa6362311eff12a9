/**
 * Batch norm, SiLU and the depthwise convolution behind them as one operator (`native/batch_norm_depthwise.cc`), which never
 * writes the activated map: the first half of an MBConv block in training.
 */

import type { Tensor } from '../torch/index.js';
import { makeOperator } from '../torch/index.js';
import type { BatchNorm2d } from './layers.js';

const native = makeOperator('graft::batch_norm_depthwise', '') as (
  input: Tensor,
  normWeight: Tensor,
  bias: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  weight: Tensor,
  stride: number,
  padding: readonly number[],
  momentum: number,
  eps: number,
) => Tensor;

export interface NormedDepthwise {
  norm: BatchNorm2d;
  /** `[C, 1, K, K]`. */
  weight: Tensor;
  stride: number;
  padding: readonly [top: number, left: number, bottom: number, right: number];
}

/**
 * `conv(silu(norm(input)))`, `[N, C, H, W]` → `[N, C, H', W']`, channels last; cannot be differentiated twice.
 *
 * @returns null where there is no such operator: not in training, not float32 on the CPU, channels not in sixteens, a kernel
 *   that is neither 3×3 nor 5×5
 */
export function batchNormDepthwise(
  { norm, weight, stride, padding }: NormedDepthwise,
  input: Tensor,
): Tensor | null {
  const { weight: normWeight, bias, runningMean, runningVar, momentum, eps } = norm;
  const [channels, , kernel] = weight.shape as [number, number, number];
  if (!norm.training || !normWeight || !bias) return null;
  if (input.device !== 'cpu' || input.dtype !== 'float32') return null;
  if (channels % 16 !== 0 || (kernel !== 3 && kernel !== 5) || stride > 2) return null;
  norm.batches.add_(1);
  return native(input, normWeight, bias, runningMean, runningVar, weight, stride, padding, momentum, eps);
}
