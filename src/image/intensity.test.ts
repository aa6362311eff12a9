import { ConfigError, DataError } from 'graft-torch/base';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from './decode.js';
import {
  asShown,
  chooseRange,
  type IntensityRange,
  parseIntensity,
  type RangeEvidence,
} from './intensity.js';
import { sampleHeader } from './samples.js';
import { type TiffSpec, tiffFile } from './tiff.test-data.js';

const width = 8;
const height = 4;
const count = width * height;
/** 0, 1/31, … 1. */
const ramp = Array.from({ length: count }, (_, i) => i / (count - 1));
const levels = ramp.map((share) => Math.round(255 * share));

const shown = async (bytes: Uint8Array, ranges: IntensityRange[], page?: 'first' | 'last' | number) => {
  const { data, ...size } = await decodeImage(await asShown(bytes, { ranges, page }, 'x.tif'));
  return {
    red: [...data].filter((_, i) => i % 3 === 0),
    green: [...data].filter((_, i) => i % 3 === 1),
    ...size,
  };
};
const spec = (values: TiffSpec['values'], more: Partial<TiffSpec> = {}): TiffSpec => ({
  width,
  height,
  values,
  ...more,
});

/** 0 and 2^-k exactly, so that halves hold them. */
const half = (exponent: number): number => exponent << 10;

