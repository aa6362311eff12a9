/**
 * A JPEG file to a square, two to four times as fast as libvips: `native/jpeg.cc`, `native/square.cc`.
 *
 * libjpeg-turbo decodes the file at 1/8, 2/8, 4/8 or the whole of its size, whatever leaves at least 1.75 times the
 * target's side (an inverse cosine transform of fewer points; ITU-T T.81, A.3.3); Lanczos does the rest. All
 * coefficients are read, so that damage is noticed as ever. How near that comes to decoding the whole file stands in
 * docs/data.md.
 */
import { kernels } from 'graft-torch/kernels';

/** Name and version of the library; undefined where Graft was built without, and {@link decodeJpegSquare} takes none. */
export const jpegLibrary = (): string | undefined => kernels.jpegLibrary();

/** Changes where the same file may come out as other pixels (bump the number): goes into cache keys. */
export function jpegSquareId(): string {
  const library = jpegLibrary();
  return library ? `jpeg-square-2-${library.replaceAll(' ', '-')}` : 'no-jpeg-square';
}

/**
 * Takes upright JPEGs, grey, YCbCr or RGB, without a colour profile, that are no smaller than the square and have not
 * the least fault. All else is for `decodeImage`.
 * @param fit `cover`: the centre is cut out, as `decodeImage` does; `fill`: the whole frame squashed
 * @returns RGB `[3, sizePx, sizePx]`, 0…255; null: not one of these
 */
export async function decodeJpegSquare(
  bytes: Uint8Array,
  sizePx: number,
  fit: 'cover' | 'fill' = 'cover',
): Promise<Uint8Array | null> {
  const pixels = await kernels.jpegSquare(bytes, sizePx, fit === 'fill');
  return pixels && new Uint8Array(pixels);
}
