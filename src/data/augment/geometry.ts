/**
 * All geometry of a sample (transpose, flips, shift, scale, rotation) as one affine map, so that its pixels are
 * interpolated once and moved once, whatever was drawn.
 * Reflection at the border repeats no pixel, as albumentations has it; rotation turns about the centre of the image.
 */
import { DataError } from '../../errors.js';
import { type Affine, warp } from '../../image/affine.js';
import { onRows, rowsWhere } from '../../image/per-sample.js';
import { type Tensor, tidy } from '../../torch/index.js';
import type { SampleParameters } from './parameters.js';

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
  const smooth = rowsWhere(parameters, interpolates);
  const moved = rowsWhere(parameters, (p) => !interpolates(p) && turns(p));
  if (smooth.length + moved.length === 0) return images;
  const [, , height, width] = images.shape as [number, number, number, number];
  if (height !== width) {
    throw new DataError(
      `this augmentation turns images and needs square ones; got ${width} × ${height} px. Use augmentation 'none', or square the images first`,
    );
  }
  const mapsOf = (rows: readonly number[]) => rows.map((row) => sourceOfOutput(parameters[row]!, height));
  return tidy(() => {
    const turned = onRows(images, moved, (x) => warp(x, mapsOf(moved), { interpolation: 'nearest' }));
    return onRows(turned, smooth, (x) => warp(x, mapsOf(smooth)));
  });
}

function turns(p: SampleParameters): boolean {
  return p.transpose || p.horizontalFlip || p.verticalFlip;
}

function interpolates(p: SampleParameters): boolean {
  return p.angle !== 0 || p.scale !== 1 || p.shiftX !== 0 || p.shiftY !== 0;
}
