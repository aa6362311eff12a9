/**
 * From a file to something that can be decoded: the one place that says what an image is, how strictly it is read, and
 * what is mended first. Everything that decodes a file goes through here.
 */
import sharp, { type Sharp } from 'sharp';
import { DataError } from '../errors.js';
import { readBytesAsync } from '../reading.js';
import { decodeBmp } from './bmp.js';
import { bmp, type FileKind, fileKind, whyNoImage } from './kind.js';

// `warning` is libvips' strictest level: cut-off files and bit errors inside the stream fail, at the cost of also
// refusing files whose decoder merely complains. Trailing bytes after the image are accepted.
export const strictDecoding = { failOn: 'warning', limitInputPixels: 1 << 28 } as const;

/** A path or a file's bytes. */
export type ImageSource = string | Uint8Array;

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
 * @param work what is to be made of it
 * @param name what errors call the image; default its path
 * @param page of a file with several, from 0 on; default the first
 * @throws DataError when it cannot be read, is no image or of a kind that is not read (with the remedy), cut off or damaged
 */
export async function withImage<T>(
  source: ImageSource,
  work: (image: Sharp) => Promise<T>,
  { name = nameOf(source), page = 0 }: { name?: string; page?: number } = {},
): Promise<T> {
  const bytes = typeof source === 'string' ? await read(source, name) : source;
  const kind = requireReadable(bytes, name);
  try {
    return await work(kind === bmp ? openBmp(bytes) : sharp(bytes, { ...strictDecoding, page }));
  } catch (cause) {
    throw decodeFailure(cause, name);
  }
}

async function read(path: string, name: string): Promise<Uint8Array> {
  try {
    return await readBytesAsync(path);
  } catch (cause) {
    throw decodeFailure((cause as Error).message.replace(`${path}: `, ''), name);
  }
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
