/** Images seen through a map of coordinates in pixels, as `cv2.remap` takes it. */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';

/**
 * Samples each image at its map's points, bilinearly. Beyond the border the image is mirrored without repeating a pixel
 * (BORDER_REFLECT_101).
 * @param images float `[N, C, H, W]`, sides of two pixels or more; gradients flow to them
 * @param x, y where each output pixel comes from: column and row; 0 is the first pixel's centre. `[N, H, W]`, or what
 * broadcasts to it
 */
export function remap(images: Tensor, x: Tensor, y: Tensor): Tensor {
  return tidy(() => {
    const [n, , height, width] = images.shape as [number, number, number, number];
    const grid = aten.empty.memory_format([n, height, width, 2], {
      dtype: images.dtype,
      device: images.device,
    });
    // −1 and 1 are the centres of the outermost pixels.
    for (const [k, [map, length]] of [[x, width] as const, [y, height] as const].entries()) {
      const scaled = aten.sub_.Scalar(aten.mul.Scalar(map, 2 / (length - 1)), 1);
      aten.copy_(aten.select.int(grid, 3, k), scaled);
    }
    return aten.grid_sampler(images, grid, 0, 2, true);
  });
}

/** Columns `[1, 1, W]` and rows `[1, H, 1]` of an image's pixels. */
export function pixelAxes(images: Tensor): { x: Tensor; y: Tensor } {
  const [, , height, width] = images.shape as [number, number, number, number];
  const { dtype, device } = images;
  const axis = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i);
  return {
    x: tensor(axis(width), [1, 1, width], { dtype, device }),
    y: tensor(axis(height), [1, height, 1], { dtype, device }),
  };
}
