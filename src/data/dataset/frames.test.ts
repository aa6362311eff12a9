import { expect, test } from 'vitest';
import { frameCautions, photographSize } from './frames.js';

const many = (width: number, height: number, count = 20) =>
  Array.from({ length: count }, () => ({ width, height }));

test('pictures of usual sizes give nothing to say', () => {
  for (const [width, height] of [
    [600, 450],
    [1024, 768],
    [4288, 2848],
    [64, 64],
  ] as const)
    for (const fit of ['cover', 'fill', 'contain'] as const)
      expect(frameCautions(many(width, height), { sizePx: width === 4288 ? 256 : 64, fit })).toEqual([]);
});

test('enlargement: of the side that becomes the square’s', () => {
  const [words] = frameCautions(many(64, 64), { sizePx: 256, fit: 'cover' });
  expect(words).toMatch(
    /^20 of 20 images \(such as 64×64 px\) are enlarged 4 times to 256 px: .*smaller imageSize$/,
  );
  expect(frameCautions(many(256, 190), { sizePx: 256, fit: 'contain' })).toEqual([]);
  expect(frameCautions(many(256, 190), { sizePx: 256, fit: 'cover' })).toHaveLength(1);
});

test('crops: long frames lose most of the picture, or are squashed', () => {
  const [cropped] = frameCautions(many(400, 100), { sizePx: 64, fit: 'cover' });
  expect(cropped).toMatch(/lose 75 % of their frame.*--fit pad/);
  const [squashed] = frameCautions(many(100, 400), { sizePx: 64, fit: 'fill' });
  expect(squashed).toContain('squashed 4 times');
});

test('shrinking: what is left of a lesion is a few pixels', () => {
  expect(frameCautions(many(4000, 3000), { sizePx: 64, fit: 'cover' })[0]).toMatch(
    /shrunk 47 times to 64 px/,
  );
});

test('a few odd frames among many are not worth a line', () => {
  const mixed = [...many(600, 450, 95), ...many(400, 100, 5)];
  expect(frameCautions(mixed, { sizePx: 64, fit: 'cover' })).toEqual([]);
  expect(frameCautions([], { sizePx: 64, fit: 'cover' })).toEqual([]);
});

test('of a prepared dataset the photograph’s size counts', () => {
  const extra = { original_width: '400', original_height: '100' };
  expect(photographSize({ width: 64, height: 64, extra })).toEqual({ width: 400, height: 100 });
  expect(photographSize({ width: 64, height: 64, extra: {} })).toEqual({ width: 64, height: 64 });
});
