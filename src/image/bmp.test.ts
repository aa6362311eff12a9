import { readFileSync } from 'node:fs';
import { DataError } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { decodeBmp } from './bmp.js';
import { decodeImage, decodeSmall } from './decode.js';

const { width, height, files } = JSON.parse(
  readFileSync(new URL('../../test/goldens/bmp/bmp.json', import.meta.url), 'utf8'),
) as { width: number; height: number; files: Record<string, { file: string; rgb: number[] }> };
const bytesOf = (name: string): Buffer => Buffer.from(files[name]!.file, 'base64');

describe('BMP files', () => {
  test.each(Object.keys(files))('%s has the pixels that Pillow, or the description, says', async (name) => {
    const image = await decodeImage(bytesOf(name));
    expect([image.width, image.height]).toEqual([width, height]);
    expect([...image.data]).toEqual(files[name]!.rgb);
  });

  test('a grey palette gives one channel', () => {
    expect(decodeBmp(bytesOf('palette-8-grey')).channels).toBe(1);
    expect(decodeBmp(bytesOf('palette-8')).channels).toBe(3);
  });

  test('alpha counts where it is used, and is none where it is 0 everywhere', async () => {
    const file = (alpha: number): Buffer => {
      const bytes = Buffer.alloc(14 + 124 + 8);
      bytes.write('BM');
      bytes.writeUInt32LE(138, 10);
      bytes.writeUInt32LE(124, 14);
      bytes.writeInt32LE(2, 18);
      bytes.writeInt32LE(1, 22);
      bytes.writeUInt16LE(32, 28);
      bytes.writeUInt32LE(3, 30);
      for (const [i, mask] of [0xff0000, 0xff00, 0xff, 0xff000000].entries())
        bytes.writeUInt32LE(mask, 54 + 4 * i);
      bytes.writeUInt32LE(0x00102030, 138);
      bytes.writeUInt32LE(((alpha << 24) | 0x405060) >>> 0, 142);
      return bytes;
    };
    expect([...(await decodeImage(file(255))).data]).toEqual([0, 0, 0, 0x40, 0x50, 0x60]);
    expect([...(await decodeImage(file(0))).data]).toEqual([0x10, 0x20, 0x30, 0x40, 0x50, 0x60]);
  });

  test('whatever is cut off is refused, at every length', async () => {
    for (const name of Object.keys(files)) {
      const bytes = bytesOf(name);
      // The last row's padding is nobody's loss.
      const needed = name.startsWith('rle') ? bytes.length - 2 : bytes.length - 4;
      for (let length = 20; length < needed; length++)
        await expect(
          decodeSmall(bytes.subarray(0, length), 8, { name }),
          `${name} ${length}`,
        ).rejects.toThrow(DataError);
    }
  });

  test('headers that lie end in one line', () => {
    const changed = (write: (bytes: Buffer) => void): Buffer => {
      const bytes = bytesOf('palette-8-of-5');
      write(bytes);
      return bytes;
    };
    const read = (write: (bytes: Buffer) => void) => () => decodeBmp(changed(write));
    expect(read((b) => b.writeInt32LE(1 << 20, 18) && b.writeInt32LE(1 << 20, 22))).toThrow(
      /more than are read/,
    );
    expect(read((b) => b.writeInt32LE(-7, 18))).toThrow(/-7|pixels in the header/);
    expect(read((b) => b.writeInt32LE(-(2 ** 31), 22))).toThrow(/more than are read/);
    expect(read((b) => b.writeUInt16LE(5, 28))).toThrow(/5 bits a pixel/);
    expect(read((b) => b.writeUInt32LE(1, 30) && b.writeUInt16LE(4, 28))).toThrow(/does not fit 4 bits/);
    expect(read((b) => b.writeUInt32LE(4, 30) && b.writeUInt16LE(24, 28))).toThrow(/compression 4/);
    expect(read((b) => b.writeUInt32LE(1 << 30, 10))).toThrow(/cut off/);
    expect(read((b) => b.writeUInt32LE(2, 46))).toThrow(/colour \d of a palette of 2/);
    expect(read((b) => b.writeUInt32LE(1 << 20, 46))).toThrow(/palette/);
  });
});
