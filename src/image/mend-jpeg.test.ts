import { Random } from 'graft-torch/base';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from './decode.js';
import { mendJpeg } from './mend-jpeg.js';
import { despiteWarnings } from './source.js';

const random = new Random(5);
const noise = Uint8Array.from({ length: 48 * 48 * 3 }, () => 256 * random.uniform(0, 1));
const raw = { raw: { width: 48, height: 48, channels: 3 } } as const;
let base: Buffer;
let progressive: Buffer;
let plain: Uint8Array;
beforeAll(async () => {
  base = await sharp(noise, raw).jpeg({ mozjpeg: false }).toBuffer();
  progressive = await sharp(noise, raw).jpeg({ progressive: true }).toBuffer();
  plain = (await decodeImage(base)).data;
});

const marker = (bytes: Buffer, code: number): number => bytes.indexOf(Buffer.of(0xff, code));
const insert = (bytes: Buffer, at: number, what: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]);

/** With other last three bytes of the first scan's header: Ss, Se, Ah and Al. */
function withScan(bytes: Buffer, parameters: readonly number[]): Buffer {
  const changed = Buffer.from(bytes);
  const at = marker(bytes, 0xda);
  changed.set(parameters, at + 2 + bytes.readUInt16BE(at + 2) - 3);
  return changed;
}

/** Decodes, and says what was told. */
async function read(bytes: Buffer): Promise<{ data: Uint8Array; warnings: string[] }> {
  const { withImage } = await import('./source.js');
  const warnings: string[] = [];
  const data = await withImage(bytes, (image) => image.toColourspace('srgb').raw().toBuffer(), {
    onWarning: (text) => warnings.push(text),
  });
  return { data, warnings };
}

describe('what every browser shows is read, to the pixel, and said', () => {
  test.each([
    ['0,0,0 for 0,63,0', () => withScan(base, [0, 0, 0]), /scan parameters/],
    ['others', () => withScan(base, [5, 7, 0x11]), /scan parameters/],
    ['junk before the scan', () => insert(base, marker(base, 0xda), Buffer.from('junk')), /4 bytes between/],
    ['zeros between tables', () => insert(base, marker(base, 0xc0), Buffer.alloc(3)), /3 bytes between/],
    [
      'junk with a fill byte',
      () => insert(base, marker(base, 0xc0), Buffer.from('a\xff\0b\xff', 'latin1')),
      /between/,
    ],
  ])('%s', async (_, make, warning) => {
    const bytes = make();
    const before = Buffer.from(bytes);
    const { data, warnings } = await read(bytes);
    expect(bytes.equals(before)).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(warning)]);
    expect(Buffer.from(data).equals(plain)).toBe(true);
  });

  test('JFIF of another version, an unknown Adobe transform', async () => {
    const jfif = Buffer.from(base);
    const at = jfif.indexOf('JFIF\0');
    if (at >= 0) {
      jfif[at + 5] = 9;
      expect((await read(jfif)).warnings).toEqual([expect.stringMatching(/JFIF version 9/)]);
    }
    const adobe = insert(
      base,
      2,
      Buffer.from([0xff, 0xee, 0, 14, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 9]),
    );
    const { data, warnings } = await read(adobe);
    expect(warnings).toEqual([expect.stringMatching(/Adobe colour transform 9/)]);
    expect(Buffer.from(data).equals(plain)).toBe(true);
  });
});

describe('what is sound is left alone', () => {
  test.each([
    ['as it is', () => base],
    ['progressive', () => progressive],
    ['fill bytes', () => insert(base, marker(base, 0xda), Buffer.alloc(5, 0xff))],
    ['trailing bytes', () => Buffer.concat([base, Buffer.from('whatever follows')])],
    ['a second picture behind', () => Buffer.concat([base, base])],
  ])('%s', async (_, make) => {
    expect(mendJpeg(make())).toBeUndefined();
    expect((await read(make())).warnings).toEqual([]);
  });

  test('the scans of a progressive file are not touched', () => {
    expect(mendJpeg(withScan(progressive, [0, 5, 0]))).toBeUndefined();
  });
});

describe('what was cut off stays refused', () => {
  const cut = (length: number): Buffer => withScan(base, [0, 0, 0]).subarray(0, length);

  test('at every length, also with odd scan parameters, and whatever the user accepts', async () => {
    const start = marker(base, 0xda) + 20;
    for (let length = start; length < base.length - 2; length += Math.ceil((base.length - start) / 40)) {
      await expect(decodeImage(cut(length)), `${length}`).rejects.toThrow(/cannot be decoded/);
      await expect(despiteWarnings(cut(length), 'x.jpg'), `${length}`).rejects.toThrow(/cannot be decoded/);
      const closed = Buffer.concat([cut(length), Buffer.of(0xff, 0xd9)]);
      await expect(decodeImage(closed), `${length} closed`).rejects.toThrow(/cannot be decoded/);
      await expect(despiteWarnings(closed, 'x.jpg'), `${length} closed`).rejects.toThrow(/cannot be decoded/);
    }
  });

  test('without its end alone: refused, but accepted where that is asked for', async () => {
    const open = base.subarray(0, base.length - 2);
    await expect(decodeImage(open)).rejects.toThrow(/premature end/);
    const { png, warning } = await despiteWarnings(open, 'x.jpg');
    expect(warning).toBe('no end of image');
    expect((await decodeImage(png)).data).toEqual(plain);
    await expect(despiteWarnings(progressive.subarray(0, progressive.length - 2), 'x.jpg')).rejects.toThrow(
      /premature end/,
    );
  });

  test('damage in the coded data is refused, and accepted where that is asked for', async () => {
    const at = marker(base, 0xda) + 200;
    let found = 0;
    for (let shift = 0; shift < 40; shift++) {
      const bytes = Buffer.from(base);
      bytes.fill(0, at + 7 * shift, at + 7 * shift + 12);
      const refused = await decodeImage(bytes).then(
        () => false,
        () => true,
      );
      if (!refused) continue;
      const accepted = await despiteWarnings(bytes, 'x.jpg').catch(() => undefined);
      if (!accepted) continue;
      found++;
      expect(accepted.warning).toMatch(/Corrupt JPEG data/);
      expect((await decodeImage(accepted.png)).width).toBe(48);
    }
    expect(found).toBeGreaterThan(0);
  });
});

test('no bytes make it fail', () => {
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from(i % 2 ? base : progressive).subarray(
      0,
      1 + Math.floor(random.uniform(0, 1) * base.length),
    );
    for (let k = 0; k < 5; k++)
      bytes[Math.floor(random.uniform(0, 1) * bytes.length)] = 256 * random.uniform(0, 1);
    expect(() => mendJpeg(Buffer.from(bytes), { close: true })).not.toThrow();
  }
});
