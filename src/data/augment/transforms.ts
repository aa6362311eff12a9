/**
 * albumentations' transforms (Buslaev et al., Information 2020) with the meanings that their parameters had at 0.5, the
 * version of 2020: how one sample's parameters are drawn, which tensor function takes them, and which instruction
 * the CPU's kernels.
 *
 * Values are float in [0, 1] where albumentations has bytes, so limits that it counts in levels of 255 are counted so
 * here too, and nothing is rounded between two transforms. Lengths in pixels are pixels, except where a size is named.
 */

import { aten, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import type { Affine } from '../../image/index.js';
import { filterEach, gaussianKernel, motionKernel } from './blur.js';
import { clahe } from './clahe.js';
import { gainAndBias, shiftHsv } from './colour.js';
import { cutHoles } from './cutout.js';
import { gridDistortion, opticalDistortion } from './distortion.js';
import { type CornerShifts, cornerAffine, elasticTransform, fieldDeviation } from './elastic.js';
import { requireSquare, shiftScaleRotate, sourceOfOutput, turn, UNTURNED } from './geometry.js';
import { type MedianSide, medianBlur } from './median.js';
import { gaussNoise, type Seed, uniformNoise } from './noise.js';
import { type Transform, transform } from './pipeline.js';
import {
  affineInstruction,
  claheInstruction,
  filterInstruction,
  gridInstruction,
  holeInstructions,
  hsvInstruction,
  levelsInstruction,
  medianInstruction,
  noiseInstruction,
  opticalInstruction,
  type Size,
  turnInstruction,
  warpInstruction,
} from './program.js';

const within = (random: Random, limit: number): number => random.uniform(-limit, limit);
const drawSeed = (random: Random): Seed => [random.uint32(), random.uint32()];
const nothing = (): null => null;

const turning = (name: string, how: Parameters<typeof turn>[1]): Transform =>
  transform(
    name,
    nothing,
    (images) => turn(images, how),
    (_, size) => turnInstruction(how, size),
  );

export const transposed = (): Transform => turning('Transpose', { transpose: true });
export const verticalFlip = (): Transform => turning('VerticalFlip', { vertical: true });
export const horizontalFlip = (): Transform => turning('HorizontalFlip', { horizontal: true });

/** Adds up to ± limit of the full range. */
export const randomBrightness = (limit: number): Transform =>
  transform(
    'RandomBrightness',
    (random) => within(random, limit),
    (images, bias) =>
      gainAndBias(
        images,
        bias.map(() => 1),
        bias,
      ),
    (bias) => levelsInstruction(1, bias),
  );

/** Multiplies by 1 ± limit. */
export const randomContrast = (limit: number): Transform =>
  transform(
    'RandomContrast',
    (random) => 1 + within(random, limit),
    (images, gain) => gainAndBias(images, gain),
    (gain) => levelsInstruction(gain, 0),
  );

/** A line of 3 or 5 pixels' square, from one random point of it to another. */
export const motionBlur = (): Transform =>
  transform(
    'MotionBlur',
    (random) => {
      const side = 3 + 2 * random.int(2);
      const [x0, x1, y0] = [random.int(side), random.int(side), random.int(side)];
      // Never a single point: in one column the ends differ in their rows.
      const y1 = x0 === x1 ? (y0 + 1 + random.int(side - 1)) % side : random.int(side);
      return motionKernel(side, [x0, y0], [x1, y1]);
    },
    filterEach,
    filterInstruction,
  );

/** Over 3 or 5 pixels' square, equally often. */
export const medianBlurred = (): Transform =>
  transform(
    'MedianBlur',
    (random): MedianSide => (random.int(2) === 0 ? 3 : 5),
    medianBlur,
    medianInstruction,
  );

/** Over 3 (one in three) or 5 pixels' square: albumentations draws 3, 4 or 5, and takes 5 for 4. */
export const gaussianBlur = (): Transform =>
  transform(
    'GaussianBlur',
    (random) => gaussianKernel(random.int(3) === 0 ? 3 : 5),
    filterEach,
    filterInstruction,
  );

/** Normal noise of a variance between two, in squared levels of 255. */
export const gaussianNoise = (low: number, high: number): Transform =>
  transform(
    'GaussNoise',
    (random) => ({ deviation: Math.sqrt(random.uniform(low, high)) / 255, seed: drawSeed(random) }),
    (images, drawn) =>
      gaussNoise(
        images,
        drawn.map(({ deviation }) => deviation),
        drawn.map(({ seed }) => seed),
      ),
    ({ deviation, seed }) => noiseInstruction(deviation, seed),
  );

/** k within ± limit. */
export const opticallyDistorted = (limit: number): Transform =>
  transform('OpticalDistortion', (random) => within(random, limit), opticalDistortion, opticalInstruction);

/** Cells drawn out by 1 ± limit. */
export const gridDistorted = (cells: number, limit: number): Transform =>
  transform(
    'GridDistortion',
    (random) => {
      const factors = (): number[] => Array.from({ length: cells + 1 }, () => 1 + within(random, limit));
      return { columns: factors(), rows: factors() };
    },
    (images, drawn) =>
      gridDistortion(
        images,
        drawn.map(({ columns }) => columns),
        drawn.map(({ rows }) => rows),
      ),
    gridInstruction,
  );

interface ElasticSettings {
  alpha: number;
  sigma: number;
  affine: number;
  atSize: number;
}

/**
 * @param options in pixels of an image whose side is `atSize`: corners go up to `affine` away, the field is smoothed by
 * `sigma` and multiplied by `alpha`. Other sizes are deformed in proportion. With albumentations' σ of 50 px and the
 * winners' α of 3 the field would move pixels by a hundredth of one: then there is the affine map alone.
 */
export const elastic = (options: ElasticSettings): Transform =>
  transform(
    'ElasticTransform',
    (random) => ({
      corners: Array.from({ length: 6 }, () => within(random, options.affine)) as unknown as CornerShifts,
      seed: drawSeed(random),
    }),
    (images, drawn) =>
      tidy(() => {
        const [n, , height, width] = images.shape as [number, number, number, number];
        const { affine, field, isVisible } = elasticAt(options, { height, width });
        const affines = drawn.map(({ corners }) => affine(corners));
        if (!isVisible) return elasticTransform(images, { affines, noise: null }, field);
        const noise = uniformNoise(
          drawn.map(({ seed }) => seed),
          2 * height * width,
          images.device,
        );
        return elasticTransform(images, { affines, noise: aten.view(noise, [n, 2, height, width]) }, field);
      }),
    (drawn, size) => {
      const { affine, isVisible } = elasticAt(options, size);
      return isVisible ? null : affineInstruction(affine(drawn.corners), 'reflection');
    },
  );

/** Displacements below this are not made. */
const INVISIBLE_PX = 0.02;

/** The same at a picture's size. */
function elasticAt(options: ElasticSettings, { height, width }: Size) {
  const scale = Math.min(height, width) / options.atSize;
  const field = { sigma: options.sigma * scale, alpha: options.alpha * scale };
  const affine = (corners: CornerShifts): Affine =>
    cornerAffine(corners.map((shift) => shift * scale) as unknown as CornerShifts, height, width);
  return { affine, field, isVisible: fieldDeviation(field) >= INVISIBLE_PX };
}

/** A clip limit between 1 and this. */
export const claheUpTo = (limit: number): Transform =>
  transform(
    'CLAHE',
    (random) => random.uniform(1, limit),
    clahe,
    (clipLimit) => claheInstruction(clipLimit),
  );

/** Hue in steps of 2°, saturation and value in levels of 255, each within ± its limit. */
export const hueSaturationValue = (hue: number, saturation: number, value: number): Transform =>
  transform(
    'HueSaturationValue',
    (random) => ({
      hue: within(random, hue) / 180,
      saturation: within(random, saturation) / 255,
      value: within(random, value) / 255,
    }),
    shiftHsv,
    hsvInstruction,
  );

/** Shifts up to a share of the side, scales by 1 ± scale, turns up to ± degrees; black beyond the border. */
export const shiftedScaledRotated = (shift: number, scale: number, degrees: number): Transform =>
  transform(
    'ShiftScaleRotate',
    (random) => ({
      angle: within(random, degrees),
      scale: 1 + within(random, scale),
      shiftX: within(random, shift),
      shiftY: within(random, shift),
    }),
    (images, drawn) => shiftScaleRotate(images, drawn, 'zeros'),
    (drawn, size) =>
      warpInstruction(sourceOfOutput({ ...UNTURNED, ...drawn }, requireSquare(size)), 'zeros', size),
  );

/** Black squares, their side a share of the image's. */
export const cutout = (holes: number, side: number): Transform =>
  transform(
    'Cutout',
    (random) => Array.from({ length: holes }, () => [random.next(), random.next()] as const),
    (images, centres) => cutHoles(images, centres, { side, slides: true }),
    (centres, size) => holeInstructions(centres, { side, slides: true }, size),
  );
