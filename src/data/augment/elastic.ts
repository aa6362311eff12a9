/**
 * Elastic deformation (Simard, Steinkraus & Platt, ICDAR 2003) as albumentations has it: a random affine map, given by
 * where three corners of a square go, and a random field of displacements, smoothed by a Gaussian.
 *
 * The two are one map here, so pixels are interpolated once, where albumentations does it twice.
 */

import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { type Affine, compose } from '../../image/index.js';
import { pixelAxes, remap } from './remap.js';

/** Displacements of three points, in pixels: x and y of each. */
export type CornerShifts = readonly [number, number, number, number, number, number];

/** The affine map that takes three points (x, y) to three others. */
function affineBetween(from: readonly number[], to: readonly number[]): Affine {
  // Columns are the edges and the origin of each triangle: to · from⁻¹.
  const basis = (p: readonly number[]): Affine => [
    p[0]! - p[4]!,
    p[2]! - p[4]!,
    p[4]!,
    p[1]! - p[5]!,
    p[3]! - p[5]!,
    p[5]!,
  ];
  const [a, b, c, d, e, f] = basis(from);
  const determinant = a * e - b * d;
  const inverse: Affine = [
    e / determinant,
    -b / determinant,
    (b * f - c * e) / determinant,
    -d / determinant,
    a / determinant,
    (c * d - a * f) / determinant,
  ];
  return compose(basis(to), inverse);
}

/**
 * Output → source of albumentations' affine part: a square of a third of the side about the middle, whose corners
 * (lower right, upper right, upper left for a square image) are shifted.
 * @returns a map of pixel coordinates
 */
export function cornerAffine(shifts: CornerShifts, height: number, width: number): Affine {
  const [cx, cy] = [Math.floor(height / 2), Math.floor(width / 2)]; // height first: albumentations' own order
  const arm = Math.floor(Math.min(height, width) / 3);
  const square = [cx + arm, cy + arm, cx + arm, cy - arm, cx - arm, cy - arm];
  return affineBetween(
    square.map((value, i) => value + shifts[i]!),
    square,
  );
}

/** Gaussian smoothing of a line of `length` values as a matrix: scipy's `gaussian_filter` with its mirrored border. */
export function smoothingMatrix(length: number, deviation: number): Float32Array {
  const radius = Math.floor(4 * deviation + 0.5);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / deviation) ** 2),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  const matrix = new Float32Array(length * length);
  for (let row = 0; row < length; row++) {
    for (let i = 0; i < weights.length; i++) {
      // The line, then the line backwards, for ever.
      const turn = (((row + i - radius) % (2 * length)) + 2 * length) % (2 * length);
      matrix[row * length + (turn < length ? turn : 2 * length - 1 - turn)]! += weights[i]! / sum;
    }
  }
  return matrix;
}

export interface ElasticOptions {
  /** Deviation of the smoothing, pixels. */
  sigma: number;
  /** Factor of the smoothed field, pixels. */
  alpha: number;
}

/** The deviation of the displacements, pixels: of uniform noise, smoothed in two dimensions. */
export const fieldDeviation = ({ sigma, alpha }: ElasticOptions): number =>
  alpha / (Math.sqrt(3) * 2 * Math.sqrt(Math.PI) * sigma);

/** Smooth displacements along x and y. @param noise uniform in [−1, 1), `[N, 2, H, W]` @returns the same shape, pixels */
function displacements(noise: Tensor, { sigma, alpha }: ElasticOptions): Tensor {
  const [height, width] = noise.shape.slice(2) as [number, number];
  const { dtype, device } = noise;
  return tidy(() => {
    const smoothing = (length: number): Tensor =>
      aten.t(tensor(smoothingMatrix(length, sigma), [length, length], { dtype, device }));
    // The second product from the right too, between transpositions: one large product instead of many small ones.
    const rows = noise.matmul(smoothing(width));
    const columns = aten.transpose.int(rows, 2, 3).matmul(smoothing(height));
    return aten.mul.Scalar(aten.transpose.int(columns, 2, 3), alpha);
  });
}

/**
 * Deforms each sample.
 * @param images float `[N, C, H, W]`; gradients flow to them
 * @param affines output → source in pixel coordinates, one a sample (`cornerAffine`)
 * @param noise uniform in [−1, 1), `[N, 2, H, W]`: displacements along x and y before smoothing; null for none
 */
export function elasticTransform(
  images: Tensor,
  { affines, noise }: { affines: readonly Affine[]; noise: Tensor | null },
  options: ElasticOptions,
): Tensor {
  return tidy(() => {
    const { dtype, device } = images;
    const field = noise && displacements(noise, options);
    const { x, y } = pixelAxes(images);
    const moved = (k: number, axis: Tensor): Tensor =>
      field ? aten.add.Tensor(axis, aten.select.int(field, 1, k)) : axis;
    const [px, py] = [moved(0, x), moved(1, y)];
    const entry = (i: number): Tensor =>
      tensor(
        affines.map((affine) => affine[i]!),
        [affines.length, 1, 1],
        { dtype, device },
      );
    const source = (row: 0 | 3): Tensor => {
      const along = aten.add.Tensor(aten.mul.Tensor(px, entry(row)), aten.mul.Tensor(py, entry(row + 1)));
      return aten.add_.Tensor(along, entry(row + 2)); // [N, H, W]
    };
    return remap(images, source(0), source(3));
  });
}
