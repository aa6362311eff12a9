/** A file as the square that a network sees. */
import { type Channels, lumaOf } from './channels.js';
import { decodeImage, toPlanar } from './decode.js';
import type { Framing } from './framing.js';
import { asShown, type Showing } from './intensity.js';
import { decodeJpegSquare } from './jpeg-square.js';

export interface SquareOptions extends Framing {
  /** Side of the square, in pixels. */
  sizePx: number;
  /** 1: the luma. Default 3. */
  channels?: Channels;
  /** Which stored values are black and white, of files of more than 8 bits; default: all of their range. */
  showing?: Showing;
}

/**
 * The one way from a file to a network's input: pixel caches, prediction and metrics come through here.
 * @param name what errors call the image
 * @returns RGB `[3, sizePx, sizePx]`, or luma `[1, sizePx, sizePx]`, 0…255
 * @throws DataError as `decodeImage` and, with `showing`, `asShown`
 */
export async function decodeSquare(
  file: Uint8Array,
  { sizePx, channels = 3, showing, fit, kernel, exact }: SquareOptions,
  name: string,
): Promise<Uint8Array> {
  const bytes = showing ? await asShown(file, showing, name) : file;
  // The fast way knows neither padding nor another kernel.
  const isFast = !exact && fit !== 'contain' && kernel === 'lanczos3';
  const planes = isFast ? await decodeJpegSquare(bytes, sizePx, fit) : null;
  if (planes) return channels === 1 ? toLuma(planes) : planes;
  const { data } = await decodeImage(bytes, { sizePx, fit, kernel }, name);
  return toPlanar(data, { channels });
}

/** @param planes RGB `[3, H, W]` */
function toLuma(planes: Uint8Array): Uint8Array {
  const area = planes.length / 3;
  return Uint8Array.from({ length: area }, (_, i) =>
    lumaOf(planes[i]!, planes[area + i]!, planes[2 * area + i]!),
  );
}
