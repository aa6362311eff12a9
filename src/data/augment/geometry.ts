/**
 * All geometry of a sample (transpose, flips, shift, scale, rotation) as one affine map, so that its pixels are
 * interpolated once and moved once, whatever was drawn.
 * Reflection at the border repeats no pixel, as albumentations has it; rotation turns about the centre of the image.
 */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { type Affine, onRows, rowsWhere, warp } from '../../image/index.js';
import type { SampleParameters } from './parameters.js';

/** What is done to a sample's geometry, of all that may be. */
export type Geometry = Pick<
  SampleParameters,
  'transpose' | 'horizontalFlip' | 'verticalFlip' | 'shiftX' | 'shiftY' | 'scale' | 'angle'
>;

export const UNTURNED = { transpose: false, horizontalFlip: false, verticalFlip: false } as const;

/**
 * Where each output pixel comes from: the inverse of "transpose, flip, then rotate, scale and shift".
 * @param side width and height in pixels (a shift is a share of it).
 */
export function sourceOfOutput(parameters: Geometry, side: number): Affine {
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
  const side = requireSquare(sizeOf(images));
  const mapsOf = (rows: readonly number[]) => rows.map((row) => sourceOfOutput(parameters[row]!, side));
  return tidy(() => {
    const turned = moved.length > 0 ? turnEach(images, parameters, moved) : images;
    return onRows(turned, smooth, (x) => warp(x, mapsOf(smooth)));
  });
}

/** Transposes and flips some samples; those that are turned the same way go together. */
function turnEach(images: Tensor, parameters: readonly Geometry[], rows: readonly number[]): Tensor {
  return tidy(() => {
    const result = aten.clone(images, { memory_format: 'contiguous' });
    for (const [transpose, horizontal, vertical] of WAYS) {
      const alike = rows.filter((row) => {
        const p = parameters[row]!;
        return p.transpose === transpose && p.horizontalFlip === horizontal && p.verticalFlip === vertical;
      });
      if (alike.length === 0) continue;
      const index = tensor(alike, [alike.length], { dtype: 'int64', device: images.device });
      const turned = turn(aten.index_select(images, 0, index), { transpose, horizontal, vertical });
      aten.index_copy_(result, 0, index, turned);
    }
    return result;
  });
}

const EITHER = [false, true] as const;
/** Transposed, flipped left to right, upside down. */
const WAYS = EITHER.flatMap((a) => EITHER.flatMap((b) => EITHER.map((c) => [a, b, c] as const)));

function turns(p: SampleParameters): boolean {
  return p.transpose || p.horizontalFlip || p.verticalFlip;
}

export function interpolates(p: SampleParameters): boolean {
  return p.angle !== 0 || p.scale !== 1 || p.shiftX !== 0 || p.shiftY !== 0;
}

function sizeOf(images: Tensor): { height: number; width: number } {
  const [, , height, width] = images.shape as [number, number, number, number];
  return { height, width };
}

/** The side of square images. @throws DataError when they are not square */
export function requireSquare({ height, width }: { height: number; width: number }): number {
  if (height !== width) {
    throw new DataError(
      `this augmentation turns images and needs square ones; got ${width} × ${height} px. Use augmentation 'none', or square the images first`,
    );
  }
  return height;
}

/**
 * Shifts, scales and rotates each sample about the middle of the image (albumentations 0.5 takes a point half a pixel
 * beside it).
 * @param images float `[N, C, H, W]`, H = W
 * @param padding what lies beyond the border: black, or the mirrored image
 */
export function shiftScaleRotate(
  images: Tensor,
  parameters: readonly Pick<Geometry, 'shiftX' | 'shiftY' | 'scale' | 'angle'>[],
  padding: 'zeros' | 'reflection',
): Tensor {
  const side = requireSquare(sizeOf(images));
  const maps = parameters.map((p) => sourceOfOutput({ ...UNTURNED, ...p }, side));
  return warp(images, maps, { padding });
}

/**
 * Transposes or flips a whole batch, into memory of its own.
 * @param images `[N, C, H, W]`, H = W where they are transposed
 */
export function turn(
  images: Tensor,
  how: { transpose?: boolean; horizontal?: boolean; vertical?: boolean },
): Tensor {
  if (how.transpose) requireSquare(sizeOf(images));
  const dims = [...(how.vertical ? [2] : []), ...(how.horizontal ? [3] : [])];
  return tidy(() => {
    // A view until it is cloned in reading order.
    const view = how.transpose ? aten.transpose.int(images, 2, 3) : images;
    const turned =
      how.transpose || dims.length === 0 ? aten.clone(view, { memory_format: 'contiguous' }) : view;
    return dims.length > 0 ? aten.flip(turned, dims) : turned;
  });
}
