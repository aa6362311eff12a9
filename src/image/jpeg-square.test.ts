import { readFileSync } from 'node:fs';
import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage, toPlanar } from './decode.js';
import { decodeJpegSquare, jpegLibrary, jpegSquareId } from './jpeg-square.js';

// Made by test/goldens/jpeg-square/jpeg_square.py: Pillow, NumPy.
interface Golden {
  name: string;
  file: string;
  side: number;
  squares: { fit: 'cover' | 'fill'; whole: string; scaled: string }[];
}
const golden: { cases: Golden[] } = JSON.parse(
  readFileSync(new URL('../../test/goldens/jpeg-square/jpeg-square.json', import.meta.url), 'utf8'),
);
const cases = golden.cases.flatMap(({ name, squares, ...file }) =>
  squares.map((square) => ({ ...file, ...square, name: `${name}, ${square.fit}` })),
);
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'base64');
const fileOf = (name: string): Uint8Array =>
  bytesOf(cases.find((each) => each.name === `${name}, cover`)!.file);

function furthest(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** Peak signal-to-noise ratio in dB. */
function psnr(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  const squares = a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / a.length));
}

describe.skipIf(!jpegLibrary())('the pixels (skipped without libjpeg-turbo)', () => {
  test.each(cases)('are those of the definition: $name', async ({ file, side, fit, scaled }) => {
    const square = await decodeJpegSquare(bytesOf(file), side, fit);
    expect(furthest(square!, bytesOf(scaled))).toBeLessThanOrEqual(1);
  });

  test.each(cases)('are nearly those of whole decoding: $name', async ({ file, side, fit, whole }) => {
    const square = (await decodeJpegSquare(bytesOf(file), side, fit))!;
    expect(psnr(square, bytesOf(whole))).toBeGreaterThan(40);
    // The same part of the picture, to a fraction of a pixel, as where decodeImage takes over.
    const { data } = await decodeImage(bytesOf(file), { sizePx: side, fit });
    expect(psnr(square, toPlanar(data))).toBeGreaterThan(40);
  });

  test('show the part that decodeImage cuts out, whatever the sides', async () => {
    const random = new Random(3);
    for (let i = 0; i < 40; i++) {
      const sidePx = 8 + random.int(40);
      const [width, height] = [0, 1].map(() => 4 * sidePx + random.int(3 * sidePx)) as [number, number];
      const ramps = Uint8Array.from({ length: width * height * 3 }, (_, k) => {
        const [x, y] = [Math.floor(k / 3) % width, Math.floor(k / 3 / width)];
        return [(255 * x) / width, (255 * y) / height, 128 + 99 * Math.sin(x / 5) * Math.cos(y / 7)][k % 3]!;
      });
      const bytes = await sharp(ramps, { raw: { width, height, channels: 3 } })
        .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
        .toBuffer();
      const square = (await decodeJpegSquare(bytes, sidePx))!;
      const { data } = await decodeImage(bytes, { sizePx: sidePx });
      expect(psnr(square, toPlanar(data)), `${width} × ${height} to ${sidePx}`).toBeGreaterThan(40);
    }
  });

  test('do not depend on what else is being decoded', async () => {
    const jobs = cases.flatMap(({ file, side, fit }) =>
      [side, 8, 5].map((sidePx) => () => decodeJpegSquare(bytesOf(file), sidePx, fit)),
    );
    const alone: (Uint8Array | null)[] = [];
    for (const job of jobs) alone.push(await job());
    const together = await Promise.all([...jobs, ...jobs].map((job) => job()));
    expect(together).toEqual([...alone, ...alone]);
  });
});

test('caches are told apart by the library that filled them, or by its absence', () => {
  expect(jpegLibrary() ?? 'libjpeg-turbo 0').toMatch(/^libjpeg-turbo \d/);
  expect(jpegSquareId()).toMatch(
    jpegLibrary() ? /^jpeg-square-\d+-libjpeg-turbo-\d[\w.]*$/ : /^no-jpeg-square$/,
  );
});

/** A grey one of 16 × 16 px, all scans but the first without a coefficient: each is of one frequency. */
function manyScans(count: number): Uint8Array {
  const segment = (marker: number, ...body: number[]) => [0xff, marker, 0, body.length + 2, ...body];
  const codes = (table: number) => segment(0xc4, table, 1, ...Array(15).fill(0), 0); // one code: 0, of one bit
  const scan = (frequency: number, bits: number) => [
    ...segment(0xda, 1, 1, 0, frequency, frequency, bits),
    0x0f,
  ]; // four blocks, then ones to fill the byte
  const scans = Array.from({ length: count - 1 }, (_, i) => scan(1 + (i % 63), i < 63 ? 0x01 : 0x10));
  const frame = segment(0xc2, 8, 0, 16, 0, 16, 1, 1, 0x11, 0);
  const tables = [...segment(0xdb, 0, ...Array(64).fill(1)), ...codes(0x00), ...codes(0x10)];
  return Uint8Array.from([0xff, 0xd8, ...frame, ...tables, ...scan(0, 0), ...scans.flat(), 0xff, 0xd9]);
}

