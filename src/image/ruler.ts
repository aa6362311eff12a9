/**
 * Rulers: a scale's bar is the one dark line in a dermoscopic image that is thin, even and straight over a third of the
 * field. Ticks alone tell less: at the sizes that generators make they are narrower than a pixel, and skin lines and
 * hair are as regular over a few periods. A ruler without a bar, ticks along the frame's edge, is therefore not found,
 * and a straight hair may pass for one; it is a hint to be read by the set, not a diagnosis of an image.
 *
 * Thin dark structures are found by a black-hat, as hairs are, then projected along 48 directions: a line is a window of
 * a strip one 64th of the side wide whose 15th percentile is dark, so that it may be broken, but has no bends.
 */
import type { DecodedImage } from './decode.js';
import { luma8 } from './hair.js';
import { blackHatCross } from './morphology.js';

const DIRECTIONS = 48;
/** Of the shorter side. */
const LENGTH_SHARE = 0.28;
const STRIP_SHARE = 1 / 64;
/** Of the positions along a line, how many may be less dark than what is returned. */
const GAPS = 0.15;
/** Fainter lines are none: skin has as much at every place. Grey values. */
const FAINTEST = 6;
/** What is darker counts so much, lest a line be made of a few dark spots. */
const DARKEST = 60;
/** Of the half axes; outside is the frame's black rim, whose edge is a line too. */
const FIELD = 0.95;

/** Length of the black-hat's cross: 5 px at a side of 64, 7 at 128, 13 at 256. */
const thinLineKernelPx = (sidePx: number): number => 2 * Math.round(0.02 * sidePx + 0.7) + 1;

/**
 * Contrast of the most visible straight thin dark line.
 *
 * @returns grey values by which the line is darker than what is beside it, 0 or 6…60; of images of different sizes not
 *   comparable
 */
export function straightLineContrast(image: DecodedImage): number {
  const { width, height } = image;
  const side = Math.min(width, height);
  if (side < 16) return 0;
  const hat = blackHatCross(luma8(image), image, thinLineKernelPx(side));
  const strip = STRIP_SHARE * side;
  const reach = Math.ceil(Math.hypot(width, height) / 2 / strip) + 2;
  const size = 2 * reach + 1;
  const length = Math.round((LENGTH_SHARE * side) / strip);
  const gaps = Math.floor(GAPS * length);
  const pixels = fieldPixels(hat, image);
  const sums = new Float32Array(size * size);
  let best = 0;
  for (let direction = 0; direction < DIRECTIONS; direction++) {
    const angle = (Math.PI * direction) / DIRECTIONS;
    project(pixels, sums.fill(0), { cosine: Math.cos(angle), sine: Math.sin(angle), strip, reach });
    for (let row = 0; row < size; row++) {
      // Positions of the window that are no part of a line: most windows are told by this count alone.
      let empty = 0;
      for (let end = row * size; end < (row + 1) * size; end++) {
        const start = end - length + 1;
        if (sums[end]! <= FAINTEST) empty++;
        if (start > row * size && sums[start - 1]! <= FAINTEST) empty--;
        if (start < row * size || empty > gaps) continue;
        let faint = 0;
        for (let k = start; k <= end; k++) if (sums[k]! <= best) faint++;
        if (faint <= gaps) best = sums.slice(start, end + 1).sort()[gaps]!;
      }
    }
  }
  return Math.min(DARKEST, best);
}

/** Pixels of the field in which there is anything, from its centre: x, y, darkness, three values each. */
function fieldPixels(hat: Uint8Array, { width, height }: DecodedImage): number[] {
  const found: number[] = [];
  for (let i = 0; i < hat.length; i++) {
    if (hat[i]! < FAINTEST / 2) continue;
    const x = (i % width) - (width - 1) / 2;
    const y = Math.floor(i / width) - (height - 1) / 2;
    if (((2 * x) / width) ** 2 + ((2 * y) / height) ** 2 > FIELD ** 2) continue;
    found.push(x, y, Math.min(DARKEST, hat[i]!));
  }
  return found;
}

/** Mean darkness by strip (rows) and place along it (columns); a pixel is shared among the four cells around it. */
function project(
  pixels: readonly number[],
  sums: Float32Array,
  { cosine, sine, strip, reach }: { cosine: number; sine: number; strip: number; reach: number },
): void {
  const size = 2 * reach + 1;
  // A cell has strip² pixels, of which each adds its share.
  const share = 1 / (strip * strip);
  for (let i = 0; i < pixels.length; i += 3) {
    const [x, y, value] = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]! * share];
    const along = (x * cosine + y * sine) / strip + reach;
    const across = (y * cosine - x * sine) / strip + reach;
    const [column, row] = [Math.floor(along), Math.floor(across)];
    const [right, below] = [along - column, across - row];
    const at = row * size + column;
    sums[at]! += value * (1 - right) * (1 - below);
    sums[at + 1]! += value * right * (1 - below);
    sums[at + size]! += value * (1 - right) * below;
    sums[at + size + 1]! += value * right * below;
  }
}
