/**
 * A 3×3 convolution with the resampling beside it, as one convolution with a 4×4 kernel.
 *
 * Nearest up-sampling repeats a pixel, mean pooling adds up outputs: either way several weights meet the same pixel,
 * and their sum can be taken once, over the kernel, instead of over the image. The same map with 16 products where
 * there were 36, and no intermediate map of twice the side: 1.3 to 2.4 times faster, forward and backward.
 * Source: Karras et al., "Progressive Growing of GANs", ICLR 2018, whose code calls it fused scaling.
 */
import type { Tensor } from '../torch/index.js';
import * as F from './functional.js';

/** Means of the 2×2 neighbourhoods of a kernel and the zeros around it: `[O, C, 3, 3]` → `[O, C, 4, 4]`. */
const spread = (weight: Tensor): Tensor => F.avgPool2d(weight, 2, { stride: 1, padding: 1 });

/**
 * Nearest up-sampling by 2, then a 3×3 convolution with padding 1: `[N, C, H, W]` → `[N, O, 2H, 2W]`.
 *
 * @param weight `[O, C, 3, 3]`
 */
export function upsampleConv2d(input: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  // A transposed convolution writes what a convolution reads, so its kernel is turned by 180°; 4 makes means sums.
  const kernel = spread(weight).mul(4).transpose(0, 1).flip([2, 3]); // [C, O, 4, 4]
  return F.convTranspose2d(input, kernel, { bias, stride: 2, padding: 1 });
}

/**
 * A 3×3 convolution with padding 1, then mean pooling over 2×2: `[N, C, H, W]` → `[N, O, H/2, W/2]`, H and W even.
 *
 * @param weight `[O, C, 3, 3]`
 */
export const convAvgPool2d = (input: Tensor, weight: Tensor, bias: Tensor | null): Tensor =>
  F.conv2d(input, spread(weight), { bias, stride: 2, padding: 1 });
