import { DataError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { decodeRle } from './rle.js';

/** A frame of one segment a list of bytes. */
function frameOf(...segments: number[][]): Uint8Array {
  const header = new DataView(new ArrayBuffer(64));
  header.setUint32(0, segments.length, true);
  let at = 64;
  segments.forEach((segment, i) => {
    header.setUint32(4 + 4 * i, at, true);
    at += segment.length;
  });
  return Buffer.concat([Buffer.from(header.buffer), ...segments.map((segment) => Uint8Array.from(segment))]);
}

describe('RLE Lossless', () => {
  it('literal runs, repeated runs and the byte that does nothing (PS3.5 G.3.1)', () => {
    const frame = frameOf([2, 10, 20, 30, 128, 254, 7, 0, 99]);
    expect([...decodeRle(frame, 'a', { pixels: 7, samples: 1, bytes: 1 })]).toEqual([
      10, 20, 30, 7, 7, 7, 99,
    ]);
  });

  it('the most significant byte comes first, samples come one after the other', () => {
    const frame = frameOf([255, 1], [255, 2], [255, 3], [255, 4]);
    expect([...decodeRle(frame, 'a', { pixels: 2, samples: 2, bytes: 2 })]).toEqual([2, 1, 2, 1, 4, 3, 4, 3]);
  });

  it('a run that is too long is cut, the padding byte ignored', () => {
    const frame = frameOf([129, 5, 0]);
    expect([...decodeRle(frame, 'a', { pixels: 3, samples: 1, bytes: 1 })]).toEqual([5, 5, 5]);
  });

  it('what is missing is named with its counts', () => {
    const read = (pixels: number, samples = 1) =>
      decodeRle(frameOf([2, 10, 20, 30]), 'a.dcm', { pixels, samples, bytes: 1 });
    expect(() => read(4)).toThrow(
      new DataError(
        'a.dcm: truncated pixel data: 4 bytes expected in an RLE segment, 3 found; get the file again from its source',
      ),
    );
    expect(() => read(3, 3)).toThrow(/3 RLE segments expected, 1 found/);
    // Refused before as much as a byte of the four gigabytes is taken.
    expect(() => read(2 ** 32)).toThrow(/4294967296 bytes expected/);
  });
});
