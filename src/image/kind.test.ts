import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage } from './decode.js';
import { fileKind, isPictureName, whyNoImage } from './kind.js';

const text = (start: string): Uint8Array => Buffer.from(start.padEnd(64, '\0'), 'latin1');

describe('the kind of a file', () => {
  test.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)(
    '%s is told by its content',
    async (format) => {
      const bytes = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#a52' } })
        .toFormat(format)
        .toBuffer();
      expect(fileKind(bytes)?.remedy).toBeUndefined();
      expect(fileKind(bytes)?.extensions).toContain(`.${format}`);
      expect(fileKind(bytes, 'holiday.bmp')?.extensions).toContain(`.${format}`);
      expect((await decodeImage(bytes)).width).toBe(16);
    },
  );

  test.each([
    ['HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic'],
    ['HEIC', '\0\0\0\x18ftypmif1\0\0\0\0mif1heic'],
    ['JPEG XL', '\xff\n'],
    ['JPEG XL', '\0\0\0\fJXL \r\n\x87\n'],
    ['JPEG 2000', '\0\0\0\fjP  \r\n\x87\n'],
    ['JPEG 2000', '\xff\x4f\xff\x51'],
    ['JPEG-LS', '\xff\xd8\xff\xf7'],
    ['Photoshop', '8BPS'],
    ['OpenEXR', 'v/1\x01'],
    ['raw camera', '\0\0\0\x18ftypcrx \0\0\0\x01'],
    ['raw camera', 'II*\0\x10\0\0\0CR\x02\0'],
    ['raw camera', 'FUJIFILMCCD-RAW'],
  ])('%s is known, and refused with the remedy', async (name, start) => {
    expect(fileKind(text(start))).toMatchObject({
      name,
      remedy: expect.stringMatching(/convert it to|develop it/),
    });
    await expect(decodeImage(text(start), {}, 'x.jpg')).rejects.toThrow(
      new RegExp(`x\\.jpg: cannot be decoded as an image \\(${name} is not read; .*(convert|develop)`),
    );
  });

  test('the name decides where the content cannot', () => {
    expect(fileKind(text('II*\0\b\0\0\0'), 'a.NEF')?.name).toBe('raw camera');
    expect(fileKind(text('II*\0\b\0\0\0'), 'a.tif')?.name).toBe('TIFF');
    expect(fileKind(text('\0\0\x02'), 'a.tga')?.name).toBe('TGA');
    expect(fileKind(text('P5\n4 4\n255\n'), 'a.pgm')?.name).toBe('Netpbm');
    expect(isPictureName('a/B.HEIC')).toBe(true);
    expect(isPictureName('a/b.csv')).toBe(false);
  });

  test.each([
    '',
    'BM: notes of a meeting',
    'RIFF....WAVE',
    '<svg xmlns="…">',
    'P5 is a text',
    '\0\0\0\x18ftypisom',
  ])('no picture: %j', (start) =>
    expect(fileKind(start === '' ? new Uint8Array() : text(start))).toBeUndefined(),
  );

  test('what stands in the place of a picture is named', async () => {
    expect(whyNoImage(new Uint8Array())).toMatch(/^empty/);
    expect(whyNoImage(Buffer.from('version https://git-lfs.github.com/spec/v1\noid'))).toMatch(
      /git lfs pull/,
    );
    expect(whyNoImage(Buffer.from('<!DOCTYPE html><html>'))).toMatch(/a web page/);
    expect(whyNoImage(Buffer.alloc(100))).toMatch(/zeros/);
    await expect(decodeImage(Buffer.alloc(0), {}, 'x.png')).rejects.toThrow(/x\.png: .*\(empty/);
  });
});
