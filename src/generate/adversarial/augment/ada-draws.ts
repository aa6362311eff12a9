/**
 * What ADA may do to images, and what it does to one: Karras et al., "Training Generative Adversarial Networks with
 * Limited Data", NeurIPS 2020, appendix B, with its ranges. Of its categories those it found to help: pixel blitting,
 * geometry and colour.
 *
 * Drawing is plain arithmetic on a given stream, in one order and whatever p is: a higher p changes more images, and
 * leaves the rest as they were.
 */
import type { Random } from 'graft-torch/base';

/** The paper's categories: "bgc" is all of them. */
export const ADA_CATEGORIES = {
  blit: ['xFlip', 'quarterTurns', 'wholeShift'],
  geometry: ['scale', 'rotation', 'stretch', 'shift'],
  colour: ['brightness', 'contrast', 'lumaFlip', 'hue', 'saturation'],
} as const;

export type AdaCategory = keyof typeof ADA_CATEGORIES;
export type AdaTransform = (typeof ADA_CATEGORIES)[AdaCategory][number];

/** What p is multiplied with for each transform, 0 (never) to 1. */
export type AdaWeights = Readonly<Record<AdaTransform, number>>;

/** Weight 1 for the transforms of some categories, 0 for the others. */
export function adaWeights(...categories: readonly AdaCategory[]): AdaWeights {
  const entries = Object.entries(ADA_CATEGORIES).flatMap(([category, transforms]) =>
    transforms.map((transform) => [transform, categories.includes(category as AdaCategory) ? 1 : 0]),
  );
  return Object.fromEntries(entries) as AdaWeights;
}

/** What happens to one image, in this order. */
export interface AdaDraw {
  /** Left and right exchanged. */
  xFlip: boolean;
  /** Quarter turns, 0 to 3. */
  quarterTurns: number;
  /** Right and down, shares of the side, rounded to whole pixels. */
  wholeShift: readonly [number, number];
  /** Factor along both axes. */
  scale: number;
  /** Radians, before and after the stretch. */
  rotations: readonly [number, number];
  /** Factor along x; y shrinks by the same. */
  stretch: number;
  /** Right and down, shares of the side. */
  shift: readonly [number, number];
  /** Added to all channels, of a range of 2. */
  brightness: number;
  /** Factor of all channels. */
  contrast: number;
  /** Light and dark exchanged, colours kept. */
  lumaFlip: boolean;
  /** Radians about the grey axis. */
  hue: number;
  /** Factor of the distance from the grey axis. */
  saturation: number;
}

/** An image left as it is. */
export const UNCHANGED: AdaDraw = {
  xFlip: false,
  quarterTurns: 0,
  wholeShift: [0, 0],
  scale: 1,
  rotations: [0, 0],
  stretch: 1,
  shift: [0, 0],
  brightness: 0,
  contrast: 1,
  lumaFlip: false,
  hue: 0,
  saturation: 1,
};

/**
 * Draws what happens to one image.
 * @param p probability of each transform, 0 to 1 (a flip that is applied is a fair coin, so half of the flips show)
 * @param random is advanced by the same count whatever comes of it
 */
export function drawAda(p: number, random: Random, weights: AdaWeights): AdaDraw {
  /** The drawn value with a probability, else what changes nothing. */
  const sometimes = <T>(probability: number, value: T, nothing: T): T =>
    random.chance(probability) ? value : nothing;
  const power = (deviation: number): number => 2 ** random.normal(0, deviation);
  const turn = (): number => random.uniform(-Math.PI, Math.PI);
  const around = (): number => random.uniform(-0.125, 0.125);
  // Before or after: together with probability p.
  const oneRotation = 1 - Math.sqrt(1 - weights.rotation * p);

  const xFlip = sometimes(weights.xFlip * p, random.chance(0.5), UNCHANGED.xFlip);
  const quarterTurns = sometimes(weights.quarterTurns * p, random.int(4), UNCHANGED.quarterTurns);
  const wholeShift = sometimes(weights.wholeShift * p, [around(), around()] as const, UNCHANGED.wholeShift);
  const scale = sometimes(weights.scale * p, power(0.2), UNCHANGED.scale);
  const before = sometimes(oneRotation, turn(), 0);
  const stretch = sometimes(weights.stretch * p, power(0.2), UNCHANGED.stretch);
  const after = sometimes(oneRotation, turn(), 0);
  const offset = [random.normal(0, 0.125), random.normal(0, 0.125)] as const;
  const shift = sometimes(weights.shift * p, offset, UNCHANGED.shift);
  const brightness = sometimes(weights.brightness * p, random.normal(0, 0.2), UNCHANGED.brightness);
  const contrast = sometimes(weights.contrast * p, power(0.5), UNCHANGED.contrast);
  const lumaFlip = sometimes(weights.lumaFlip * p, random.chance(0.5), UNCHANGED.lumaFlip);
  const hue = sometimes(weights.hue * p, turn(), UNCHANGED.hue);
  const saturation = sometimes(weights.saturation * p, power(1), UNCHANGED.saturation);
  return {
    xFlip,
    quarterTurns,
    wholeShift,
    scale,
    rotations: [before, after],
    stretch,
    shift,
    brightness,
    contrast,
    lumaFlip,
    hue,
    saturation,
  };
}
