/**
 * Sketches: what a part of a picture looks like in 136 bytes, so that a search finds the parts that look alike without
 * comparing pictures. A sketch says at seventeen places on two rings how much the luma rises in each of eight
 * directions; places and directions are those of a flower whose symmetries are the square's, so that a turned or
 * mirrored picture has the same numbers in another order. Rises are measured against those nearby, so that a strong
 * border counts no more than a fine one, and over wide places, so that a shift or another crop changes little.
 * Source: Tola, Lepetit & Fua, "DAISY: an efficient dense descriptor applied to wide-baseline stereo", 2010.
 *
 * A picture has sketches of its whole field and of crops of it, since the copy may be cropped or behind an aperture
 * (the flower stays clear of the corners), and of its four corners, since something may have been laid over the rest.
 */

import { symmetries, turnBack } from '../pixels/symmetry.js';
import { contentArea, contentSizePx } from './content.js';
import { createBlur, type MaskedBlur } from './masked-blur.js';

const side = contentSizePx;
const directions = 8;

interface Place {
  x: number;
  y: number;
  /** Sigma, as x and y in halves of the window's side. */
  sigma: number;
}

/** [radius, number, sigma] of each ring, in halves of the window's side. */
const rings = [
  [0, 1, 0.16],
  [0.3, 8, 0.13],
  [0.62, 8, 0.16],
] as const;

const places = rings.flatMap(([radius, number, sigma]) =>
  Array.from({ length: number }, (_, j): Place => {
    const angle = (2 * Math.PI * j) / number;
    return { x: radius * Math.cos(angle), y: radius * Math.sin(angle), sigma };
  }),
);

/** Numbers of a sketch; the last few are 0, so that vectors of the processor are full. */
export const sketchLength = 144;
const used = places.length * directions;

/** What 1, the length of a sketch, is in bytes: no number comes near the largest byte. */
export const sketchUnit = 300;

/** A part of a content map: centre and half sides, −1…1 over the map. */
export interface Window {
  x: number;
  y: number;
  halfWidth: number;
  halfHeight: number;
}

/** `turned[i] = sketch[turns[k][i]]`: the sketch of the picture under symmetry k. */
export const turns: readonly Int32Array[] = Array.from({ length: symmetries }, (_, k) => {
  const turn = Int32Array.from({ length: sketchLength }, (_, i) => i);
  places.forEach(({ x, y }, p) => {
    const [u, v] = turnBack(k, x, y);
    const from = places.findIndex((place) => Math.hypot(place.x - u, place.y - v) < 1e-6);
    for (let d = 0; d < directions; d++) {
      const angle = (2 * Math.PI * d) / directions;
      const [a, b] = turnBack(k, Math.cos(angle), Math.sin(angle));
      const fromDirection =
        Math.round((Math.atan2(b, a) / (2 * Math.PI)) * directions + directions) % directions;
      turn[p * directions + d] = from * directions + fromDirection;
    }
  });
  return turn;
});

/**
 * Half sides and offsets of crops, in halves of the field's: of the whole field's form, and of the largest square in it.
 * Offset squares are there for apertures that are not in the middle.
 */
const fields = [1, 0.88, 0.77, 0.68, 0.6, 0.53];
const squares = [0.96, 0.88, 0.8, 0.7];
const aside = { diagonal: { scale: 0.8, offset: 0.09 }, straight: { scale: 0.86, offset: 0.06 } };
const corner = { at: 0.45, half: 0.55 };

const isSquare = (aspect: number): boolean => Math.max(aspect, 1 / aspect) < 1.1;

/** Crops of a picture of some aspect that copies may show: of the whole field's form, and square where it is not. */
export function cropWindows(aspect: number): Window[] {
  const [width, height] = [Math.min(1, 1 / aspect), Math.min(1, aspect)];
  const square = (scale: number, x = 0, y = 0): Window => ({
    x: x * width,
    y: y * height,
    halfWidth: scale * width,
    halfHeight: scale * height,
  });
  const { diagonal, straight } = aside;
  const [d, s] = [diagonal.offset, straight.offset];
  return [
    ...fields.map((scale) => ({ x: 0, y: 0, halfWidth: scale, halfHeight: scale })),
    ...squares.filter((scale) => !isSquare(aspect) || !fields.includes(scale)).map((scale) => square(scale)),
    ...[-d, d].flatMap((x) => [-d, d].map((y) => square(diagonal.scale, x, y))),
    ...[-s, s].flatMap((by) => [square(straight.scale, by, 0), square(straight.scale, 0, by)]),
  ];
}

/** Of these, what is looked for in others: the whole field, and the middle square. */
export const wholeWindows = (aspect: number): number[] => (isSquare(aspect) ? [0] : [0, fields.length]);

