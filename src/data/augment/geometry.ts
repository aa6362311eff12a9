/**
 * All geometry of a sample (transpose, flips, shift, scale, rotation) as one affine map, so that its pixels are
 * interpolated once and moved once, whatever was drawn.
 *
 * Coordinates are those of PyTorch's `grid_sample` with `align_corners`: x right, y down, -1 and 1 the centres of
 * the outermost pixels. Its reflection there repeats no pixel, which is OpenCV's BORDER_REFLECT_101, the border of
 * albumentations; and rotation turns about the centre of the image.
 */
import { DataError } from '../../errors.js';
import { aten, type Tensor, tensor, tidy } from '../../torch/index.js';
import type { SampleParameters } from './parameters.js';

/** Row-major 2×3 matrix. */
export type Affine = readonly [number, number, number, number, number, number];

/**
 * Where each output pixel comes from: the inverse of "transpose, flip, then rotate, scale and shift".
 * @param side width and height in pixels (a shift is a share of it).
 */
export function sourceOfOutput(parameters: SampleParameters, side: number): Affine {
  const { transpose, horizontalFlip, verticalFlip, shiftX, shiftY, scale, angle } = parameters;
  const radians = (angle * Math.PI) / 180;
  const cos = Math.cos(radians) / scale;
  const sin = Math.sin(radians) / scale;
  const toUnits = (2 * side) / (side - 1);
  const tx = shiftX * toUnits;
  const ty = shiftY * toUnits;
  // Forward (y down, counter-clockwise to the eye): [s·cos, s·sin; -s·sin, s·cos] p + t. Its inverse:
  const rotated: [number, number, number, number, number, number] = [
    cos,
    -sin,
    -cos * tx + sin * ty,
    sin,
    cos,
    -sin * tx - cos * ty,
  ];
  // Then the flips (they are their own inverses), then the transposition.
  if (horizontalFlip) for (const i of [0, 1, 2]) rotated[i] = -rotated[i]!;
  if (verticalFlip) for (const i of [3, 4, 5]) rotated[i] = -rotated[i]!;
  const [a, b, c, d, e, f] = rotated;
  return transpose ? [d, e, f, a, b, c] : [a, b, c, d, e, f];
}

/**
 * Applies each sample's geometry.
 * @param images `[N, C, H, W]`, float, H = W.
 * @returns the same shape; bilinear where a sample is rotated, scaled or shifted, exact copies where none is.
 */
export function applyGeometry(images: Tensor, parameters: readonly SampleParameters[]): Tensor {
  const [n, , height, width] = images.shape as [number, number, number, number];
  const isStill = parameters.every(
    (p) => !p.transpose && !p.horizontalFlip && !p.verticalFlip && !interpolates(p),
  );
  if (isStill) return images;
  if (height !== width) {
    throw new DataError(
      `this augmentation turns images and needs square ones; got ${width} × ${height} px. Use augmentation 'none', or square the images first`,
    );
  }
  return tidy(() => {
    const matrices = new Float32Array(6 * n);
    parameters.forEach((p, i) => {
      matrices.set(sourceOfOutput(p, height), 6 * i);
    });
    const theta = tensor(matrices, [n, 2, 3], { device: images.device });
    const grid = aten.affine_grid_generator(theta, images.shape, true); // [N, H, W, 2]
    const reflection = 2;
    const [bilinear, nearest] = [0, 1];
    if (parameters.every(interpolates)) return aten.grid_sampler(images, grid, bilinear, reflection, true);
    const moved = aten.grid_sampler(images, grid, nearest, reflection, true);
    const some = parameters.flatMap((p, i) => (interpolates(p) ? [i] : []));
    if (some.length === 0) return moved;
    const rows = tensor(some, [some.length], { dtype: 'int64', device: images.device });
    const smooth = aten.grid_sampler(
      aten.index_select(images, 0, rows),
      aten.index_select(grid, 0, rows),
      bilinear,
      reflection,
      true,
    );
    return aten.index_copy_(moved, 0, rows, smooth);
  });
}

function interpolates(p: SampleParameters): boolean {
  return p.angle !== 0 || p.scale !== 1 || p.shiftX !== 0 || p.shiftY !== 0;
}
