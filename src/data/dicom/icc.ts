/**
 * The ICC profile of a DICOM file (0028,2000) → into the image file, so that its colours are converted as meant.
 */
import { crc32, deflateSync } from 'node:zlib';
import type { DicomFile } from './parse.js';
import { bytesOf } from './values.js';

/** What one APP2 segment carries of a profile (ICC.1, B.4). */
const jpegChunkBytes = 65519;

/**
 * Reads the profile; only RGB profiles are used.
 * @returns the profile, nothing, or why it is not used
 */
export function readProfile(file: DicomFile): { profile?: Uint8Array; warning?: string } {
  const bytes = bytesOf(file.dataSet, 'x00282000');
  if (!bytes) return {};
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length >= 128 ? view.getUint32(0) : 0;
  const at = (offset: number): string => String.fromCharCode(...bytes.subarray(offset, offset + 4));
  // A byte of padding may follow.
  if (size < 128 || size > bytes.length || at(36) !== 'acsp' || at(16) !== 'RGB ')
    return { warning: 'its ICC profile (0028,2000) is no RGB profile, or damaged: left out' };
  return { profile: bytes.subarray(0, size) };
}

/** The profile as APP2 segments of a JPEG file. */
export function jpegSegments(profile: Uint8Array): Uint8Array[] {
  const count = Math.ceil(profile.length / jpegChunkBytes);
  // The count is a byte.
  if (count > 255) return [];
  return Array.from({ length: count }, (_, i) => {
    const chunk = profile.subarray(i * jpegChunkBytes, (i + 1) * jpegChunkBytes);
    const length = chunk.length + 16;
    return Buffer.concat([
      Uint8Array.of(0xff, 0xe2, length >> 8, length & 0xff),
      Buffer.from('ICC_PROFILE\0', 'latin1'),
      Uint8Array.of(i + 1, count),
      chunk,
    ]);
  });
}

/** A PNG file with the profile as its iCCP chunk, right after the header (PNG, 11.3.2.3). */
export function pngWithProfile(png: Uint8Array, profile: Uint8Array): Uint8Array {
  // Signature 8, IHDR 4 + 4 + 13 + 4.
  const headerEnd = 33;
  const content = Buffer.concat([Buffer.from('iCCPicc\0\0', 'latin1'), deflateSync(profile)]);
  const chunk = Buffer.alloc(content.length + 8);
  chunk.writeUInt32BE(content.length - 4, 0);
  content.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(content), content.length + 4);
  return Buffer.concat([png.subarray(0, headerEnd), chunk, png.subarray(headerEnd)]);
}
