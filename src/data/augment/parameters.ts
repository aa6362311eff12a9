/**
 * What an augmentation may do, and what it does to one sample. Drawing is plain arithmetic on a sample's own random
 * stream, so a sample's augmentation depends on its seed alone: not on the batch it happens to be in.
 *
 * Parameter meanings are those of albumentations (Buslaev et al., Information 2020), in units that do not depend
 * on the image's size: shifts and holes as shares of the side, hue in turns, saturation and value in [0, 1].
 */
import type { Random } from 'graft-torch/base';

/** An augmentation as probabilities (0 to 1) and ranges; `0` switches a part off. */
export interface AugmentationSettings {
  /** Probability of swapping rows and columns; needs square images. */
  transpose: number;
  horizontalFlip: number;
  verticalFlip: number;
  /** Probability of one of: vertical, horizontal, both (a third each). */
  flip: number;
  shiftScaleRotate: {
    probability: number;
    /** Largest shift along each axis, share of the side. */
    shift: number;
    /** Factor 1 ± scale. */
    scale: number;
    /** Largest angle in degrees, either way. */
    rotate: number;
  };
  /** Multiplies by 1 ± limit, before the geometry. */
  contrast: { probability: number; limit: number };
  /** Picks one range, then x · (1 ± contrast) ± brightness, clipped to [0, 1]. */
  brightnessContrast: { probability: number; oneOf: readonly { brightness: number; contrast: number }[] };
  /** Largest change of each: hue in turns (1 = the whole circle), saturation and value of 1. */
  hueSaturationValue: { probability: number; hue: number; saturation: number; value: number };
  /** Black squares: how many, and their side as a share of the image's. */
  cutout: { probability: number; holes: number; side: number };
}

const OFF: AugmentationSettings = {
  transpose: 0,
  horizontalFlip: 0,
  verticalFlip: 0,
  flip: 0,
  shiftScaleRotate: { probability: 0, shift: 0, scale: 0, rotate: 0 },
  contrast: { probability: 0, limit: 0 },
  brightnessContrast: { probability: 0, oneOf: [] },
  hueSaturationValue: { probability: 0, hue: 0, saturation: 0, value: 0 },
  cutout: { probability: 0, holes: 0, side: 0 },
};

/** The augmentations by name. */
export const AUGMENTATIONS = {
  /** Pixels as they are. */
  none: OFF,
  /** The eight symmetries of the square, equally likely; pixels are moved, never interpolated. */
  flips: { ...OFF, transpose: 0.5, horizontalFlip: 0.5, verticalFlip: 0.5 },
  /**
   * What a frozen network's features may see: the eight symmetries, and a little of place, size, angle and light. Stronger
   * changes lead out of what such a network knows.
   */
  light: {
    ...OFF,
    transpose: 0.5,
    horizontalFlip: 0.5,
    verticalFlip: 0.5,
    shiftScaleRotate: { probability: 1, shift: 0.05, scale: 0.1, rotate: 20 },
    brightnessContrast: { probability: 1, oneOf: [{ brightness: 0.1, contrast: 0.1 }] },
  },
  /**
   * The original's list. Where it named no ranges, they are albumentations' defaults of its time (0.5): shift
   * .0625, scale .1, rotate 45°, contrast .2, hue 20/180, saturation 30/255, value 20/255, 8 holes of 8 px (at its
   * 128 px).
   */
  standard: {
    transpose: 0.5,
    horizontalFlip: 0,
    verticalFlip: 0.5,
    flip: 0.5,
    shiftScaleRotate: { probability: 0.5, shift: 0.0625, scale: 0.1, rotate: 45 },
    contrast: { probability: 0.5, limit: 0.2 },
    brightnessContrast: {
      probability: 1,
      oneOf: [
        { brightness: 0.3, contrast: 0.3 },
        { brightness: 0.1, contrast: 0.1 },
      ],
    },
    hueSaturationValue: { probability: 0.5, hue: 20 / 180, saturation: 30 / 255, value: 20 / 255 },
    cutout: { probability: 1, holes: 8, side: 8 / 128 },
  },
} as const satisfies Record<string, AugmentationSettings>;

