/**
 * The augmentation of adaptive discriminator augmentation, ADA: Karras et al., "Training Generative Adversarial
 * Networks with Limited Data", NeurIPS 2020, appendix B. Both real and generated images go through it before the
 * discriminator sees them; below p ≈ 0.8 its changes do not leak into what the generator makes.
 *
 * All geometry of a sample is one affine map and all its colour another, so it is resampled once and recoloured once,
 * and a sample without a change is not touched. The border is mirrored however far a map reaches.
 */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import {
  type Affine,
  compose,
  identity,
  onRows,
  perSample,
  rotation,
  rowsWhere,
  scaling,
  translation,
  warp,
} from '../../../image/index.js';
import type { AdaDraw } from './ada-draws.js';
import { downsampling, type Matrix, REACH, upsampling } from './sym6.js';

/**
 * Changes each image as its draw says.
 * @param images float `[N, C, H, W]` in [−1, 1], H = W; gradients flow to them
 * @param draws one a sample
 * @returns the same shape, not clipped; the images themselves where no draw changes anything
 * @throws DataError when images that are to be moved are not square
 */
export function applyAda(images: Tensor, draws: readonly AdaDraw[]): Tensor {
  return tidy(() => recolour(move(images, draws), draws));
}

/** Moves pixels: by copying where a draw asks for no more, else by antialiased resampling. */
function move(images: Tensor, draws: readonly AdaDraw[]): Tensor {
  const resampled = rowsWhere(draws, isBetweenPixels);
  const copied = rowsWhere(draws, (draw) => !isBetweenPixels(draw) && isBlitted(draw));
  if (resampled.length + copied.length === 0) return images;
  const [, , side, width] = images.shape as [number, number, number, number];
  if (side !== width) {
    throw new DataError(
      `ADA turns images and needs square ones; got ${width} × ${side} px. Square them first`,
    );
  }
  const mapsOf = (rows: readonly number[]) => rows.map((row) => sourceOfOutput(draws[row]!, side));
  const blitted = onRows(images, copied, (chosen) => {
    const units = 2 / (side - 1);
    const maps = mapsOf(copied).map((map) => compose(scaling(units), map, scaling(1 / units)));
    return warp(chosen, maps, { interpolation: 'nearest' });
  });
  return onRows(blitted, resampled, (chosen) => resample(chosen, mapsOf(resampled)));
}

const isBlitted = (draw: AdaDraw): boolean =>
  draw.xFlip || draw.quarterTurns !== 0 || draw.wholeShift.some((share) => share !== 0);

const isBetweenPixels = (draw: AdaDraw): boolean =>
  draw.scale !== 1 || draw.stretch !== 1 || [...draw.rotations, ...draw.shift].some((value) => value !== 0);

/** Where each output pixel comes from, in pixels from the centre: the inverse of the draw's changes, in their order. */
export function sourceOfOutput(draw: AdaDraw, side: number): Affine {
  const [before, after] = draw.rotations;
  const [wholeX, wholeY] = draw.wholeShift;
  return compose(
    draw.xFlip ? scaling(-1, 1) : identity,
    rotation((draw.quarterTurns * Math.PI) / 2),
    translation(-Math.round(wholeX * side), -Math.round(wholeY * side)),
    scaling(1 / draw.scale),
    rotation(before),
    scaling(1 / draw.stretch, draw.stretch),
    rotation(after),
    translation(-draw.shift[0] * side, -draw.shift[1] * side),
  );
}

/**
 * Doubles the images, samples them at twice the output's resolution and halves that.
 * @param maps in pixels from the centre, output → source
 */
function resample(images: Tensor, maps: readonly Affine[]): Tensor {
  const side = images.shape[3]!;
  const matrix = ({ rows, columns, values }: Matrix): Tensor =>
    tensor(values, [rows, columns], { dtype: images.dtype, device: images.device });
  return tidy(() => {
    const fine = alongBothAxes(images, matrix(upsampling(side))); // [n, C, 2·side − 1, 2·side − 1]
    // The fine output reaches further behind than before: its middle lies half of that, in half-pixels, off the centre.
    const { before, behind } = REACH;
    const steps = before + 2 * side - 1 + behind;
    const toPixels = compose(
      translation((behind - before) / 4, (behind - before) / 4),
      scaling((steps - 1) / 4),
    );
    const toUnits = scaling(2 / (side - 1));
    const bent = warp(
      fine,
      maps.map((map) => compose(toUnits, map, toPixels)),
      { size: [steps, steps] },
    ); // [n, C, steps, steps]
    return alongBothAxes(bent, matrix(downsampling(side)));
  });
}

/** M·X·Mᵀ for each channel. @param matrix `[out, in]` @param images `[N, C, in, in]` */
function alongBothAxes(images: Tensor, matrix: Tensor): Tensor {
  return matrix.matmul(images.matmul(matrix.t()));
}

/** Multiplies the colours of each pixel, as a vector, with the draw's matrix; grey with what that does to greys. */
function recolour(images: Tensor, draws: readonly AdaDraw[]): Tensor {
  const maps = draws.map(colourOf);
  const rows = rowsWhere(maps, (map) => map !== null);
  return onRows(images, rows, (chosen) =>
    tidy(() => {
      const values = rows.flatMap((row) => maps[row]!);
      const { dtype, device } = images;
      if (images.shape[1] === 1) {
        // Of equal colours the rows make the same: the sum of a row, and what it adds.
        const gain = rows.map((row) => maps[row]!.slice(0, 3).reduce((a, b) => a + b));
        const bias = rows.map((row) => maps[row]![3]!);
        return chosen.mul(perSample(gain, images)).add(perSample(bias, images));
      }
      const matrices = tensor(values, [rows.length, 3, 4], { dtype, device });
      const offset = matrices.narrow(2, 3, 1); // [n, 3, 1]
      return aten
        .baddbmm(offset, matrices.narrow(2, 0, 3), chosen.flatten(2)) // [n, 3, H·W]
        .reshape(chosen.shape);
    }),
  );
}

/**
 * The draw's colour as one affine map of RGB, `[3, 4]` by rows, or null where it changes nothing.
 *
 * With the grey axis v = (1, 1, 1) / √3, every transform stretches along v, or stretches and turns about it, so they
 * commute and their product is: ± contrast · (v vᵀ) + contrast · saturation · (cos hue · (I − v vᵀ) + sin hue · [v]×),
 * plus ± contrast · brightness.
 */
export function colourOf(draw: AdaDraw): number[] | null {
  const { brightness, contrast, lumaFlip, hue, saturation } = draw;
  if (brightness === 0 && contrast === 1 && !lumaFlip && hue === 0 && saturation === 1) return null;
  const grey = lumaFlip ? -contrast : contrast;
  const cos = contrast * saturation * Math.cos(hue);
  const sin = (contrast * saturation * Math.sin(hue)) / Math.sqrt(3);
  const same = (grey + 2 * cos) / 3;
  const next = (grey - cos) / 3 - sin; // red from green, green from blue, blue from red
  const last = (grey - cos) / 3 + sin;
  const add = grey * brightness;
  return [same, next, last, add, last, same, next, add, next, last, same, add];
}
