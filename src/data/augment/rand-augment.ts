/**
 * RandAugment (Cubuk, Zoph, Shlens & Le, arXiv:1909.13719): each sample goes through N of 14 operations, drawn with
 * replacement, all of one magnitude M. Operations and their ranges are those of the paper's code (AutoAugment's), on
 * torchvision's scale of magnitudes from 0 to 30; signs are drawn. Geometry is bilinear, black beyond the border. Each operation
 * is a tensor function, and an instruction for the CPU's kernels.
 */

import type { Tensor } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { type Affine, warp } from '../../image/index.js';
import { adjustBrightness, adjustColour, adjustContrast, adjustSharpness } from './enhance.js';
import { requireSquare, shiftScaleRotate, sourceOfOutput, UNTURNED } from './geometry.js';
import { autoContrast, equalize, posterize, solarize } from './levels.js';
import type { RandAugmentSettings } from './parameters.js';
import { type Pipeline, type Transform, transform } from './pipeline.js';
import {
  colourInstruction,
  contrastInstruction,
  equalizeInstruction,
  type Instructions,
  levelsInstruction,
  posterizeInstruction,
  type Size,
  sharpnessInstruction,
  solarizeInstruction,
  stretchInstruction,
  warpInstruction,
} from './program.js';

/** The largest magnitude. */
export const TOP_MAGNITUDE = 30;

/** `p` in pixels from the upper left corner of the image → its grid coordinates, −1 and 1 the outermost centres. */
const cornerOf = (length: number): number => -length / (length - 1);

/** A shear about the upper left corner, output → source in grid coordinates. */
function shearMap(axis: 'x' | 'y', factor: number, { height, width }: Size): Affine {
  // A pixel is 2 / (length − 1) of the grid.
  const slope = factor * (axis === 'x' ? (height - 1) / (width - 1) : (width - 1) / (height - 1));
  return axis === 'x'
    ? [1, slope, -slope * cornerOf(height), 0, 1, 0]
    : [1, 0, 0, slope, 1, -slope * cornerOf(width)];
}

/**
 * Shears about the upper left corner, as Pillow does: x + factor · y.
 * @param images float `[N, C, H, W]`
 * @param factors one a sample
 */
export function shear(images: Tensor, axis: 'x' | 'y', factors: readonly number[]): Tensor {
  const [, , height, width] = images.shape as [number, number, number, number];
  const maps = factors.map((factor) => shearMap(axis, factor, { height, width }));
  return warp(images, maps, { padding: 'zeros' });
}

const eitherWay = (random: Random, amount: number): number => (random.chance(0.5) ? amount : -amount);
const still = { angle: 0, scale: 1, shiftX: 0, shiftY: 0 };

/**
 * The 14 operations at a magnitude.
 * @param magnitude 0 to 30
 */
export function randAugmentOperations(magnitude: number): Transform[] {
  const share = magnitude / TOP_MAGNITUDE;
  const enhancing = (
    name: string,
    adjust: (images: Tensor, factors: readonly number[]) => Tensor,
    encode: (factor: number, size: Size) => Instructions | null,
  ): Transform => transform(name, (random) => 1 + eitherWay(random, 0.9 * share), adjust, encode);
  const moving = (name: string, of: (amount: number) => Partial<typeof still>, most: number): Transform =>
    transform(
      name,
      (random) => ({ ...still, ...of(eitherWay(random, most * share)) }),
      (images, drawn) => shiftScaleRotate(images, drawn, 'zeros'),
      (drawn, size) =>
        warpInstruction(sourceOfOutput({ ...UNTURNED, ...drawn }, requireSquare(size)), 'zeros', size),
    );
  const shearing = (axis: 'x' | 'y'): Transform =>
    transform(
      `Shear${axis.toUpperCase()}`,
      (random) => eitherWay(random, 0.3 * share),
      (images, factors) => shear(images, axis, factors),
      (factor, size) => warpInstruction(shearMap(axis, factor, size), 'zeros', size),
    );
  return [
    transform(
      'Identity',
      () => null,
      (images) => images,
      () => [],
    ),
    transform('AutoContrast', () => null, autoContrast, stretchInstruction),
    transform('Equalize', () => null, equalize, equalizeInstruction),
    moving('Rotate', (angle) => ({ angle }), 30),
    transform('Solarize', () => 1 - share, solarize, solarizeInstruction),
    enhancing('Color', adjustColour, colourInstruction),
    transform('Posterize', () => 8 - Math.round(4 * share), posterize, posterizeInstruction),
    enhancing('Contrast', adjustContrast, contrastInstruction),
    enhancing('Brightness', adjustBrightness, (factor) => levelsInstruction(factor, 0)),
    enhancing('Sharpness', adjustSharpness, sharpnessInstruction),
    shearing('x'),
    shearing('y'),
    moving('TranslateX', (shiftX) => ({ shiftX }), 150 / 331),
    moving('TranslateY', (shiftY) => ({ shiftY }), 150 / 331),
  ];
}

/** N operations of magnitude M, one after the other. */
export function randAugment({ operations, magnitude }: RandAugmentSettings): Pipeline {
  const oneOf = randAugmentOperations(magnitude);
  return Array.from({ length: operations }, () => ({ probability: 1, oneOf }));
}
