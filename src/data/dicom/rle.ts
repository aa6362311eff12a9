/**
 * RLE Lossless (DICOM PS3.5, Annex G): a frame is a header of sixteen 32-bit numbers (how many segments, where each
 * begins) and a PackBits-coded segment for every byte of every sample, the most significant byte first.
 */
import { DataError } from 'graft-torch/base';

/**
 * Decodes one frame.
 * @param frame header and segments
 * @param shape `bytes`: bytes a sample, 1 or 2
 * @returns samples one after the other (planar), `[samples, pixels, bytes]`, little-endian
 * @throws DataError when segments are missing or too short
 */
export function decodeRle(
  frame: Uint8Array,
  name: string,
  { pixels, samples, bytes }: { pixels: number; samples: number; bytes: number },
): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const segments = frame.length >= 64 ? view.getUint32(0, true) : 0;
  if (segments !== samples * bytes)
    throw new DataError(
      `${name}: ${samples * bytes} RLE segments expected, ${segments} found; get the file again from its source`,
    );
  const starts = Array.from({ length: segments }, (_, i) => view.getUint32(4 + 4 * i, true));
  // Two bytes make at most 128: what cannot suffice is refused before memory is taken for it.
  if ((frame.length / 2) * 128 < pixels) throw short(name, pixels, Math.floor((frame.length / 2) * 128));
  const out = new Uint8Array(samples * pixels * bytes);
  starts.forEach((start, i) => {
    const sample = Math.floor(i / bytes);
    const offset = sample * pixels * bytes + (bytes - 1 - (i % bytes));
    const end = starts[i + 1] ?? frame.length;
    const found = unpack(frame.subarray(start, end), out, { offset, step: bytes, count: pixels });
    if (found < pixels) throw short(name, pixels, found);
  });
  return out;
}

function short(name: string, expected: number, found: number): DataError {
  return new DataError(
    `${name}: truncated pixel data: ${expected} bytes expected in an RLE segment, ${found} found; get the file again from its source`,
  );
}

/** PackBits; returns how many of `count` bytes there were. */
function unpack(
  packed: Uint8Array,
  out: Uint8Array,
  { offset, step, count }: { offset: number; step: number; count: number },
): number {
  let done = 0;
  let at = 0;
  while (done < count && at < packed.length) {
    const control = packed[at++]!;
    if (control < 128) {
      const literal = Math.min(control + 1, count - done, packed.length - at);
      for (let i = 0; i < literal; i++) out[offset + step * done++] = packed[at + i]!;
      at += literal;
    } else if (control > 128) {
      if (at >= packed.length) break;
      const value = packed[at++]!;
      const run = Math.min(257 - control, count - done);
      for (let i = 0; i < run; i++) out[offset + step * done++] = value;
    }
  }
  return done;
}
