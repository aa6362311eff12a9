import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from 'graft-torch/base';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Box, type DecodedImage, decodeImage, decodeSmall } from './decode.js';
import { tiffFile } from './tiff.test-data.js';

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
    const { small, width, height } = await decodeSmall(turned, 8);
    expect([width, height]).toEqual([2, 4]);
    expect(small).toEqual({ ...image, data: Buffer.from(image.data) }); // it is small enough
    expect(await decodeSmall(turned, 2)).toMatchObject({
      small: { width: 1, height: 2 },
      width: 2,
      height: 4,
    });
  });

  test('grey becomes three equal channels', async () => {
    const grey = await sharp(Uint8Array.of(10, 20, 30, 40), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(grey)).data]).toEqual([10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 40, 40]);
  });

  test('a channel of a TIFF that is not called opacity darkens nothing', async () => {
    const size = { width: 2, height: 1 };
    const colours = Uint8Array.of(250, 200, 150, 0, 90, 60, 30, 255);
    const infrared = { ...size, values: colours, samples: 4, photometric: 2, extra: 0 };
    expect([...(await decodeImage(tiffFile([infrared]))).data]).toEqual([250, 200, 150, 90, 60, 30]);
    const padded = tiffFile([{ ...size, values: Uint8Array.of(250, 0, 90, 128), samples: 2, extra: 0 }]);
    expect([...(await decodeSmall(padded, 8)).small.data]).toEqual([250, 250, 250, 90, 90, 90]);
    const opacity = tiffFile([{ ...infrared, extra: 2 }]);
    expect([...(await decodeImage(opacity)).data]).toEqual([0, 0, 0, 90, 60, 30]);
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

// Made by test/goldens/decode/decode.py: PIL.
interface Golden {
  name: string;
  file: string;
  height: number;
  width: number;
  pixels: string;
  tolerance: number;
}
const golden: { cases: Golden[] } = JSON.parse(
  readFileSync(new URL('../../test/goldens/decode/decode.json', import.meta.url), 'utf8'),
);

describe('as PIL reads it', () => {
  test.each(golden.cases)('$name', async ({ file, height, width, pixels, tolerance }) => {
    const image = await decodeImage(Buffer.from(file, 'base64'));
    expect([image.height, image.width]).toEqual([height, width]);
    const expected = Buffer.from(pixels, 'base64');
    const furthest = image.data.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
    expect(image.data.length).toBe(expected.length);
    expect(furthest).toBeLessThanOrEqual(tolerance);
  });

  test('CMYK: paper is white, ink on ink is black, each ink has its hue', async () => {
    const files = golden.cases.filter(({ name }) => name.includes('CMYK'));
    expect(files).toHaveLength(3);
    for (const { file } of files) {
      const { data, width } = await decodeImage(Buffer.from(file, 'base64'));
      const [paper, cyan, magenta, yellow, black, all] = Array.from({ length: 6 }, (_, k) => {
        const at = (8 * width + 16 * k + 8) * 3;
        return [...data.subarray(at, at + 3)] as [number, number, number];
      });
      expect(Math.min(...paper!)).toBeGreaterThan(250);
      expect(Math.max(...black!, ...all!)).toBeLessThan(30);
      expect(cyan!.indexOf(Math.min(...cyan!))).toBe(0);
      expect(magenta!.indexOf(Math.min(...magenta!))).toBe(1);
      expect(yellow!.indexOf(Math.min(...yellow!))).toBe(2);
    }
  });

  test('a CMYK profile in the file is used', async () => {
    const bytes = await sharp(pixels, raw)
      .resize(64, 32, { kernel: 'nearest' })
      .toColourspace('cmyk')
      .withIccProfile('cmyk')
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer();
    expect((await sharp(bytes).metadata()).hasProfile).toBe(true);
    const { data } = await decodeImage(bytes);
    // Red lies inside the inks' range, so that it comes back nearly as it was.
    const at = (16 * 64 + 8) * 3;
    expect(data[at]).toBeGreaterThan(220);
    expect(Math.max(data[at + 1]!, data[at + 2]!)).toBeLessThan(60);
  });
});

describe('size', () => {
  const wide = () => sharp(pixels, raw).resize(32, 16, { kernel: 'nearest' }).png().toBuffer();

  test('contain pads with black', async () => {
    const { data, width, height } = await decodeImage(await wide(), { sizePx: 32, fit: 'contain' });
    expect([width, height]).toEqual([32, 32]);
    const rowOf = (y: number) => [...data.subarray(y * 96, y * 96 + 96)];
    expect(rowOf(7)).toEqual(Array(96).fill(0));
    expect(rowOf(24)).toEqual(Array(96).fill(0));
    expect(rowOf(8)).toEqual(rowOf(23));
    expect(rowOf(8).slice(0, 3)).toEqual([255, 0, 0]);
    expect(rowOf(8).slice(-3)).toEqual([0, 0, 255]);
  });

  test.each([16, 40, 64])(
    'a JPEG is decoded whole before it is resized, to %i px as well',
    async (sizePx) => {
      const noise = Uint8Array.from({ length: 512 * 384 * 3 }, (_, i) => (i * 2654435761) >>> 24);
      const bytes = await sharp(noise, { raw: { width: 512, height: 384, channels: 3 } })
        .jpeg({ quality: 95 })
        .toBuffer();
      const whole = await sharp(bytes).png().toBuffer(); // no decoder can shrink these on the way
      for (const options of [{ sizePx }, { sizePx, fit: 'fill' }, { shorterSidePx: sizePx }] as const)
        expect(await decodeImage(bytes, options)).toEqual(await decodeImage(whole, options));
    },
  );

  test('the shorter side', async () => {
    const image = await decodeImage(await wide(), { shorterSidePx: 8 });
    expect([image.width, image.height, image.data.length]).toEqual([16, 8, 16 * 8 * 3]);
    expect([...image.data.subarray(0, 3)]).toEqual([255, 0, 0]);
  });
});

describe('crop', () => {
  const box = { left: 5, top: 2, width: 6, height: 7 };
  const cut = (image: DecodedImage, { left, top, width, height }: Box): number[] =>
    Array.from({ length: height }, (_, y) => {
      const at = ((top + y) * image.width + left) * 3;
      return [...image.data.subarray(at, at + width * 3)];
    }).flat();

  test.each(golden.cases.filter(({ name }) => name.includes('orientation')))(
    'counts in the upright image: $name',
    async ({ file }) => {
      const bytes = Buffer.from(file, 'base64');
      const image = await decodeImage(bytes, { crop: box });
      expect([image.width, image.height]).toEqual([6, 7]);
      expect([...image.data]).toEqual(cut(await decodeImage(bytes), box));
    },
  );

  test('comes before resizing', async () => {
    const bytes = await png().toBuffer();
    const left = await decodeImage(bytes, { crop: { left: 0, top: 0, width: 2, height: 2 }, sizePx: 8 });
    expect([...new Set(left.data)].sort()).toEqual([0, 255]);
    expect([...left.data.subarray(-3)]).toEqual([255, 0, 0]);
  });

  test.each([
    { left: 3, top: 0, width: 2, height: 2 },
    { left: 0, top: 0, width: 4, height: 3 },
    { left: -1, top: 0, width: 2, height: 2 },
    { left: 0, top: 0, width: 0, height: 2 },
    { left: 0.5, top: 0, width: 2, height: 2 },
  ])('%j is not inside of 4 × 2 px', async (crop) => {
    await expect(decodeImage(await png().toBuffer(), { crop }, 'a.png')).rejects.toThrow(
      /^a\.png: cannot cut out .* not whole pixels inside the image$/,
    );
  });
});

describe('what cannot be decoded', () => {
  const noise = Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => (i * 2654435761) >>> 24);
  const encoded = () => sharp(noise, { raw: { width: 96, height: 96, channels: 3 } });
  test.each<[string, () => Sharp]>([
    ['baseline JPEG', () => encoded().jpeg()],
    ['progressive JPEG', () => encoded().jpeg({ progressive: true })],
    ['PNG', () => encoded().png()],
    ['TIFF', () => encoded().tiff({ compression: 'lzw' })],
    ['plain TIFF', () => encoded().tiff({ compression: 'none' })],
    ['WebP', () => encoded().webp()],
    ['lossless WebP', () => encoded().webp({ lossless: true })],
    ['GIF', () => encoded().gif()],
    ['AVIF', () => encoded().avif({ effort: 0 })],
  ])('%s, cut at any place', async (_, make) => {
    const whole = await make().toBuffer();
    await decodeImage(whole);
    for (const share of [0.1, 0.5, 0.9]) {
      const part = whole.subarray(0, Math.floor(share * whole.length));
      await expect(decodeImage(part, {}, `cut at ${share}`)).rejects.toThrow(DataError);
    }
  });

  const damaged: [string, () => Uint8Array][] = [
    ['cut in the middle', () => jpeg.subarray(0, jpeg.length >> 1)],
    ['cut before the end marker', () => jpeg.subarray(0, jpeg.length - 2)],
    ['zeros from the middle on', () => Buffer.from(jpeg).fill(0, jpeg.length >> 1)],
    ['text', () => Buffer.from('<html>404 not found</html>')],
    ['nothing', () => new Uint8Array()],
  ];
  test.each(damaged)('%s', async (_, bytes) => {
    await expect(decodeImage(bytes(), { sizePx: 8 }, 'a.jpg')).rejects.toThrow(DataError);
    await expect(decodeSmall(bytes(), 8, { name: 'a.jpg' })).rejects.toThrow(/^a\.jpg: cannot be decoded/);
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
