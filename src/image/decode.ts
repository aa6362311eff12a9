/**
 * Decoding: any still image that libvips reads → 8-bit sRGB pixels, always three channels.
 *
 * What differs between files is settled here, once: EXIF orientation is applied, embedded colour profiles and
 * CMYK become sRGB, grey becomes three equal channels, 16 bits become 8 (65535 → 255, no stretching), transparent
 * pixels are laid on black (the border that dermoscopes leave). Resizing is done on the full image with a fixed
 * kernel: JPEG's shrink-on-load is off, because it changes pixels with the target size and the library's version.
 * (`jpeg-square.ts` is the fast way, for where so much exactness is not needed.)
 */

import { DataError } from 'graft-torch/base';
import sharp, { type Sharp } from 'sharp';
import { type Channels, isGrey, lumaOf } from './channels.js';
import { type ImageSource, nameOf, type ReadOptions, withImage } from './source.js';

/** Bump when the same file would decode to other pixels: pixel caches are then rebuilt. */
export const decoderVersion = 3;

/** What identifies the pixels a decode gives, apart from file, size and fit: goes into cache keys. */
export const decoderId = `graft-decode-${decoderVersion}+libvips-${sharp.versions.vips}`;

/** How a frame that is not square becomes square: its centre is cut out, it is squashed, or padded with black. */
export type Fit = 'cover' | 'fill' | 'contain';

/** Resampling kernels, in libvips' names; `cubic` is Catmull-Rom, antialiased when shrinking. */
export type Kernel = 'nearest' | 'linear' | 'cubic' | 'mitchell' | 'lanczos3';

/** A part of the upright image, in whole pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface DecodeOptions {
  /** Side in pixels of the square to resize to; left out: the image's own size. */
  sizePx?: number;
  /** Instead of a square: the shorter side in pixels, the aspect ratio stays. */
  shorterSidePx?: number;
  /** Default `cover`. */
  fit?: Fit;
  /** Default `lanczos3`. */
  kernel?: Kernel;
  /** Cut out before resizing. Damage to the file below it may go unnoticed. */
  crop?: Box;
  /** Of a file with several, from 0 on; default the first. */
  page?: number;
}

export interface DecodedImage {
  /** RGB, interleaved: `[height, width, 3]`, 0…255. */
  data: Uint8Array;
  width: number;
  height: number;
}

/** The size an image has when seen upright, in pixels. */
export interface ImageSize {
  width: number;
  height: number;
}

const isBox = ({ left, top, width, height }: Box): boolean =>
  [left, top, width, height].every(Number.isInteger) && left >= 0 && top >= 0 && width > 0 && height > 0;

function cropError({ left, top, width, height }: Box, name: string): DataError {
  return new DataError(
    `${name}: cannot cut out ${width}×${height} px at (${left}, ${top}): not whole pixels inside the image`,
  );
}

async function wholeFrame(image: Sharp): Promise<Box> {
  const { width, height } = (await image.metadata()).autoOrient;
  return { left: 0, top: 0, width, height };
}

/**
 * Decodes every pixel of one image.
 * @param source a path or the file's bytes
 * @param name what errors call the image; default its path
 * @returns RGB bytes `[height, width, 3]`
 * @throws DataError when the file is missing, not an image, cut off or damaged, or `crop` is not inside of it
 */
export async function decodeImage(
  source: ImageSource,
  options: DecodeOptions = {},
  name?: string,
): Promise<DecodedImage> {
  const { crop } = options;
  if (crop && !isBox(crop)) throw cropError(crop, nameOf(source, name));
  const sidePx = options.sizePx ?? options.shorterSidePx;
  const decode = async (image: Sharp): Promise<DecodedImage> => {
    // From four times the target's size on, sharp lets libjpeg shrink even where `fastShrinkOnLoad` is off. Cutting out
    // the whole frame first is the one way to keep it from that.
    const region = crop ?? (sidePx === undefined ? undefined : await wholeFrame(image));
    let pipeline = image.autoOrient().flatten({ background: '#000' });
    if (region) pipeline = pipeline.extract(region); // of the upright image: sharp turns first
    if (sidePx !== undefined)
      pipeline = pipeline.resize(sidePx, sidePx, {
        fit: options.sizePx === undefined ? 'outside' : (options.fit ?? 'cover'),
        kernel: options.kernel ?? 'lanczos3',
        background: '#000',
        fastShrinkOnLoad: false,
      });
    const { data, info } = await pipeline
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels after conversion to sRGB`);
    return { data, width: info.width, height: info.height };
  };
  try {
    return await withImage(source, decode, { name, page: options.page });
  } catch (cause) {
    if (crop && /extract_area/.test(String(cause))) throw cropError(crop, nameOf(source, name));
    throw cause;
  }
}

/**
 * Decodes one image to its end into a small one of the same form, as the comparison of pictures wants it; one that is
 * smaller stays as it is. Of a JPEG of four times that size or more libjpeg makes fewer pixels, from all that is coded.
 * @param longestPx the longer side, at most
 * @returns the small image, and the size of the upright original
 * @throws DataError as {@link decodeImage}
 */
export async function decodeSmall(
  source: ImageSource,
  longestPx: number,
  options: ReadOptions = {},
): Promise<{ small: DecodedImage; width: number; height: number }> {
  const decode = async (image: Sharp) => {
    const { autoOrient: upright } = await image.metadata();
    const { data, info } = await image
      .autoOrient()
      .flatten({ background: '#000' })
      .resize(longestPx, longestPx, {
        fit: 'inside',
        withoutEnlargement: true,
        kernel: 'linear',
        fastShrinkOnLoad: false,
      })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels after conversion to sRGB`);
    const small = { data, width: info.width, height: info.height };
    return { small, width: upright.width, height: upright.height };
  };
  return withImage(source, decode, options);
}

/** Side of the picture whose colours say whether an image is grey: a mark of a hundredth of its area is still seen. */
const colourSizePx = 64;

/**
 * Whether an image has no colours: one channel, or three that are equal within the rounding of a JPEG.
 * @throws DataError as {@link decodeImage}
 */
export const isGreyImage = (source: ImageSource, name?: string): Promise<boolean> =>
  withImage(
    source,
    async (image) => {
      const { space } = await image.metadata();
      if (space === 'b-w' || space === 'grey16') return true;
      const { data, info } = await image
        .flatten({ background: '#000' })
        .resize(colourSizePx, colourSizePx, { fit: 'fill' })
        .toColourspace('srgb')
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true });
      return info.channels === 1 || isGrey(data);
    },
    { name },
  );

/**
 * Pixels in the order that tensors have.
 * @param pixels `[height, width, 3]`
 * @param options.into where they go, `[channels, height, width]`; default: a new array
 * @param options.channels 1: their luma; default 3
 */
export function toPlanar(
  pixels: Uint8Array,
  options: { into?: Uint8Array; channels?: Channels } = {},
): Uint8Array {
  const { channels = 3, into = new Uint8Array((pixels.length / 3) * channels) } = options;
  const plane = pixels.length / 3;
  if (channels === 1) {
    for (let i = 0; i < plane; i++) into[i] = lumaOf(pixels[3 * i]!, pixels[3 * i + 1]!, pixels[3 * i + 2]!);
    return into;
  }
  for (let i = 0; i < plane; i++) {
    into[i] = pixels[3 * i]!;
    into[plane + i] = pixels[3 * i + 1]!;
    into[2 * plane + i] = pixels[3 * i + 2]!;
  }
  return into;
}
