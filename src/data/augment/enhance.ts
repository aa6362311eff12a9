/**
 * The enhancements of RandAugment: brightness, colour, contrast and sharpness, each a blend of the image with a poorer one
 * of itself, poor + factor · (image − poor), as Pillow's `ImageEnhance` has them. A factor of 0 gives the poorer image,
 * 1 the image itself, more exaggerates. In float, without Pillow's rounding in between.
 */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { perSample, toGrey } from '../../image/index.js';

/** poor + factor · (image − poor), clipped to [0, 1]. */
function away(poor: Tensor, images: Tensor, factors: readonly number[]): Tensor {
  const difference = aten.mul_.Tensor(aten.sub.Tensor(images, poor), perSample(factors, images));
  return aten.clamp_(aten.add_.Tensor(difference, poor), 0, 1);
}

/** The poorer image is black. @param images float `[N, 3, H, W]` in [0, 1] */
export const adjustBrightness = (images: Tensor, factors: readonly number[]): Tensor =>
  tidy(() => aten.clamp_(aten.mul.Tensor(images, perSample(factors, images)), 0, 1));

/** The poorer image is grey: its luma. @param images float `[N, 3, H, W]` in [0, 1] */
export const adjustColour = (images: Tensor, factors: readonly number[]): Tensor =>
  tidy(() => away(toGrey(images), images, factors));

/** The poorer image is one grey, the mean of its luma. @param images float `[N, 3, H, W]` in [0, 1] */
export const adjustContrast = (images: Tensor, factors: readonly number[]): Tensor =>
  tidy(() => away(aten.mean.dim(toGrey(images), [2, 3], true), images, factors));

/**
 * The poorer image is smoothed by 3 × 3 pixels, of which the middle counts five times; the outermost pixels stay.
 * @param images float `[N, 3, H, W]` in [0, 1], sides of at least three pixels
 */
export const adjustSharpness = (images: Tensor, factors: readonly number[]): Tensor =>
  tidy(() => {
    const [n, channels, height, width] = images.shape as [number, number, number, number];
    const { dtype, device } = images;
    const kernel = [1, 1, 1, 1, 5, 1, 1, 1, 1].map((weight) => weight / 13);
    const planes = aten.reshape(images, [n * channels, 1, height, width]);
    const smooth = aten.conv2d(planes, tensor(kernel, [1, 1, 3, 3], { dtype, device }));
    const inner = aten.narrow(aten.narrow(images, 2, 1, height - 2), 3, 1, width - 2);
    const sharp = away(aten.view(smooth, [n, channels, height - 2, width - 2]), inner, factors);
    const result = aten.clone(images, { memory_format: 'contiguous' });
    aten.copy_(aten.narrow(aten.narrow(result, 2, 1, height - 2), 3, 1, width - 2), sharp);
    return result;
  });
