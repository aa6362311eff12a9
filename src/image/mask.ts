/**
 * Lesion masks: white on black, matched to images by name, and the box around the lesion.
 *
 * Names as they come from the ISIC archive and its challenges, for an image `ISIC_0000000`: with an ending that says
 * what the file is (`ISIC_0000000_segmentation.png`, `_Segmentation`, `_expert`, `_novice`, `_mask`, `_lesion`), or
 * the plain name (`ISIC_0000000.png`).
 */
import { basename, extname } from 'node:path';
import { ConfigError, DataError } from '../errors.js';
import { type Box, decodeImage, type ImageSize } from './decode.js';
import { listImages } from './folder.js';
import { isPictureName } from './kind.js';

const endings = /_(segmentation|expert|novice|mask|lesion)$/i;

/** Widths and heights of mask and image may be rescaled to each other within this share. */
const aspectTolerance = 0.01;

/** Share of pixels between black and white that blurred edges and lossy compression account for, at most. */
const greyShare = 0.1;

export interface MaskIndex {
  /**
   * The mask of an image.
   * @param id name of the image, with or without folders and extension
   * @returns undefined if there is none
   * @throws DataError naming both files if two have an equal claim
   */
  find(id: string): string | undefined;
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
  const claims = new Map<string, { path: string; rank: number }[]>();
  const claim = (id: string, path: string, rank: number): void => {
    const others = claims.get(id);
    if (others) others.push({ path, rank });
    else claims.set(id, [{ path, rank }]);
  };
  for (const path of files) {
    const extension = extname(path);
    const name = basename(path, extension);
    claim(name, path, /^\.(jpe?g|jpe|jfif)$/i.test(extension) ? 2 : 1);
    if (endings.test(name)) claim(name.replace(endings, ''), path, 0);
  }
  return {
    count: files.length,
    find(id) {
      const name = basename(id, isPictureName(id) ? extname(id) : '');
      const all = claims.get(name) ?? [];
      const rank = Math.min(...all.map((one) => one.rank));
      const [first, second] = all.filter((one) => one.rank === rank);
      if (first && second) {
        throw new DataError(
          `${first.path} and ${second.path} could both be the mask of ${name}: move one of them away`,
        );
      }
      return first?.path;
    },
  };
}

/**
 * The box around a mask's white pixels (> 127 of 255), in pixels of the image.
 * @param path a mask of the image's size, or of another size with the same aspect ratio (within 1 %)
 * @param options.marginShare what is added on each side, as a share of the box's width or height; default 0
 * @param options.size of the upright image; the box ends at its edges
 * @returns null if the mask is all black
 * @throws DataError if the mask cannot be decoded, is of another shape, or is a picture and not a mask
 */
export async function maskBox(
  path: string,
  options: { marginShare?: number; size: ImageSize },
): Promise<Box | null> {
  const { marginShare = 0, size } = options;
  if (!(marginShare >= 0 && marginShare < Number.POSITIVE_INFINITY)) {
    throw new ConfigError(`a margin of ${marginShare} around the mask's box: expected a share from 0`);
  }
  const mask = await decodeImage(path);
  const stretch = (mask.width * size.height) / (mask.height * size.width);
  if (Math.abs(stretch - 1) > aspectTolerance) {
    throw new DataError(
      `${path}: a mask of ${mask.width}×${mask.height} px does not fit an image of ${size.width}×${size.height} px: give the mask that was drawn on this image`,
    );
  }
  const white = whiteBox(mask.data, mask.width, path);
  if (!white) return null;
  const across = (share: number) => (share * size.width) / mask.width;
  const down = (share: number) => (share * size.height) / mask.height;
  const marginX = marginShare * (white.right - white.left);
  const marginY = marginShare * (white.bottom - white.top);
  const left = Math.max(0, Math.floor(across(white.left - marginX)));
  const top = Math.max(0, Math.floor(down(white.top - marginY)));
  const right = Math.min(size.width, Math.ceil(across(white.right + marginX)));
  const bottom = Math.min(size.height, Math.ceil(down(white.bottom + marginY)));
  return { left, top, width: right - left, height: bottom - top };
}

/** From the first white row and column to behind the last; the green channel stands for all three. */
function whiteBox(
  data: Uint8Array,
  width: number,
  path: string,
): { left: number; top: number; right: number; bottom: number } | null {
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
