import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataError } from '../errors.js';
import { decodeImage, decodeThumbnail } from './decode.js';

// 4 × 2, red on the left, blue on the right.
const pixels = Uint8Array.from({ length: 24 }, (_, i) => {
  const right = Math.floor(i / 3) % 4 >= 2;
  return i % 3 === (right ? 2 : 0) ? 255 : 0;
});
const raw = { raw: { width: 4, height: 2, channels: 3 as const } };
const png = () => sharp(pixels, raw).png();

let dir: string;
let jpeg: Buffer;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'graft-decode-'));
  const noise = Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => (i * 2654435761) >>> 24);
  jpeg = await sharp(noise, { raw: { width: 96, height: 96, channels: 3 } })
    .jpeg()
    .toBuffer();
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('pixels', () => {
  test('RGB comes through unchanged', async () => {
    const image = await decodeImage(await png().toBuffer());
    expect(image).toMatchObject({ width: 4, height: 2 });
    expect([...image.data]).toEqual([...pixels]);
  });

  test('EXIF orientation is applied, in the size as well', async () => {
    // Orientation 6: the stored picture is to be turned a quarter clockwise, so its left side comes to the top.
    const turned = await png().withMetadata({ orientation: 6 }).toBuffer();
    const image = await decodeImage(turned);
    expect([image.width, image.height]).toEqual([2, 4]);
    expect([...image.data.slice(0, 3)]).toEqual([255, 0, 0]);
    expect([...image.data.slice(-3)]).toEqual([0, 0, 255]);
    const thumbnail = await decodeThumbnail(turned, 8);
    expect([thumbnail.width, thumbnail.height]).toEqual([2, 4]);
    expect(thumbnail.grey[0]).toBeGreaterThan(thumbnail.grey[63]!); // red is lighter than blue
  });

  test('grey becomes three equal channels', async () => {
    const grey = await sharp(Uint8Array.of(10, 20, 30, 40), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(grey)).data]).toEqual([10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40]);
  });

  test('16 bits become 8 without stretching', async () => {
    const deep = Uint16Array.of(0, 257, 128 * 257, 65535);
    for (const format of ['png', 'tiff'] as const) {
      const bytes = await sharp(deep, { raw: { width: 2, height: 2, channels: 1 } })
        .toColourspace('grey16')
        .toFormat(format, { compression: 'deflate' })
        .toBuffer();
      expect((await sharp(bytes).metadata()).depth).toBe('ushort');
      const { data } = await decodeImage(bytes);
      expect([data[0], data[3], data[6], data[9]]).toEqual([0, 1, 128, 255]);
    }
  });

  test('transparency is laid on black, CMYK becomes RGB', async () => {
    const clear = await sharp(Uint8Array.of(200, 100, 50, 255, 200, 100, 50, 0), {
      raw: { width: 2, height: 1, channels: 4 },
    })
      .png()
      .toBuffer();
    expect([...(await decodeImage(clear)).data]).toEqual([200, 100, 50, 0, 0, 0]);
    const cmyk = await sharp(pixels, raw)
      .resize(16, 8, { kernel: 'nearest' })
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    expect((await sharp(cmyk).metadata()).channels).toBe(4);
    const image = await decodeImage(cmyk);
    expect(image.data.length).toBe(16 * 8 * 3);
    expect(image.data[0]).toBeGreaterThan(image.data[2]!);
    expect(image.data.at(-1)).toBeGreaterThan(image.data.at(-3)!);
  });

  test('cover cuts the centre out, fill squashes the frame', async () => {
    const wide = await sharp(pixels, raw).resize(32, 16, { kernel: 'nearest' }).png().toBuffer();
    const columnOf = (data: Uint8Array): number[] => [...data.slice(0, 16 * 3)].filter((_, i) => i % 3 === 0);
    const fill = columnOf((await decodeImage(wide, { sizePx: 16, fit: 'fill' })).data);
    const cover = columnOf((await decodeImage(wide, { sizePx: 16 })).data);
    expect(cover).toEqual([...Array(8).fill(255), ...Array(8).fill(0)]);
    expect(fill[3]).toBeGreaterThan(240);
    expect(fill[12]).toBeLessThan(15);
  });
});

describe('what cannot be decoded', () => {
  const damaged: [string, () => Uint8Array][] = [
    ['cut in the middle', () => jpeg.subarray(0, jpeg.length >> 1)],
    ['cut before the end marker', () => jpeg.subarray(0, jpeg.length - 2)],
    ['zeros from the middle on', () => Buffer.from(jpeg).fill(0, jpeg.length >> 1)],
    ['text', () => Buffer.from('<html>404 not found</html>')],
    ['nothing', () => new Uint8Array()],
  ];
  test.each(damaged)('%s', async (_, bytes) => {
    await expect(decodeImage(bytes(), { sizePx: 8 }, 'a.jpg')).rejects.toThrow(DataError);
    await expect(decodeThumbnail(bytes(), 8, 'a.jpg')).rejects.toThrow(/^a\.jpg: cannot be decoded/);
  });

  test('a cut-off file is refused at any target size, though its first rows are there', async () => {
    const path = join(dir, 'cut.jpg');
    writeFileSync(path, jpeg.subarray(0, jpeg.length - 40));
    await expect(decodeImage(path, { sizePx: 4 })).rejects.toThrow(`${path}: cannot be decoded`);
  });

  test('a missing file is named', async () => {
    await expect(decodeImage(join(dir, 'none.png'))).rejects.toThrow('none.png');
  });

  test('bytes after the image do no harm', async () => {
    const image = await decodeImage(Buffer.concat([jpeg, Buffer.from('trailing')]));
    expect(image.width).toBe(96);
  });
});
