/**
 * From factors to pixels: skin, lesion, then Beer–Lambert to colour, then what lies above, then the light; all
 * at twice the size and averaged down, so that hairs and network lines have clean edges.
 */
import { ConfigError, Random } from 'graft-torch/base';
import {
  light,
  type Picture,
  paintBubbles,
  paintHair,
  paintPatch,
  paintRuler,
  paintSpeculars,
} from './artefacts.js';
import { type Canvas, coordinate, createCanvas } from './canvas.js';
import type { PhantomFactors } from './factors.js';
import { paintLesion } from './lesion.js';
import { Noise } from './noise.js';
import { makeOutline, outsideness } from './shape.js';
import { paintSkin } from './skin.js';

const SUPERSAMPLING = 2;
/** Absorption of red, green and blue light, for a unit of density: by eye, after the slopes of the real spectra. */
const MELANIN = [0.6, 1.0, 1.58] as const;
const BLOOD = [0.14, 0.92, 0.72] as const;
/** Skin without pigment or blood, fully lit. */
const DERMIS = [0.95, 0.905, 0.87] as const;
/** Tyndall effect: melanin deep in the dermis scatters blue. */
const DEEP = [0.47, 0.5, 0.59] as const;
const SCAR = [0.9, 0.83, 0.8] as const;

/** @throws ConfigError if phantoms are not drawn at this size */
export function checkPhantomSize(sizePx: number): void {
  if (!Number.isInteger(sizePx) || sizePx < 16 || sizePx > 1024) {
    throw new ConfigError(`a phantom's size must be a whole number of pixels from 16 to 1024, not ${sizePx}`);
  }
}

/** One stream of detail a part, so that parts do not disturb each other. */
function streams(factors: PhantomFactors) {
  const root = new Random(factors.seed);
  return { of: (part: string) => root.fork(part), noise: new Noise(root.fork('noise')) };
}

/**
 * Renders a phantom. The same factors give the same lesion at every size and the same bytes on every call.
 * @param sizePx side of the square picture, 16…1024
 * @returns [sizePx, sizePx, 3] RGB bytes, row by row
 * @throws ConfigError if the size is out of range
 */
export function renderPhantom(factors: PhantomFactors, sizePx: number): Uint8Array {
  checkPhantomSize(sizePx);
  const { of, noise } = streams(factors);
  const canvas = createCanvas(sizePx * SUPERSAMPLING);
  paintSkin(canvas, { factors, noise }, of('skin'));
  paintLesion(canvas, { factors, outline: makeOutline(factors, of('outline')), noise }, of('lesion'));
  const picture = develop(canvas);
  paintSpeculars(picture, factors, of('speculars'));
  paintHair(picture, factors, of('hair'));
  paintRuler(picture, factors, of('ruler'));
  paintPatch(picture, { factors, noise }, of('patch'));
  paintBubbles(picture, factors, of('bubbles'));
  light(picture, factors, of('light'));
  return reduce(picture, sizePx);
}

/** What a thread does: draws phantoms at one size. */
export const startRenderer =
  (sizePx: number) =>
  (factors: PhantomFactors): Uint8Array =>
    renderPhantom(factors, sizePx);

/**
 * The lesion's outline as ground truth: 1 inside, 0 outside.
 * @returns [sizePx, sizePx] bytes
 * @throws ConfigError if the size is out of range
 */
export function renderPhantomMask(factors: PhantomFactors, sizePx: number): Uint8Array {
  checkPhantomSize(sizePx);
  const { of, noise } = streams(factors);
  const outline = makeOutline(factors, of('outline'));
  const mask = new Uint8Array(sizePx * sizePx);
  for (let j = 0; j < sizePx; j++) {
    for (let i = 0; i < sizePx; i++) {
      const out = outsideness({ outline, noise }, coordinate(i, sizePx), coordinate(j, sizePx));
      mask[j * sizePx + i] = out < 0 ? 1 : 0;
    }
  }
  return mask;
}

function develop(canvas: Canvas): Picture {
  const { side, melanin, blood, veil, white, relief } = canvas;
  const rgb = new Float32Array(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    const m = melanin[i]!;
    const b = blood[i]!;
    const v = veil[i]!;
    const w = white[i]!;
    const lift = 1 + relief[i]!;
    for (let c = 0; c < 3; c++) {
      let value = DERMIS[c]! * Math.exp(-m * MELANIN[c]! - b * BLOOD[c]!);
      if (v > 0) value += 0.75 * v * (DEEP[c]! * (0.45 + 0.55 * Math.exp(-0.55 * m)) - value);
      if (w > 0) value += 0.5 * w * (SCAR[c]! - value);
      rgb[i * 3 + c] = value * lift;
    }
  }
  return { side, rgb };
}

function reduce(picture: Picture, sizePx: number): Uint8Array {
  const { side, rgb } = picture;
  const bytes = new Uint8Array(sizePx * sizePx * 3);
  const row = side * 3;
  const scale = 255 / (SUPERSAMPLING * SUPERSAMPLING);
  let at = 0;
  for (let j = 0; j < sizePx; j++) {
    for (let i = 0; i < sizePx; i++) {
      const corner = j * SUPERSAMPLING * row + i * SUPERSAMPLING * 3;
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let v = 0; v < SUPERSAMPLING; v++) {
          for (let u = 0; u < SUPERSAMPLING; u++) sum += rgb[corner + v * row + u * 3 + c]!;
        }
        const value = sum * scale + 0.5;
        bytes[at++] = Math.min(255, Math.max(0, value));
      }
    }
  }
  return bytes;
}
