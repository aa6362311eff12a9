import { expect, test } from 'vitest';
import { resizeImage } from './resize.js';

test('a ramp keeps its ends and its mean; an image of the size is handed through', async () => {
  const [width, height] = [64, 32];
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.fill(4 * (i % width), 3 * i, 3 * i + 3);
  const image = { data, width, height };
  const small = await resizeImage(image, 16);
  expect([small.width, small.height, small.data.length]).toEqual([16, 16, 3 * 16 * 16]);
  // Four columns, 4 apart, become one: 6, 22, 38, …
  const row = Array.from({ length: 16 }, (_, x) => small.data[3 * (8 * 16 + x)]!);
  row.slice(1, -1).forEach((value, i) => {
    expect(Math.abs(value - (16 * (i + 1) + 6))).toBeLessThanOrEqual(1);
  });
  const square = await resizeImage(image, 32);
  expect(await resizeImage(square, 32)).toBe(square);
});
