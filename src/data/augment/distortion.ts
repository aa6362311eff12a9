/**
 * Optical and grid distortion with albumentations' meanings (0.5): a lens that bulges or pinches, and a mesh whose
 * columns and rows are drawn out by random factors.
 */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { pixelAxes, remap } from './remap.js';

/**
 * Radial distortion: a point at (x, y) from the middle, in sides, comes from (x, y) · (1 + k r² + k r⁴), which is OpenCV's
 * `initUndistortRectifyMap` with the coefficients (k, k, 0, 0, 0) and a focal length of one side. The image keeps its
 * place; albumentations' moves by half a pixel.
 *
 * albumentations also draws a shift of the principal point and rounds it to whole pixels: with its limit of 0.05 px it
 * is always 0, so there is none here.
 * @param images float `[N, C, H, W]`; gradients flow to them
 * @param strengths k, one a sample; above 0 pinches, below 0 bulges
 */
export function opticalDistortion(images: Tensor, strengths: readonly number[]): Tensor {
  return tidy(() => {
    const [n, , height, width] = images.shape as [number, number, number, number];
    const { x, y } = pixelAxes(images);
    const fromMiddle = (axis: Tensor, length: number): Tensor =>
      aten.div_.Scalar(aten.sub.Scalar(axis, (length - 1) / 2), length);
    const [u, v] = [fromMiddle(x, width), fromMiddle(y, height)];
    const r2 = aten.add.Tensor(aten.square(u), aten.square(v)); // [1, H, W]
    const bulge = aten.mul_.Tensor(aten.add.Scalar(r2, 1), r2); // r² + r⁴
    const k = tensor(strengths, [n, 1, 1], { dtype: images.dtype, device: images.device });
    const factor = aten.add_.Scalar(aten.mul.Tensor(k, bulge), 1); // [N, H, W]
    const source = (axis: Tensor, length: number): Tensor =>
      aten.add_.Scalar(aten.mul.Tensor(factor, aten.mul.Scalar(axis, length)), (length - 1) / 2);
    return remap(images, source(u, width), source(v, height));
  });
}

/**
 * Where each pixel of an axis comes from: `factors.length − 1` cells of ⌊length / cells⌋ pixels, each drawn out by its
 * factor, and a last one that takes what is left up to the border.
 */
export function gridAxis(length: number, factors: readonly number[]): number[] {
  const cell = Math.floor(length / (factors.length - 1));
  const source: number[] = [];
  let reached = 0;
  for (const [i, factor] of factors.entries()) {
    const start = i * cell;
    if (start >= length) break;
    // Below 20 px a few pixels may be left after the last cell; albumentations has them all from the first column.
    const takesRest = start + cell > length || (i === factors.length - 1 && start + cell < length);
    const count = takesRest ? length - start : cell;
    const next = takesRest ? length : reached + cell * factor;
    // numpy.linspace: both ends belong to the cell.
    for (let j = 0; j < count; j++) source.push(reached + ((next - reached) * j) / Math.max(1, count - 1));
    reached = next;
  }
  return source;
}

/**
 * Draws columns and rows out by factors, cell by cell.
 * @param images float `[N, C, H, W]`; gradients flow to them
 * @param columns, rows factors of the cells, one more than there are cells in a row (albumentations' `num_steps` + 1)
 */
export function gridDistortion(
  images: Tensor,
  columns: readonly (readonly number[])[],
  rows: readonly (readonly number[])[],
): Tensor {
  return tidy(() => {
    const [n, , height, width] = images.shape as [number, number, number, number];
    const { dtype, device } = images;
    const axes = (all: readonly (readonly number[])[], length: number): number[] =>
      all.flatMap((factors) => gridAxis(length, factors));
    const x = tensor(axes(columns, width), [n, 1, width], { dtype, device });
    const y = tensor(axes(rows, height), [n, height, 1], { dtype, device });
    return remap(images, x, y);
  });
}
