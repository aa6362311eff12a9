import { readFileSync } from 'node:fs';
import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { jpegQuality } from './jpeg.js';

const golden: {
  luma: Record<string, string>;
  presets: Record<string, string>;
  files: { name: string; quality: number; file: string }[];
} = JSON.parse(readFileSync(new URL('../../test/goldens/jpeg/jpeg.json', import.meta.url), 'utf8'));

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

/** A file that is all header: one segment a table. */
function header(...tables: { number?: number; entries: Uint8Array | Uint16Array }[]): Uint8Array {
  const segments = tables.map(({ number = 0, entries }) => {
    const wide = entries instanceof Uint16Array;
    const body = wide ? [...entries].flatMap((entry) => [entry >> 8, entry & 255]) : [...entries];
    return [0xff, 0xdb, 0, 3 + body.length, (wide ? 16 : 0) | number, ...body];
  });
  return Uint8Array.from([0xff, 0xd8, ...segments.flat()]);
}

/** A baseline frame header with one component that uses a table. */
const frame = (table: number): number[] => [0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, table];

const luma = (quality: number): Uint8Array => bytesOf(golden.luma[quality]!);

describe('against files that PIL wrote', () => {
  test('every quality from 1 to 100', () => {
    const found = Object.keys(golden.luma).map((quality) => jpegQuality(header({ entries: luma(+quality) })));
    expect(found).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  test.each(golden.files)('$name', ({ file, quality }) => {
    expect(jpegQuality(bytesOf(file))).toBe(quality);
  });

  test('tables of their own are ranked as they are meant', () => {
    const found = ['web_low', 'web_medium', 'web_high', 'web_very_high', 'web_maximum'].map(
      (name) => jpegQuality(bytesOf(golden.presets[name]!))!,
    );
    expect([...new Set(found)].sort((a, b) => a - b)).toEqual(found);
    expect(found[0]).toBeGreaterThan(20);
    expect(found[4]).toBeGreaterThan(95);
  });
});

test('a file that sharp wrote', async () => {
  const picture = sharp({ create: { width: 16, height: 16, channels: 3, background: '#a86' } });
  for (const quality of [50, 95]) {
    expect(jpegQuality(await picture.clone().jpeg({ quality }).toBuffer())).toBe(quality);
  }
});

describe('headers', () => {
  test('16-bit tables, whose entries are not cut off at 255', () => {
    // Quality 4: every entry of the standard table times 12.5.
    const standard = [...luma(50)];
    const wide = Uint16Array.from(standard, (entry) => Math.floor((entry * 1250 + 50) / 100));
    expect(Math.max(...wide)).toBeGreaterThan(255);
    expect(jpegQuality(header({ entries: wide }))).toBe(4);
    expect(jpegQuality(header({ entries: Uint16Array.from(luma(80)) }))).toBe(80);
  });

  test('the first component says which table is that of luma', () => {
    const both = header({ number: 0, entries: luma(20) }, { number: 1, entries: luma(90) });
    expect(jpegQuality(Uint8Array.from([...both, ...frame(1)]))).toBe(90);
    expect(jpegQuality(Uint8Array.from([...both, ...frame(0)]))).toBe(20);
    expect(jpegQuality(both)).toBe(20);
  });

  test('two tables in one segment, fill bytes between segments', () => {
    const pair = [0xff, 0xd8, 0xff, 0xff, 0xff, 0xdb, 0, 132, 1, ...luma(30), 0, ...luma(70)];
    expect(jpegQuality(Uint8Array.from(pair))).toBe(70);
  });

  test('tables after the first scan begins do not count', () => {
    const scan = [0xff, 0xda, 0, 2];
    expect(jpegQuality(Uint8Array.from([...header({ entries: luma(60) }), ...scan]))).toBe(60);
    expect(
      jpegQuality(Uint8Array.from([0xff, 0xd8, ...scan, ...header({ entries: luma(60) }).subarray(2)])),
    ).toBeNull();
  });

  test('zeros, which no table may hold', () => {
    expect(jpegQuality(header({ entries: new Uint8Array(64) }))).toBe(100);
  });
});

describe('what is no JPEG, or not enough of one', () => {
  test('other formats, text, nothing', async () => {
    const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    for (const bytes of [png, Buffer.from('not found'), Uint8Array.of(), Uint8Array.of(0xff, 0xd8)]) {
      expect(jpegQuality(bytes)).toBeNull();
    }
  });

  test('a header that ends before its table', () => {
    const whole = header({ entries: luma(50) });
    for (let length = 0; length < whole.length; length++) {
      expect(jpegQuality(whole.subarray(0, length))).toBeNull();
    }
    expect(jpegQuality(whole)).toBe(50);
  });

  test('segments that claim a length of 0, or more than there is', () => {
    expect(jpegQuality(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xe1, 0, 1))).toBeNull();
    expect(jpegQuality(Uint8Array.of(0xff, 0xd8, 0xff, 0xdb, 0xff, 0xff, 0, 1, 2, 3))).toBeNull();
  });

  test('random changes never throw, and give a quality or none', () => {
    const random = new Random(5);
    const file = bytesOf(golden.files[0]!.file);
    for (let round = 0; round < 500; round++) {
      const damaged = file.slice(0, 2 + Math.floor(random.next() * file.length));
      for (let k = 0; k < 5; k++) {
        damaged[2 + Math.floor(random.next() * (damaged.length - 2))] = Math.floor(256 * random.next());
      }
      const quality = jpegQuality(damaged);
      expect(quality === null || (quality >= 1 && quality <= 100)).toBe(true);
    }
  });
});