/** Those that are lists of steps: `pipelines.ts`, `rand-augment.ts`. */
export const pipelineNames = ['siim', 'randaugment'] as const;
export type PipelineName = (typeof pipelineNames)[number];

export type AugmentationName = keyof typeof AUGMENTATIONS | PipelineName;
export const augmentationNames: readonly AugmentationName[] = [
  ...(Object.keys(AUGMENTATIONS) as (keyof typeof AUGMENTATIONS)[]),
  ...pipelineNames,
];

/** Of RandAugment: how many operations a sample goes through, and how strong they are, 0 to 30. */
export interface RandAugmentSettings {
  operations: number;
  magnitude: number;
}

/** torchvision's; the paper's own choices for ImageNet are 2 and 9 (ResNet-50). */
export const RAND_AUGMENT: RandAugmentSettings = { operations: 2, magnitude: 9 };

/** What test-time augmentation looks at, and how many views that are: `symmetries.ts`. */
export const TEST_TIME_VIEWS = { none: 1, flips: 4, symmetries: 8 } as const;
export type TestTimeAugmentation = keyof typeof TEST_TIME_VIEWS;
export const testTimeAugmentations = Object.keys(TEST_TIME_VIEWS) as TestTimeAugmentation[];

/** What happens to one sample. */
export interface SampleParameters {
  transpose: boolean;
  horizontalFlip: boolean;
  verticalFlip: boolean;
  /** Shares of the side, right and down. */
  shiftX: number;
  shiftY: number;
  scale: number;
  /** Degrees, counter-clockwise to the eye. */
  angle: number;
  /** Factor before the geometry. */
  contrast: number;
  /** x · gain + bias after it. */
  gain: number;
  bias: number;
  /** Turns, and shares of 1. */
  hue: number;
  saturation: number;
  value: number;
  /** Centres of the holes, shares of the side: y, x. */
  holes: readonly (readonly [number, number])[];
}

/**
 * Draws a sample's parameters. Each draw is made whether or not it is used, so that a changed probability leaves
 * all other parameters of the sample as they were.
 */
export function drawParameters(settings: AugmentationSettings, random: Random): SampleParameters {
  const around = (limit: number): number => random.uniform(-limit, limit);
  const { shiftScaleRotate, contrast, brightnessContrast, hueSaturationValue, cutout } = settings;
  const transpose = random.chance(settings.transpose);
  const horizontal = random.chance(settings.horizontalFlip);
  const vertical = random.chance(settings.verticalFlip);
  const flips = random.chance(settings.flip);
  const whichFlip = random.int(3); // 0 vertical, 1 horizontal, 2 both
  const moves = random.chance(shiftScaleRotate.probability);
  const angle = around(shiftScaleRotate.rotate);
  const scale = 1 + around(shiftScaleRotate.scale);
  const shiftX = around(shiftScaleRotate.shift);
  const shiftY = around(shiftScaleRotate.shift);
  const contrasts = random.chance(contrast.probability);
  const factor = 1 + around(contrast.limit);
  const brightens = random.chance(brightnessContrast.probability) && brightnessContrast.oneOf.length > 0;
  const range = brightnessContrast.oneOf[random.int(brightnessContrast.oneOf.length)];
  const gain = 1 + around(range?.contrast ?? 0);
  const bias = around(range?.brightness ?? 0);
  const colours = random.chance(hueSaturationValue.probability);
  const hue = around(hueSaturationValue.hue);
  const saturation = around(hueSaturationValue.saturation);
  const value = around(hueSaturationValue.value);
  const cuts = random.chance(cutout.probability);
  const holes = Array.from({ length: cutout.holes }, () => [random.next(), random.next()] as const);
  return {
    transpose,
    horizontalFlip: horizontal !== (flips && whichFlip !== 0),
    verticalFlip: vertical !== (flips && whichFlip !== 1),
    shiftX: moves ? shiftX : 0,
    shiftY: moves ? shiftY : 0,
    scale: moves ? scale : 1,
    angle: moves ? angle : 0,
    contrast: contrasts ? factor : 1,
    gain: brightens ? gain : 1,
    bias: brightens ? bias : 0,
    hue: colours ? hue : 0,
    saturation: colours ? saturation : 0,
    value: colours ? value : 0,
    holes: cuts ? holes : [],
  };
}
