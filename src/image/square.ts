/** A file as the square that a network sees. */
import { decodeImage, toPlanar } from './decode.js';
import type { Framing } from './framing.js';
import { decodeJpegSquare } from './jpeg-square.js';

export interface SquareOptions extends Framing {
  /** Side of the square, in pixels. */
  sizePx: number;
}

/**
 * The one way from a file to a network's input: pixel caches, prediction and metrics come through here.
 * @param name what errors call the image
 * @returns RGB `[3, sizePx, sizePx]`, 0…255
 * @throws DataError as `decodeImage`
 */
export async function decodeSquare(
  bytes: Uint8Array,
  { sizePx, fit, kernel, exact }: SquareOptions,
  name: string,
): Promise<Uint8Array> {
  // The fast way knows neither padding nor another kernel.
  const isFast = !exact && fit !== 'contain' && kernel === 'lanczos3';
  const planes = isFast ? await decodeJpegSquare(bytes, sizePx, fit) : null;
  if (planes) return planes;
  const { data } = await decodeImage(bytes, { sizePx, fit, kernel }, name);
  return toPlanar(data);
}
