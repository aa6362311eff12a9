import { ConfigError, DataError } from 'graft-torch/base';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { type DecodedImage, decodeImage } from './decode.js';
import { encodeImage } from './encode.js';
import { jpegQuality } from './jpeg.js';

const image: DecodedImage = {
  data: Uint8Array.from({ length: 12 * 20 * 3 }, (_, i) => 40 + 9 * (Math.floor(i / 3) % 20) + 10 * (i % 3)),
  width: 20,
  height: 12,
};

test('PNG gives every pixel back, and no alpha', async () => {
  const bytes = await encodeImage(image, 'png');
  expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', channels: 3, depth: 'uchar' });
  const back = await decodeImage(bytes);
  expect(back).toMatchObject({ width: 20, height: 12 });
  expect([...back.data]).toEqual([...image.data]);
});

test('JPEG has quality 95 and colour at full resolution', async () => {
  const bytes = await encodeImage(image, 'jpeg');
  expect(jpegQuality(bytes)).toBe(95);
  expect(await sharp(bytes).metadata()).toMatchObject({
    format: 'jpeg',
    chromaSubsampling: '4:4:4',
    isProgressive: false,
  });
  const { data } = await decodeImage(bytes);
  expect(data.reduce((most, value, i) => Math.max(most, Math.abs(value - image.data[i]!)), 0)).toBeLessThan(
    8,
  );
  expect(jpegQuality(await encodeImage(image, 'jpeg', { quality: 60 }))).toBe(60);
});

test('the same pixels give the same bytes', async () => {
  for (const format of ['png', 'jpeg'] as const) {
    expect(await encodeImage(image, format)).toEqual(await encodeImage(image, format));
  }
});

test('what does not fit is refused', async () => {
  await expect(encodeImage({ ...image, width: 21 }, 'png')).rejects.toThrow(DataError);
  for (const quality of [0, 101, 95.5]) {
    await expect(encodeImage(image, 'jpeg', { quality })).rejects.toThrow(ConfigError);
  }
});
