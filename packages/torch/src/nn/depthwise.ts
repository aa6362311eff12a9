/**
 * Depthwise convolution: each channel with a kernel of its own. On the CPU its weight gradient is Graft's
 * (`native/depthwise.cc`), because oneDNN's is its reference loop for the kernels and maps of EfficientNet.
 */
import { autocastDtype, makeOperator, type Tensor } from '../torch/index.js';
import { conv2d, type Pair, pair } from './functional.js';

const native = makeOperator('graft::depthwise_conv2d', '') as (
  input: Tensor,
  weight: Tensor,
  stride: readonly number[],
  padding: readonly number[],
) => Tensor;

/** Input `[N, C, H, W]`, weight `[C, 1, kH, kW]` → `[N, C, H', W']`. Fast where the input is channels last. */
export function depthwiseConv2d(
  input: Tensor,
  weight: Tensor,
  options: { stride?: Pair; padding?: Pair } = {},
): Tensor {
  const { stride = 1, padding = 0 } = options;
  // The native gradient is float32's; `autocast` wants to choose the type of a convolution it knows.
  if (input.device !== 'cpu' || autocastDtype('cpu'))
    return conv2d(input, weight, null, { stride, padding, groups: weight.shape[0]! });
  return native(input, weight, pair(stride), pair(padding));
}
