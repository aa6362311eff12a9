/**
 * Augmentation on the CPU in one pass: what happens to each sample as a list of instructions, which `native/augment.cc`
 * runs over the sample while it lies in a core's cache. In tensor operations every change is several passes over the
 * batch; other devices, and changes that have no instruction, take those (`run.ts` decides).
 *
 * An instruction is its code, the number of its parameters, and the parameters. What it computes is what the tensor
 * function of the same change computes, to rounding.
 */

import { makeOperator, type Tensor, tensor, tidy } from 'graft-torch';
import type { Affine } from '../../image/index.js';
import type { Kernel } from './blur.js';
import type { HsvShift } from './colour.js';
import { type Holes, holeSpan } from './cutout.js';
import { gridAxis } from './distortion.js';
import { requireSquare } from './geometry.js';
import type { MedianSide } from './median.js';
import type { Seed } from './noise.js';

const native = makeOperator('graft::augment', '') as (
  images: Tensor,
  program: Tensor,
  ends: Tensor,
) => Tensor;

/** Of a picture, in pixels. */
export interface Size {
  height: number;
  width: number;
}

/** Instructions, one after the other; none: the sample stays as it is. */
export type Instructions = readonly number[];

/** As in native/augment.cc. */
const CODES = {
  turn: 0,
  levels: 1,
  hsv: 2,
  noise: 3,
  hole: 4,
  affine: 5,
  optical: 6,
  grid: 7,
  correlate: 8,
  median: 9,
  clahe: 10,
  stretch: 11,
  equalize: 12,
  posterize: 13,
  solarize: 14,
  colour: 15,
  contrast: 16,
  sharpness: 17,
} as const;

const instruction = (name: keyof typeof CODES, parameters: readonly number[]): Instructions => [
  CODES[name],
  parameters.length,
  ...parameters,
];

const NOTHING: Instructions = [];

/** @throws DataError when a picture that is not square must be transposed */
export function turnInstruction(
  how: { transpose?: boolean; horizontal?: boolean; vertical?: boolean },
  size: Size,
): Instructions {
  const { transpose = false, horizontal = false, vertical = false } = how;
  if (transpose) requireSquare(size);
  if (!transpose && !horizontal && !vertical) return NOTHING;
  return instruction('turn', [transpose, horizontal, vertical].map(Number));
}

/** x · gain + bias, clipped to [0, 1]. */
export const levelsInstruction = (gain: number, bias: number): Instructions =>
  gain === 1 && bias === 0 ? NOTHING : instruction('levels', [gain, bias]);

export const hsvInstruction = ({ hue, saturation, value }: HsvShift): Instructions =>
  hue === 0 && saturation === 0 && value === 0 ? NOTHING : instruction('hsv', [hue, saturation, value]);

export const noiseInstruction = (deviation: number, [first, second]: Seed): Instructions =>
  instruction('noise', [deviation, first, second]);

/** Parameters as `cutHoles` has them. */
export function holeInstructions(
  centres: readonly (readonly [number, number])[],
  holes: Holes,
  { height, width }: Size,
): Instructions {
  if (holes.side === 0) return NOTHING;
  return centres.flatMap(([y, x]) =>
    instruction('hole', [...holeSpan(y, height, holes), ...holeSpan(x, width, holes)]),
  );
}

/** @param map output → source in pixels */
export const affineInstruction = (map: Affine, padding: 'zeros' | 'reflection'): Instructions =>
  instruction('affine', [...map, padding === 'reflection' ? 1 : 0]);

/** @param map output → source in grid coordinates, as `warp` takes it: −1 and 1 are the outermost pixels' centres */
export function warpInstruction(
  map: Affine,
  padding: 'zeros' | 'reflection',
  { height, width }: Size,
): Instructions {
  const [a, b, c, d, e, f] = map;
  const [halfX, halfY] = [(width - 1) / 2, (height - 1) / 2];
  const inPixels: Affine = [
    a,
    (b * halfX) / halfY,
    halfX * (1 - a - b + c),
    (d * halfY) / halfX,
    e,
    halfY * (1 - d - e + f),
  ];
  return affineInstruction(inPixels, padding);
}

export const opticalInstruction = (k: number): Instructions => instruction('optical', [k]);

/** @param columns, rows factors of the cells, as `gridDistortion` takes them */
export const gridInstruction = (
  { columns, rows }: { columns: readonly number[]; rows: readonly number[] },
  { height, width }: Size,
): Instructions => instruction('grid', [...gridAxis(width, columns), ...gridAxis(height, rows)]);

export const filterInstruction = (kernel: Kernel): Instructions => instruction('correlate', kernel);

export const medianInstruction = (side: MedianSide): Instructions => instruction('median', [side]);

export const claheInstruction = (clipLimit: number, tiles = 8): Instructions =>
  instruction('clahe', [clipLimit, tiles]);

/** Each channel to the full range. */
export const stretchInstruction = (): Instructions => instruction('stretch', []);

/** All levels of a channel about equally often. */
export const equalizeInstruction = (): Instructions => instruction('equalize', []);

/** @param bits 1 to 8 */
export const posterizeInstruction = (bits: number): Instructions => instruction('posterize', [bits]);

export const solarizeInstruction = (threshold: number): Instructions => instruction('solarize', [threshold]);

/** Factors as `enhance.ts` has them. */
export const colourInstruction = (factor: number): Instructions => instruction('colour', [factor]);
export const contrastInstruction = (factor: number): Instructions => instruction('contrast', [factor]);

/** @returns null where a picture has no inner pixels */
export const sharpnessInstruction = (factor: number, { height, width }: Size): Instructions | null =>
  Math.min(height, width) < 3 ? null : instruction('sharpness', [factor]);

/** Whether there are kernels for such images. */
export function suitsProgram(images: Tensor): boolean {
  const [, channels, height = 0, width = 0] = images.shape;
  return (
    images.device === 'cpu' &&
    (images.dtype === 'float32' || images.dtype === 'uint8') &&
    images.shape.length === 4 &&
    (channels === 3 || channels === 1) &&
    Math.min(height, width) >= 2
  );
}

/**
 * Takes each sample through its own instructions.
 * @param images `[N, 3, H, W]` or `[N, 1, H, W]` on the CPU: uint8, or float32 in [0, 1]; not changed
 * @param programs one a sample
 * @returns float32 of the same shape in [0, 1]; the images themselves where they are float32 and nothing was to do
 */
export function runProgram(images: Tensor, programs: readonly Instructions[]): Tensor {
  const all = programs.flat();
  if (all.length === 0 && images.dtype === 'float32') return images;
  let end = 0;
  const ends = programs.map(({ length }) => {
    end += length;
    return end;
  });
  return tidy(() =>
    native(
      images,
      tensor(Float64Array.from(all), [all.length], { dtype: 'float64' }),
      tensor(ends, [ends.length], { dtype: 'int64' }),
    ),
  );
}
