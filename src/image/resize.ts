/** Resizing of pixels that are in memory already. */
import sharp from 'sharp';
import type { DecodedImage, Kernel } from './decode.js';

/**
 * Resizes to a square, whole frame squashed.
 * @returns RGB `[sizePx, sizePx, 3]`; the image itself where it has that size
 */
export async function resizeImage(
  image: DecodedImage,
  sizePx: number,
  kernel: Kernel = 'lanczos3',
): Promise<DecodedImage> {
  const { data, width, height } = image;
  if (width === sizePx && height === sizePx) return image;
  const resized = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(sizePx, sizePx, { fit: 'fill', kernel })
    .raw()
    .toBuffer();
  return { data: resized, width: sizePx, height: sizePx };
}
