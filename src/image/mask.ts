/**
 * Lesion masks: white on black, matched to images by name, and the box around the lesion.
 *
 * Names as they come from the ISIC archive, its challenges and other sets, for an image `ISIC_0000000`: with an ending
 * that says what the file is (`ISIC_0000000_segmentation.png`, `_expert`, `_mask`, `_GT`, of several `_mask_1` …), or the
 * plain name (`ISIC_0000000.png`).
 */
import { basename, extname } from 'node:path';
import { ConfigError, DataError } from 'graft-torch/base';
import { type Box, decodeImage, type ImageSize } from './decode.js';
import { listImages } from './folder.js';
import { isPictureName } from './kind.js';

const words =
  'masks?|seg|segm|segmentations?|superpixels?|expert|novice|gt|ground[ _-]?truth|lesion|annotations?|labels?|label[ _-]?map|contours?|outline|r\\d+[ _-]label';

/** `x_mask`, `x_mask_1`, `x (1)_mask`, `x-GT`, `x.seg`, `IMD003_R1_Label3`. */
const suffixed = new RegExp(`^(?<image>.+?)[ ._-](?<word>${words})(?<number>[ _-]*\\(?\\d+\\)?)?$`, 'i');

/** `mask_x`, `GT-x`. */
const prefixed = /^(?<word>masks?|seg|segmentation|gt|ground[ _-]?truth)[ ._-]+(?<image>.+)$/i;

export interface MaskName {
  /** Names that the image may have: what stands before the separator, and that without separators at its end. */
  images: readonly string[];
  /** What the name says it is, in lower case; of one image, masks of one word are parts of one whole. */
  word: string;
  /** How a copy's name may end: `_mask`, `_mask_1`. */
  ending: string;
}

/** Reads a file's name, without folders and extension, as that of a mask; undefined where it is none. */
export function maskName(stem: string): MaskName | undefined {
  const { image, word, number } = (suffixed.exec(stem) ?? prefixed.exec(stem))?.groups ?? {};
  if (image === undefined || word === undefined) return undefined;
  const digits = number?.replace(/\D+/g, '') ?? '';
  return {
    images: [...new Set([image, image.replace(/[ ._-]+$/, '')])],
    word: word.toLowerCase(),
    ending: `_${word}${digits && `_${digits}`}`,
  };
}

/** Widths and heights of mask and image may be rescaled to each other within this share. */
const aspectTolerance = 0.01;

/** Share of pixels between black and white that blurred edges and lossy compression account for, at most. */
const greyShare = 0.1;

export interface MaskIndex {
  /**
   * The mask of an image; several are parts of one (`_mask`, `_mask_1`: a file a lesion).
   * @param id name of the image, with or without folders and extension
   * @returns none if there is none
   * @throws DataError naming both files if two have an equal claim
   */
  find(id: string): readonly string[];
  /** Image files in the folder. */
  count: number;
}

/**
 * Lists the masks in a folder and the folders within. A name with an ending goes before the plain name, and a plain
 * name in a lossless format before a JPEG, which may well be the picture itself beside its mask.
 * @throws DataError if the folder cannot be read or holds no images
 */
export async function indexMasks(dir: string): Promise<MaskIndex> {
  const files = await listImages(dir);
  if (files.length === 0) {
    throw new DataError(
      `${dir}: no masks in this folder; expected files such as ISIC_0000000_segmentation.png`,
    );
  }
  const claims = new Map<string, Claim[]>();
  const claim = (id: string, one: Claim): void => {
    const others = claims.get(id);
    if (others) others.push(one);
    else claims.set(id, [one]);
  };
  for (const path of files) {
    const extension = extname(path);
    const name = basename(path, extension);
    claim(name, { path, rank: /^\.(jpe?g|jpe|jfif)$/i.test(extension) ? 2 : 1, word: '', ending: name });
    const mask = maskName(name);
    // Superpixels are the regions that one may choose from, not a choice.
    if (mask && !mask.word.startsWith('superpixel'))
      for (const image of mask.images) claim(image, { path, rank: 0, ...mask });
  }
  return {
    count: files.length,
    find(id) {
      const name = basename(id, isPictureName(id) ? extname(id) : '');
      const all = claims.get(name) ?? [];
      const rank = Math.min(...all.map((one) => one.rank));
      const best = all.filter((one) => one.rank === rank);
      best.forEach((one, i) => {
        const other = best.slice(0, i).find(({ word, ending }) => word !== one.word || ending === one.ending);
        if (other)
          throw new DataError(
            `${other.path} and ${one.path} could both be the mask of ${name}: move one of them away`,
          );
      });
      return best.map(({ path }) => path);
    },
  };
}

interface Claim {
  path: string;
  /** 0: by an ending; 1: by the plain name; 2: the same, of a JPEG. */
  rank: number;
  word: string;
  ending: string;
}

/** Colours that a label map may have; pictures have far more. */
const mostColours = 32;

/** Side in pixels at which a file is looked at. */
const lookedAtPx = 128;