export const cornerWindow: Window = {
  x: -corner.at,
  y: -corner.at,
  halfWidth: corner.half,
  halfHeight: corner.half,
};

/** The corner that comes to lie at the top left under symmetry `k`; 0 to 3 bring four different ones there. */
export function cornerUnder(k: number): Window {
  const [x, y] = turnBack(k, cornerWindow.x, cornerWindow.y);
  return { ...cornerWindow, x, y };
}

/** What sketches are taken from: rises by direction, over places of three widths. */
export interface Rises {
  /** `[3 widths, 8 directions, 32, 32]` */
  maps: Float32Array[][];
}

const half = side >> 1;
const halfArea = half * half;
const gradientNoise = 0.8;
/** In pixels of the content map, but for those of the places, of a map of half its size. */
const smooth = createBlur(1.3, side);
const nearby = createBlur(5, side);
const placeSigmas = [1.3, 2, 2.7];
/** Made for the first picture: whoever only imports this needs no engine. */
let blurs: MaskedBlur[] | undefined;
const placeBlurs = (): MaskedBlur[] => {
  blurs ??= placeSigmas.map((sigma) => createBlur(sigma, half).within(new Float32Array(halfArea).fill(1)));
  return blurs;
};

/** @param content luma `[64, 64]`, 0 outside the field */
export function risesOf(content: Uint8Array): Rises {
  const inside = Float32Array.from(content, (value) => (value > 0 ? 1 : 0));
  const luma = smooth.within(inside).blur(Float32Array.from(content), new Float32Array(contentArea));
  const gradients = new Float32Array(2 * contentArea);
  const energy = new Float32Array(contentArea);
  for (let y = 1; y < side - 1; y++)
    for (let x = 1, i = y * side + 1; x < side - 1; x++, i++) {
      if (!(inside[i]! && inside[i - 1]! && inside[i + 1]! && inside[i - side]! && inside[i + side]!))
        continue;
      const across = (luma[i + 1]! - luma[i - 1]!) / 2;
      const down = (luma[i + side]! - luma[i - side]!) / 2;
      gradients[2 * i] = across;
      gradients[2 * i + 1] = down;
      energy[i] = across * across + down * down;
    }
  const usual = nearby.within(inside).blur(energy, new Float32Array(contentArea));
  const maps = Array.from({ length: directions }, () => new Float32Array(halfArea));
  for (let y = 0, i = 0; y < side; y++)
    for (let x = 0; x < side; x++, i++) {
      if (energy[i] === 0) continue;
      const size = Math.sqrt(energy[i]! / (usual[i]! + gradientNoise * gradientNoise));
      const turn = Math.atan2(gradients[2 * i + 1]!, gradients[2 * i]!) / (2 * Math.PI);
      const direction = (turn < 0 ? turn + 1 : turn) * directions;
      const first = Math.floor(direction) % directions;
      const share = direction - Math.floor(direction);
      const at = (y >> 1) * half + (x >> 1);
      maps[first]![at]! += size * (1 - share);
      maps[(first + 1) % directions]![at]! += size * share;
    }
  return { maps: placeBlurs().map(({ blur }) => maps.map((map) => blur(map, new Float32Array(halfArea)))) };
}

const numbers = new Float32Array(used);

/** The sketch of a window, at unit length, as bytes; of a window that shows nothing, zeros. */
export function sketchInto({ maps }: Rises, window: Window, into: Int8Array): void {
  const { x, y, halfWidth, halfHeight } = window;
  const scale = Math.sqrt(halfWidth * halfHeight) * (half / 2);
  let square = 0;
  places.forEach((place, p) => {
    const u = Math.min(half - 1, Math.max(0, (x + place.x * halfWidth + 1) * (half / 2) - 0.5));
    const v = Math.min(half - 1, Math.max(0, (y + place.y * halfHeight + 1) * (half / 2) - 0.5));
    const [x0, y0] = [Math.min(half - 2, Math.floor(u)), Math.min(half - 2, Math.floor(v))];
    const [fx, fy] = [u - x0, v - y0];
    const at = y0 * half + x0;
    const sigma = place.sigma * scale;
    const width = sigma < 1.65 ? 0 : sigma < 2.35 ? 1 : 2;
    for (let d = 0; d < directions; d++) {
      const map = maps[width]![d]!;
      const top = map[at]! + fx * (map[at + 1]! - map[at]!);
      const bottom = map[at + half]! + fx * (map[at + half + 1]! - map[at + half]!);
      const value = top + fy * (bottom - top);
      numbers[p * directions + d] = value;
      square += value * value;
    }
  });
  const unit = square > 1e-6 ? sketchUnit / Math.sqrt(square) : 0;
  for (let i = 0; i < used; i++) into[i] = Math.min(127, Math.round(numbers[i]! * unit));
}