describe('samples of every kind under a range', () => {
  const kinds: [string, TiffSpec, IntensityRange][] = [
    [
      '12 bits in 16',
      spec(Uint16Array.from(ramp, (s) => Math.round(s * 4095))),
      { format: 'unsigned', from: 0, to: 4095 },
    ],
    [
      'signed 16 bits',
      spec(Int16Array.from(ramp, (s) => Math.round(s * 4000) - 1000)),
      { format: 'signed', from: -1000, to: 3000 },
    ],
    [
      'signed 8 bits',
      spec(Int8Array.from(ramp, (s) => Math.round(s * 255) - 128)),
      { format: 'signed', from: -128, to: 127 },
    ],
    [
      'signed 32 bits',
      spec(Int32Array.from(ramp, (s) => Math.round(s * 2e9) - 1e9)),
      { format: 'signed', from: -1e9, to: 1e9 },
    ],
    [
      'unsigned 32 bits',
      spec(Uint32Array.from(ramp, (s) => Math.round(s * 4e9))),
      { format: 'unsigned', from: 0, to: 4e9 },
    ],
    [
      '32-bit floats',
      spec(Float32Array.from(ramp, (s) => s - 0.5)),
      { format: 'float', from: -0.5, to: 0.5 },
    ],
    ['64-bit floats', spec(Float64Array.from(ramp, (s) => 1e-3 * s)), { format: 'float', from: 0, to: 1e-3 }],
  ];
  for (const bigEndian of [false, true])
    it.each(kinds)(`%s${bigEndian ? ', big endian' : ''}`, async (_, page, range) => {
      const { red, green } = await shown(tiffFile([page], { bigEndian }), [range]);
      for (const [i, level] of levels.entries()) expect(Math.abs(red[i]! - level)).toBeLessThanOrEqual(1);
      expect(green).toEqual(red);
    });

  it('half floats, subnormal and infinite ones too', async () => {
    const values = new Uint16Array(count).fill(half(15)); // 1
    values.set([0, 1, half(14), half(15) | 0x200, 0x8000 | half(15), half(31), half(31) | 1]);
    const { red } = await shown(tiffFile([spec(values, { half: true })]), [
      { format: 'float', from: 0, to: 2 },
    ]);
    // 0, 2^-24, 0.5, 1.5, −1, infinity, NaN, 1
    expect(red.slice(0, 8)).toEqual([0, 0, 64, 191, 0, 255, 0, 128]);
  });

  it('NaN is black, also where zero is white', async () => {
    const values = Float32Array.from(ramp);
    values[5] = Number.NaN;
    const page = spec(values, { photometric: 0 });
    const { red } = await shown(tiffFile([page]), [{ format: 'float', from: 0, to: 1 }]);
    expect(red[5]).toBe(0);
    expect([red[0], red[31]]).toEqual([255, 0]);
  });

  it('zero as white keeps its range', async () => {
    const page = spec(
      Uint16Array.from(ramp, (s) => Math.round(s * 4095)),
      { photometric: 0 },
    );
    const { red } = await shown(tiffFile([page]), [{ format: 'unsigned', from: 0, to: 4095 }]);
    expect(red).toEqual(levels.map((level) => 255 - level));
  });

  it('colour of 12 bits in 16', async () => {
    const values = Uint16Array.from({ length: 3 * count }, (_, i) => (i % 3 === 0 ? 4095 : 0));
    const { red, green } = await shown(tiffFile([spec(values, { samples: 3 })]), [
      { format: 'unsigned', from: 0, to: 4095 },
    ]);
    expect([Math.min(...red), Math.max(...green)]).toEqual([255, 0]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('orientation %d as libvips turns 8-bit pixels', async (orientation) => {
    const deep = tiffFile([
      spec(
        Uint16Array.from(levels, (v) => v * 16),
        { orientation },
      ),
    ]);
    const flat = tiffFile([spec(Uint8Array.from(levels), { orientation })]);
    const expected = await decodeImage(flat);
    const { red, width: w, height: h } = await shown(deep, [{ format: 'unsigned', from: 0, to: 255 * 16 }]);
    expect({ width: w, height: h }).toEqual({ width: expected.width, height: expected.height });
    expect(red).toEqual([...expected.data].filter((_, i) => i % 3 === 0));
  });

  it('16-bit PNG, grey with opacity', async () => {
    const values = Uint16Array.from({ length: 2 * count }, (_, i) => (i % 2 ? (i === 1 ? 0 : 65_535) : 4095));
    const raw = { width, height, channels: 2 as const };
    const png = await sharp(values, { raw }).toColourspace('grey16').png().toBuffer();
    const { red } = await shown(png, [{ format: 'unsigned', from: 0, to: 4095 }]);
    expect(red.slice(0, 3)).toEqual([0, 255, 255]);
  });
});

describe('files that are shown as they are', () => {
  it('keep their bytes: 8 bits, and 16 of which all count', async () => {
    const raw = { width, height, channels: 1 as const };
    const eight = await sharp(Uint8Array.from(levels), { raw }).png().toBuffer();
    expect(await asShown(eight, { ranges: [] }, 'x')).toBe(eight);
    const sixteen = await sharp(
      Uint16Array.from(ramp, (s) => Math.round(s * 65_535)),
      { raw },
    )
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect(await asShown(sixteen, { ranges: [{ format: 'unsigned', from: 0, to: 65_535 }] }, 'x')).toBe(
      sixteen,
    );
    expect(await asShown(sixteen, { ranges: [] }, 'x')).toBe(sixteen);
  });

  it('are refused where nobody has said which value is white', async () => {
    const page = spec(Uint16Array.from(ramp, (s) => Math.round(s * 4095)));
    const bytes = tiffFile([page]);
    await expect(asShown(bytes, { ranges: [] }, 'x.tif')).rejects.toThrow(
      new DataError(
        'x.tif: a tiff 16-bit file, of which nobody has said which value is black and which is white; say it with --intensity, such as bits=12 or 0:4095',
      ),
    );
  });

  it.each([
    ['palette', async () => (await ramped()).png({ palette: true, colours: 16, dither: 0 }).toBuffer()],
    [
      '1 bit',
      async () =>
        (await ramped()).threshold(128).toColourspace('b-w').png({ palette: true, colours: 2 }).toBuffer(),
    ],
    [
      '1-bit TIFF',
      async () => (await ramped()).threshold(128).toColourspace('b-w').tiff({ bitdepth: 1 }).toBuffer(),
    ],
    ['4-bit TIFF', async () => (await ramped()).toColourspace('b-w').tiff({ bitdepth: 4 }).toBuffer()],
    ['CMYK JPEG', async () => (await ramped()).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()],
    ['CMYK TIFF', async () => (await ramped()).toColourspace('cmyk').tiff().toBuffer()],
  ])('%s: black is black and white is white', async (_, make) => {
    const bytes = await make();
    const { red } = await shown(bytes, []);
    expect(Math.min(...red)).toBeLessThan(40);
    expect(Math.max(...red)).toBeGreaterThan(225);
  });
});

const ramped = async () =>
  sharp(
    Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 64) * 4 + 1),
    {
      raw: { width: 64, height: 64, channels: 3 },
    },
  );

describe('pages', () => {
  const preview = { width: 4, height: 2, values: new Uint8Array(8).fill(255) };
  const picture = spec(Uint8Array.from(levels));

  it('takes the largest where the others are smaller', async () => {
    const { red } = await shown(tiffFile([preview, picture, preview]), []);
    expect(red).toEqual(levels);
  });

  it('takes the one that is no mask or preview by its own word', async () => {
    const mask = spec(new Uint8Array(count), { subfile: 4 });
    expect((await shown(tiffFile([mask, picture]), [])).red).toEqual(levels);
  });

  it('asks where several are the largest', async () => {
    const stack = tiffFile([picture, spec(new Uint8Array(count)), picture]);
    await expect(sampleHeader(stack, 'stack.tif')).rejects.toThrow(
      'stack.tif: cannot be decoded as an image (3 pages of 8 × 4 px, 3 of the largest size: choose one with --page first, middle, last or its number)',
    );
    expect((await shown(stack, [], 'last')).red).toEqual(levels);
    expect((await shown(stack, [], 2)).red).toEqual(levels.map(() => 0));
    await expect(sampleHeader(stack, 'stack.tif', 4)).rejects.toThrow('(page 4 of 3)');
  });
});

describe('damaged and hostile directories', () => {
  const good = tiffFile([spec(Float32Array.from(ramp))]);

  it('are named in one line, wherever they are cut or changed', async () => {
    for (let at = 2; at < good.length; at++) {
      const bad = Uint8Array.from(good);
      bad[at] = bad[at]! ^ 0xff;
      for (const bytes of [bad, good.slice(0, at)])
        try {
          await asShown(bytes, { ranges: [{ format: 'float', from: 0, to: 1 }] }, 'x.tif');
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
          expect((error as Error).message).toMatch(/^x\.tif: .*$/);
        }
    }
  });

  it('numbers of 12 bits, packed, are refused with the remedy', async () => {
    const packed = Uint8Array.from(good);
    const view = new DataView(packed.buffer);
    for (let at = 8; at < packed.length - 12; at++)
      if (view.getUint16(at, true) === 258 && view.getUint16(at + 2, true) === 3)
        view.setUint16(at + 8, 12, true);
    await expect(sampleHeader(packed, 'x.tif')).rejects.toThrow(
      '12-bit numbers in a TIFF file are not read; save it with 16',
    );
  });
});

describe('the range that is found', () => {
  const evidence = (more: Partial<RangeEvidence>): RangeEvidence => ({
    format: 'unsigned',
    bits: 16,
    least: 0,
    greatest: 4000,
    declared: null,
    drawn: Float64Array.from({ length: 1001 }, (_, i) => 4 * i),
    spread: false,
    ...more,
  });
  it.each<[string, Partial<RangeEvidence>, string, number, number]>([
    ['12 bits', {}, 'auto', 0, 4095],
    ['10 bits', { greatest: 600 }, 'auto', 0, 1023],
    ['8 bits in 16', { greatest: 200 }, 'auto', 0, 255],
    ['all 16', { greatest: 60_000 }, 'auto', 0, 65_535],
    ['a decoder that spreads its bits', { greatest: 4000, spread: true }, 'auto', 0, 65_535],
    ['Hounsfield units', { format: 'signed', least: -1024, greatest: 3071 }, 'auto', -1024, 3071],
    ['signed, but none below zero', { format: 'signed', greatest: 1000 }, 'auto', 0, 1023],
    ['floats to 1', { format: 'float', bits: 32, greatest: 0.97 }, 'auto', 0, 1],
    ['floats to 255', { format: 'float', bits: 32, greatest: 254.6 }, 'auto', 0, 255],
    ['floats to 4000', { format: 'float', bits: 32 }, 'auto', 0, 4095],
    ['floats of no known scale', { format: 'float', bits: 32, least: 0.1, greatest: 3.5 }, 'auto', 0.1, 3.5],
    ['floats below zero', { format: 'float', bits: 32, least: -1, greatest: 1 }, 'auto', -1, 1],
    ['declared', { declared: [0, 4000] }, 'auto', 0, 4000],
    ['declared too wide', { declared: [0, 65_535] }, 'auto', 0, 4095],
    ['declared falsely', { declared: [0, 255] }, 'auto', 0, 4095],
    ['full', {}, 'full', 0, 65_535],
    ['full, signed', { format: 'signed' }, 'full', -32_768, 32_767],
    ['bits', {}, 'bits=14', 0, 16_383],
    ['range', {}, '-1000:400', -1000, 400],
    ['range with points', {}, '0:.5', 0, 0.5],
    ['percentiles', {}, 'percentile=1', 40, 3960],
  ])('%s', (_, more, setting, from, to) => {
    expect(chooseRange(evidence(more), parseIntensity(setting))).toMatchObject({ from, to });
  });

  it.each(['', '12', 'bits=0', 'bits=40', '5:5', '9:1', 'percentile=50', 'percentile=-1', '0:', 'nan:1'])(
    'refuses %s',
    (text) => {
      expect(() => parseIntensity(text)).toThrow(ConfigError);
    },
  );
});