/**
 * Whether a file looks like a mask and not like a picture: black and white, or of a few flat colours.
 * @returns undefined if it cannot be decoded
 */
export async function looksLikeMask(path: string): Promise<boolean | undefined> {
  let data: Uint8Array;
  try {
    ({ data } = await decodeImage(path, { sizePx: lookedAtPx, fit: 'fill', kernel: 'nearest' }));
  } catch (cause) {
    if (cause instanceof DataError) return undefined;
    throw cause;
  }
  const colours = new Set<number>();
  let flat = 0;
  for (let i = 0; i < data.length; i += 3) {
    const [red, green, blue] = [data[i]!, data[i + 1]!, data[i + 2]!];
    colours.add((red << 16) | (green << 8) | blue);
    const isGrey = Math.max(red, green, blue) - Math.min(red, green, blue) < 24;
    if (isGrey && (green < 32 || green >= 224)) flat++;
  }
  return colours.size <= mostColours || flat >= (1 - greyShare) * (data.length / 3);
}

/**
 * The box around a mask's white pixels (> 127 of 255), in pixels of the image.
 * @param paths masks, or parts of one, of the image's size, or of another size with the same aspect ratio (within 1 %)
 * @param options.marginShare what is added on each side, as a share of the box's width or height; default 0
 * @param options.size of the upright image; the box ends at its edges
 * @returns null if the mask is all black
 * @throws DataError if the mask cannot be decoded, is of another shape, or is a picture and not a mask
 */
export async function maskBox(
  paths: readonly string[],
  options: { marginShare?: number; size: ImageSize },
): Promise<Box | null> {
  const { marginShare = 0, size } = options;
  if (!(marginShare >= 0 && marginShare < Number.POSITIVE_INFINITY)) {
    throw new ConfigError(`a margin of ${marginShare} around the mask's box: expected a share from 0`);
  }
  const found = await Promise.all(paths.map((path) => edgesOf(path, size)));
  const parts = found.filter((part) => part !== null);
  if (parts.length === 0) return null;
  const white = {
    left: Math.min(...parts.map((part) => part.left)),
    top: Math.min(...parts.map((part) => part.top)),
    right: Math.max(...parts.map((part) => part.right)),
    bottom: Math.max(...parts.map((part) => part.bottom)),
  };
  const marginX = marginShare * (white.right - white.left);
  const marginY = marginShare * (white.bottom - white.top);
  const left = Math.max(0, Math.floor(white.left - marginX));
  const top = Math.max(0, Math.floor(white.top - marginY));
  const right = Math.min(size.width, Math.ceil(white.right + marginX));
  const bottom = Math.min(size.height, Math.ceil(white.bottom + marginY));
  return { left, top, width: right - left, height: bottom - top };
}

interface Edges {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The box of one file's white, in pixels of the image. */
async function edgesOf(path: string, size: ImageSize): Promise<Edges | null> {
  const mask = await decodeImage(path);
  const stretch = (mask.width * size.height) / (mask.height * size.width);
  if (Math.abs(stretch - 1) > aspectTolerance) {
    throw new DataError(
      `${path}: a mask of ${mask.width}×${mask.height} px does not fit an image of ${size.width}×${size.height} px: give the mask that was drawn on this image`,
    );
  }
  const white = whiteBox(mask.data, mask.width, path);
  if (!white) return null;
  const across = (at: number) => (at * size.width) / mask.width;
  const down = (at: number) => (at * size.height) / mask.height;
  return {
    left: across(white.left),
    top: down(white.top),
    right: across(white.right),
    bottom: down(white.bottom),
  };
}

/** From the first white row and column to behind the last; the green channel stands for all three. */
function whiteBox(data: Uint8Array, width: number, path: string): Edges | null {
  const pixels = data.length / 3;
  const box = { left: width, top: pixels / width, right: 0, bottom: 0 };
  let lightest = 0;
  let between = 0;
  for (let i = 0; i < pixels; i++) {
    const value = data[3 * i + 1]!;
    if (value > lightest) lightest = value;
    if (value >= 32 && value < 224) between++;
    if (value <= 127) continue;
    const x = i % width;
    const y = (i - x) / width;
    if (x < box.left) box.left = x;
    if (x >= box.right) box.right = x + 1;
    if (y < box.top) box.top = y;
    if (y >= box.bottom) box.bottom = y + 1;
  }
  if (between > greyShare * pixels) {
    const percent = Math.round((100 * between) / pixels);
    throw new DataError(
      `${path}: is no mask: ${percent} % of its pixels are neither black nor white; give the folder that holds the masks alone`,
    );
  }
  if (box.right > 0) return box;
  // 0 and 1 instead of 0 and 255, and the like: to call that empty would lose the lesion.
  if (lightest > 0) {
    throw new DataError(
      `${path}: no pixel of this mask is white, the lightest is ${lightest} of 255; write the lesion as 255 and the rest as 0`,
    );
  }
  return null;
}
