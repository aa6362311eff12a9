/**
 * What varies in dermoscopy and says nothing about the class: skin and site, the lesion's overall pigment and
 * pattern, light, optics, hair, rulers, gel. In collections of real images some of these are confounded with the
 * class (colour patches beside benign lesions only, rulers beside suspicious ones); here they never are.
 */
import type { Random } from 'graft-torch/base';

export type Site = 'trunk' | 'limb' | 'face' | 'acral';
export type Pattern = 'reticular' | 'globular' | 'homogeneous' | 'mixed';

export interface PhantomNuisance {
  site: Site;
  /** Melanin of the skin around the lesion, optical density, 0.02 (fair) … 0.6 (dark). */
  skinMelanin: number;
  /** Redness of the skin, optical density. */
  skinBlood: number;
  /** Strength of furrows, pores and mottling, about 1. */
  skinTexture: number;
  freckles: number;
  /** Camera's white balance: gains for red, green, blue. */
  whiteBalance: readonly [number, number, number];
  /** Exposure gain. */
  exposure: number;
  /** Direction (radians) and strength of the light's fall-off across the field. */
  lightAngle: number;
  lightFalloff: number;
  pattern: Pattern;
  /** Mean melanin of the lesion, optical density. */
  pigment: number;
  /** 0 brown-grey … 1 reddish brown. */
  warmth: number;
  /** Redness of the lesion itself, optical density. */
  lesionBlood: number;
  /** -1 light centre … 1 dark centre. */
  centre: number;
  /** Longer through shorter axis, and its direction (radians). */
  elongation: number;
  angle: number;
  /** Lesion's centre, in half-widths of the field. */
  offsetX: number;
  offsetY: number;
  /** Width over which the lesion fades into the skin, in lesion radii. */
  softness: number;
  /** Dark dots scattered over the lesion. */
  dots: number;
  hairs: number;
  /** 0 light vellus … 1 dark terminal hair. */
  hairDarkness: number;
  /** Half a hair's width, in half-widths of the field. */
  hairWidth: number;
  ruler: 'none' | 'edge' | 'bar';
  /** Radius of the scope's round aperture in half-widths of the field; beyond 1.42 it is out of sight. */
  aperture: number;
  /** Darkening towards the corners by the optics, 0…0.5. */
  vignette: number;
  bubbles: number;
  speculars: number;
  /** A coloured sticker at the field's edge: hue in degrees, or null. */
  patchHue: number | null;
}

function pick<T>(random: Random, choices: readonly (readonly [T, number])[]): T {
  let left = random.next() * choices.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of choices) {
    left -= weight;
    if (left < 0) return value;
  }
  return choices[choices.length - 1]![0];
}

/** Draws all nuisances. Takes no class: that is the guarantee of independence. */
export function sampleNuisance(random: Random): PhantomNuisance {
  const site = pick<Site>(random, [
    ['trunk', 5],
    ['limb', 4],
    ['face', 1.2],
    ['acral', 0.8],
  ]);
  const tone = random.next();
  const warm = random.normal(-0.03, 0.065);
  const tint = random.normal(0, 0.02);
  const dark = random.next() ** 2;
  const hairy = { trunk: 0.4, limb: 0.6, face: 0.2, acral: 0.02 }[site];
  return {
    site,
    skinMelanin: tone < 0.88 ? random.uniform(0.01, 0.2) : random.uniform(0.2, 0.5),
    skinBlood: random.uniform(0, 0.08) + 0.2 * random.next() ** 4,
    skinTexture: random.uniform(0.5, 1.5),
    freckles: random.chance(0.35) ? 1 + random.int(14) : 0,
    whiteBalance: [1 + warm + 0.01, 1 + tint, 1 - warm],
    exposure: random.uniform(0.84, 1.13),
    lightAngle: random.uniform(0, 2 * Math.PI),
    lightFalloff: random.uniform(0, 0.16),
    pattern: pick<Pattern>(random, [
      ['reticular', 4],
      ['globular', 2],
      ['homogeneous', 2],
      ['mixed', 2],
    ]),
    pigment: 0.36 + 0.9 * dark,
    warmth: random.next(),
    lesionBlood: random.uniform(0, 0.2),
    centre: random.uniform(-0.6, 1),
    elongation: 1 + 0.55 * random.next() ** 1.5,
    angle: random.uniform(0, Math.PI),
    offsetX: random.normal(0, 0.07),
    offsetY: random.normal(0, 0.07),
    softness: random.uniform(0.08, 0.3),
    dots: random.chance(0.45) ? 3 + random.int(28) : 0,
    hairs: random.chance(hairy) ? 1 + Math.floor(44 * random.next() ** 2) : 0,
    hairDarkness: random.chance(0.75) ? random.uniform(0.6, 1) : random.uniform(0, 0.5),
    hairWidth: random.uniform(0.0025, 0.007),
    ruler: pick<'none' | 'edge' | 'bar'>(random, [
      ['none', 80],
      ['edge', 11],
      ['bar', 9],
    ]),
    aperture: random.chance(0.28) ? random.uniform(1.0, 1.36) : 2,
    vignette: random.uniform(0.02, 0.3),
    bubbles: random.chance(0.25) ? 1 + random.int(9) : 0,
    speculars: random.chance(0.3) ? 2 + random.int(30) : 0,
    patchHue: random.chance(0.05)
      ? pick(
          random,
          [28, 205, 168, 130, 52].map((hue) => [hue, 1] as const),
        )
      : null,
  };
}