/** With an EXIF segment of two entries, a width and the orientation; `claimed`: how many it says there are. */
function withOrientation(file: Uint8Array, orientation: number, order: 'LE' | 'BE', claimed = 2): Buffer {
  const number = (value: number, sizeBytes: 2 | 4) => {
    const bytes = Buffer.alloc(sizeBytes);
    bytes[`writeUInt${order}`](value, 0, sizeBytes);
    return bytes;
  };
  const entry = (tag: number, value: number) => [
    ...[number(tag, 2), number(3, 2), number(1, 4)], // one value of two bytes
    ...[number(value, 2), number(0, 2)],
  ];
  const directory = [number(claimed, 2), ...entry(0x0100, 120), ...entry(0x0112, orientation), number(0, 4)];
  const tiff = [Buffer.from(order === 'LE' ? 'II' : 'MM'), number(42, 2), number(8, 4), ...directory];
  const body = Buffer.concat([Buffer.from('Exif\0\0'), ...tiff]);
  const marker = Buffer.from([0xff, 0xe1, 0, body.length + 2]);
  return Buffer.concat([file.subarray(0, 2), marker, body, file.subarray(2)]);
}

const blank = (sidePx: number) =>
  sharp({ create: { width: sidePx, height: sidePx, channels: 3, background: '#a87' } });

const isBuiltIn = jpegLibrary() !== undefined;

describe('is left to another decoder', () => {
  const photo = () => sharp(fileOf('4:4:4, a half'));
  const taken = async (bytes: Uint8Array, side = 16) => (await decodeJpegSquare(bytes, side)) !== null;

  test.each<[string, () => Promise<Uint8Array>]>([
    ['CMYK', () => photo().toColourspace('cmyk').jpeg().toBuffer()],
    ['a colour profile', () => photo().withIccProfile('p3').jpeg().toBuffer()],
    ['turned by EXIF', async () => withOrientation(fileOf('4:4:4, a half'), 6, 'LE')],
    ['turned by EXIF, big-endian', async () => withOrientation(fileOf('4:4:4, a half'), 3, 'BE')],
    ['EXIF that cannot be read', async () => withOrientation(fileOf('4:4:4, a half'), 1, 'LE', 9999)],
    ['PNG', () => photo().png().toBuffer()],
    ['nothing', async () => new Uint8Array()],
    ['text', async () => Buffer.from('no image at all, for all that it says')],
    ['cut off', async () => fileOf('4:4:4, a half').subarray(0, -40)],
    ['cut off between scans', async () => fileOf('4:2:0, progressive').subarray(0, -500)],
    ['without its end', async () => fileOf('4:4:4, a half').subarray(0, -2)],
    ['more scans than any camera writes', async () => manyScans(101)],
    [
      'progressive, and too large for its coefficients to lie in memory',
      () => blank(5000).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
    ],
    [
      'bytes between the last pixel and the end',
      async () => {
        const file = fileOf('4:4:4, a half');
        return Buffer.concat([file.subarray(0, -2), Buffer.alloc(3), file.subarray(-2)]);
      },
    ],
  ])('%s', async (_, make) => {
    expect(await taken(await make())).toBe(false);
  });

  test('fewer pixels than the square has', async () => {
    expect(await taken(fileOf('4:2:0, a half'), 90)).toBe(isBuiltIn);
    expect(await taken(fileOf('4:2:0, a half'), 91)).toBe(false);
  });

  test('but not what is near to these', async () => {
    expect(await taken(manyScans(100), 8)).toBe(isBuiltIn);
    expect(await taken(await blank(400).jpeg({ progressive: true }).toBuffer())).toBe(isBuiltIn);
  });

  test('but not upright by EXIF, nor with bytes after its end', async () => {
    for (const order of ['LE', 'BE'] as const) {
      const upright = withOrientation(fileOf('4:4:4, a half'), 1, order);
      expect((await sharp(upright).metadata()).orientation).toBe(1);
      expect(await taken(upright)).toBe(isBuiltIn);
      expect(await taken(Buffer.concat([upright, Buffer.from('trailing')]))).toBe(isBuiltIn);
    }
  });
});

/** Random bytes at random places; every eighth is cut off as well. */
function damaged(file: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(file);
  for (let n = 1 + random.int(3); n > 0; n--) bytes[random.int(bytes.length)] = random.int(256);
  return random.int(8) === 0 ? bytes.subarray(0, random.int(bytes.length)) : bytes;
}

test.skipIf(!jpegLibrary())(
  'what it takes of damaged files, libvips takes as well, for the same picture (skipped without libjpeg-turbo)',
  async () => {
    const random = new Random(5);
    let [taken, refused] = [0, 0];
    for (const { file } of golden.cases)
      for (let i = 0; i < 40; i++) {
        const bytes = damaged(bytesOf(file), random);
        // At a fraction of their size, where other coefficients than a camera's leave more of a difference, and whole.
        for (const [side, least] of [
          [16, 20],
          [50, 35],
        ] as const) {
          const square = await decodeJpegSquare(bytes, side);
          const other = await decodeImage(bytes, { sizePx: side }).catch(() => null);
          if (square) expect(psnr(square, toPlanar(other!.data))).toBeGreaterThan(least);
          if (square) taken++;
          if (!other) refused++;
        }
      }
    expect(taken).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(200);
  },
);

test('a side that is none is an error', async () => {
  await expect(decodeJpegSquare(fileOf('4:4:4, a half'), 0)).rejects.toThrow('the side must be 1 to 4096 px');
});
