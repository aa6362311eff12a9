/** Encoded pictures for reports: their sizes, their kinds. */
import { DataError, readBytes } from 'graft-torch/base';
import type { EncodedPicture } from './document.js';

/** A PNG's bytes with its size, which stands in bytes 16 to 23; null where it is no PNG. */
export function pngPicture(png: Uint8Array): { png: Uint8Array; width: number; height: number } | null {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  if (png.length < 24 || view.getUint32(0) !== 0x89504e47) return null;
  return { png, width: view.getUint32(16), height: view.getUint32(20) };
}

/** @throws DataError where the file cannot be read or is no PNG */
export function readPngFile(path: string): { png: Uint8Array; width: number; height: number } {
  let bytes: Buffer;
  try {
    bytes = readBytes(path);
  } catch {
    throw new DataError(`${path}: the picture for the report cannot be read. Was the run folder moved?`);
  }
  const picture = pngPicture(bytes);
  if (!picture) throw new DataError(`${path}: not a PNG file.`);
  return picture;
}

/** The file itself and the ending it goes by, which is also its media type's. */
export const encodedBytes = (picture: EncodedPicture): { format: 'png' | 'webp'; bytes: Uint8Array } =>
  'png' in picture ? { format: 'png', bytes: picture.png } : { format: 'webp', bytes: picture.webp };
