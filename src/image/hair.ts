/**
 * Hair removal after DullRazor (Lee et al., "DullRazor: a software approach to hair removal from images", Computers
 * in Biology and Medicine 27, 1997), in the common short form: grey values → black-hat with a cross → threshold →
 * Telea inpainting. Bit-exact to OpenCV's
 *
 *     grey = cvtColor(image, COLOR_RGB2GRAY)
 *     hat = morphologyEx(grey, MORPH_BLACKHAT, getStructuringElement(MORPH_CROSS, (17, 17)))
 *     mask = threshold(hat, 10, 255, THRESH_BINARY)
 *     result = inpaint(image, mask, 1, INPAINT_TELEA)
 *
 * It removes more than hair: whatever is dark and thinner than about half of the cross, so pigment networks, dots and
 * streaks as well, of which diagnoses are made. On 60 phantoms of 512 px without any hair it marks 1 % of the skin but
 * 20 % of the lesion (medians; up to 39 %, most where there is a network).
 */
import { ConfigError } from 'graft-torch/base';
import type { DecodedImage } from './decode.js';
import { inpaintTelea } from './inpaint.js';
import { blackHatCross } from './morphology.js';

export interface HairOptions {
  /** Length of the cross's arms from end to end, in pixels, odd; hairs thinner than about half of it are found. Default 17. */
  kernelPx?: number;
  /** A pixel is hair if the closing is more than this many grey values lighter, 0…255. Default 10. */
  threshold?: number;
  /** How far around a pixel the inpainting looks, whole pixels from 1 to 100. Default 1. */
  radiusPx?: number;
}

/** Luma (ITU-R BT.601) in fixed point of 15 bits, rounded, as OpenCV does. */
export function luma8({ data, width, height }: DecodedImage): Uint8Array {
  const grey = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < grey.length; i++, at += 3) {
    grey[i] = (9798 * data[at]! + 19235 * data[at + 1]! + 3735 * data[at + 2]! + 16384) >> 15;
  }
  return grey;
}

/**
 * Where an image has thin dark lines.
 * @returns `[H, W]`, 255 where there is hair, else 0
 */
export function hairMask(image: DecodedImage, options: HairOptions = {}): Uint8Array {
  const { kernelPx = 17, threshold = 10 } = options;
  if (!(threshold >= 0 && threshold <= 255)) {
    throw new ConfigError(`a hair threshold of ${threshold} grey values is not between 0 and 255`);
  }
  const mask = blackHatCross(luma8(image), image, kernelPx);
  for (let i = 0; i < mask.length; i++) mask[i] = mask[i]! > threshold ? 255 : 0;
  return mask;
}

/**
 * Replaces thin dark lines by what surrounds them.
 * @param image RGB; stays as it is
 * @returns the image without hair, and the share of its pixels that were marked, 0…1
 */
export function removeHair(
  image: DecodedImage,
  options: HairOptions = {},
): { image: DecodedImage; hairShare: number } {
  const mask = hairMask(image, options);
  let marked = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) marked++;
  return {
    image: inpaintTelea(image, mask, options.radiusPx ?? 1),
    hairShare: mask.length > 0 ? marked / mask.length : 0,
  };
}
