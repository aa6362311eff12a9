import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DataError } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { inpaintTelea } from './inpaint.js';

interface Inpainting {
  name: string;
  height: number;
  width: number;
  pixels: string;
  /** A bit a pixel. */
  mask: string;
  radiusPx: number;
  result: string;
}

// Made by test/goldens/hair/hair.py: OpenCV.
const { inpaintings }: { inpaintings: Inpainting[] } = JSON.parse(
  readFileSync(new URL('../../test/goldens/hair/hair.json', import.meta.url), 'utf8'),
);

test.each(inpaintings)('bit-exact to OpenCV: $name', ({ height, width, pixels, mask, radiusPx, result }) => {
  const bits = Buffer.from(mask, 'base64');
  const marked = Uint8Array.from({ length: height * width }, (_, i) => (bits[i >> 3]! >> (7 - (i & 7))) & 1);
  const image = { data: Uint8Array.from(Buffer.from(pixels, 'base64')), height, width };
  const { data } = inpaintTelea(image, marked, radiusPx);
  expect(createHash('sha256').update(data).digest('hex')).toBe(result);
});

describe('by itself', () => {
  test('a gap in a flat picture is filled with its colour, at most a little lighter', () => {
    const data = Uint8Array.from({ length: 9 * 9 * 3 }, (_, i) => [30, 140, 250][i % 3]!);
    const isHole = (i: number) => i % 9 > 2 && i % 9 < 6 && i > 2 * 9 && i < 7 * 9;
    const mask = Uint8Array.from({ length: 81 }, (_, i) => (isHole(i) ? 255 : 0));
    const holes = data.map((value, i) => (mask[Math.floor(i / 3)] ? 0 : value));
    const filled = inpaintTelea({ data: holes, width: 9, height: 9 }, mask, 1).data;
    for (const [i, value] of filled.entries()) {
      expect(value - data[i]!).toBeGreaterThanOrEqual(0);
      expect(value - data[i]!).toBeLessThanOrEqual(2);
    }
  });

  test.each([
    [1, 7],
    [7, 1],
  ])('an image of %i × %i px is filled from its own pixels', (height, width) => {
    const data = new Uint8Array(21).fill(90);
    data.fill(0, 9, 12);
    const mask = Uint8Array.of(0, 0, 0, 1, 0, 0, 0);
    expect(inpaintTelea({ data, width, height }, mask, 2).data).toEqual(new Uint8Array(21).fill(90));
  });

  test('a mask of another size is refused', () => {
    expect(() =>
      inpaintTelea({ data: new Uint8Array(12), width: 2, height: 2 }, new Uint8Array(3), 1),
    ).toThrow(new DataError('cannot inpaint: a mask of 3 pixels is not 2×2'));
  });
});
