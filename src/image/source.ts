/**
 * From a file to something that can be decoded: the one place that says what an image is, how strictly it is read, and
 * what is mended first. Everything that decodes a file goes through here.
 */

import { DataError, readBytesAsync } from 'graft-torch/base';
import sharp, { type Sharp } from 'sharp';
import { decodeBmp } from './bmp.js';
import { bmp, type FileKind, fileKind, isAnimated, whyNoImage } from './kind.js';
import { mendJpeg } from './mend-jpeg.js';
import { hasFalseAlpha, isTiff } from './tiff.js';

// `warning` is libvips' strictest level: cut-off files and bit errors inside the stream fail, at the cost of also
// refusing files whose decoder merely complains. Trailing bytes after the image are accepted.
export const strictDecoding = { failOn: 'warning', limitInputPixels: 1 << 28 } as const;

/** A path or a file's bytes. */
export type ImageSource = string | Uint8Array;

export interface ReadOptions {
  /** What errors call the image; default its path. */
  name?: string;
  /** Told of faults that the picture was read in spite of. */
  onWarning?: (text: string) => void;
}

/** What errors call an image. */
export const nameOf = (source: ImageSource, name?: string): string =>
  name ?? (typeof source === 'string' ? source : 'image');

/**
 * The kind of a file.
 * @throws DataError when it is no image, or of a kind that is not read, with the remedy
 */
export function requireReadable(bytes: Uint8Array, name: string): FileKind {
  const kind = fileKind(bytes, name);
  if (kind === undefined) throw decodeFailure(whyNoImage(bytes), name);
  if (kind.remedy !== undefined) throw decodeFailure(`${kind.name} is not read; ${kind.remedy}`, name);
  return kind;
}

/**
 * Decodes a file.
 * @param work what is to be made of it; it is called again for a copy that was put right (mend-jpeg.ts)
 * @param name what errors call the image; default its path
 * @param page of a file with several, from 0 on; default the first
 * @throws DataError when it cannot be read, is no image or of a kind that is not read (with the remedy), cut off or damaged
 */
export async function withImage<T>(
  source: ImageSource,
  work: (image: Sharp) => Promise<T>,
  { name = nameOf(source), page = 0, onWarning }: ReadOptions & { page?: number } = {},
): Promise<T> {
  const bytes = typeof source === 'string' ? await read(source, name) : source;
  const kind = requireReadable(bytes, name);
  try {
    const made = await work(kind === bmp ? openBmp(bytes) : await open(bytes, page));
    if (onWarning && isAnimated(kind)) await warnOfFrames(bytes, onWarning);
    return made;
  } catch (cause) {
    const mended = mendJpeg(bytes);
    if (!mended) throw decodeFailure(cause, name);
    try {
      const made = await work(sharp(mended.bytes, strictDecoding));
      onWarning?.(`breaks the JPEG standard, as some cameras do: ${mended.faults.join(', ')}`);
      return made;
    } catch {
      throw decodeFailure(cause, name);
    }
  }
}

async function read(path: string, name: string): Promise<Uint8Array> {
  try {
    return await readBytesAsync(path);
  } catch (cause) {
    throw decodeFailure((cause as Error).message.replace(`${path}: `, ''), name);
  }
}

/** libvips takes whatever follows the colours of a TIFF for opacity: infrared, a mask, padding. Such a channel is left out. */
async function open(bytes: Uint8Array, page: number): Promise<Sharp> {
  const image = sharp(bytes, { ...strictDecoding, page });
  if (!isTiff(bytes) || !hasFalseAlpha(bytes, page)) return image;
  const { data, info } = await image
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return sharp(data, { raw: info });
}

async function warnOfFrames(bytes: Uint8Array, onWarning: (text: string) => void): Promise<void> {
  const { pages = 1 } = await sharp(bytes, strictDecoding).metadata();
  if (pages > 1) onWarning(`has ${pages} frames: only the first is used`);
}

function openBmp(bytes: Uint8Array): Sharp {
  const { data, width, height, channels } = decodeBmp(bytes);
  return sharp(data, { raw: { width, height, channels } });
}

/** What went wrong with a file, on one line that names it. An error of our own stays. */
export function decodeFailure(cause: unknown, name: string): DataError {
  if (cause instanceof DataError) return cause;
  const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\s*\n\s*/g, '; ').trim();
  // libvips at times loses the warning that it stops for to another thread.
  const text = /^Warning treated as error/.test(reason) ? 'damaged or cut off' : reason;
  return new DataError(`${name}: cannot be decoded as an image (${text})`, { cause });
}

/** Warnings that mean that a part of the picture is missing: no wish of the user's brings it back. */
const lost = /premature end|truncat|not enough|too short/i;

/**
 * Reads a file that its decoder complains of, where the user accepts that: damaged data come out as whatever they decode
 * to. The copy is without fault, so that nothing which reads it later has to be as lenient.
 * @returns PNG, and what the decoder said
 * @throws DataError when the file is sound enough for {@link withImage}, cut off, or cannot be decoded at all
 */
export async function despiteWarnings(
  bytes: Uint8Array,
  name: string,
): Promise<{ png: Uint8Array; warning: string }> {
  requireReadable(bytes, name);
  const closed = mendJpeg(bytes, { close: true });
  const toPng = (source: Uint8Array, failOn: 'warning' | 'error'): Promise<Buffer> =>
    sharp(source, { ...strictDecoding, failOn })
      .autoOrient()
      .png()
      .toBuffer();
  try {
    if (closed) return { png: await toPng(closed.bytes, 'warning'), warning: closed.faults.join(', ') };
  } catch {
    // More is wrong with it.
  }
  // Of several complaints the first alone is heard: harmless ones must not hide that the file was cut off.
  const mended = mendJpeg(bytes)?.bytes ?? bytes;
  const said = await complaint(mended, name);
  if (lost.test(said.message)) throw said;
  try {
    return { png: await toPng(mended, 'error'), warning: said.message.replace(`${name}: `, '') };
  } catch (cause) {
    throw decodeFailure(cause, name);
  }
}

/** What the strict decoder says; it is asked again where libvips lost the words, since a file cut off must be known. */
async function complaint(bytes: Uint8Array, name: string): Promise<DataError> {
  for (let attempt = 0; ; attempt++) {
    try {
      await sharp(bytes, strictDecoding).raw().toBuffer();
    } catch (cause) {
      if (attempt < 5 && /^Warning treated as error/.test((cause as Error).message)) continue;
      const said = decodeFailure(cause, name);
      if (!/damaged or cut off/.test(said.message)) return said;
    }
    return new DataError(`${name}: cannot be decoded as an image (damaged, perhaps truncated)`);
  }
}
