import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../image/decode.js';
import { golden, goldenFiles } from './goldens.test-data.js';
import { readDicom } from './index.js';

interface Case {
  file: string;
  height: number;
  width: number;
  channels: 1 | 3;
  tolerance: number;
  extension: string;
  warnings: number;
}
const { cases } = JSON.parse(golden('expected.json').toString()) as {
  cases: Case[];
};
const pixels = inflateSync(golden('expected.bin.z'));

describe('pixels', () => {
  let offset = 0;
  for (const expected of cases) {
    const { file, width, height, channels, tolerance } = expected;
    const size = width * height * channels;
    const wanted = pixels.subarray(offset, offset + size);
    offset += size;
    it(`${file} are what pydicom or dcmtk finds`, async () => {
      const image = await readDicom(golden(file), file);
      expect(image.extension).toBe(expected.extension);
      expect(image.warnings).toHaveLength(expected.warnings);
      for (const warning of image.warnings) expect(warning.startsWith(`${file}: `)).toBe(true);
      const decoded = await decodeImage(image.bytes, {}, file);
      expect([decoded.width, decoded.height]).toEqual([width, height]);
      let worst = 0;
      decoded.data.forEach((value, i) => {
        const want = wanted[channels === 3 ? i : Math.floor(i / 3)]!;
        worst = Math.max(worst, Math.abs(value - want));
      });
      expect(worst).toBeLessThanOrEqual(tolerance);
    });
  }

  it('cover every golden file that is no error', () => {
    const files = goldenFiles.filter((name) => !name.startsWith('error-'));
    expect(cases.map(({ file }) => file).sort()).toEqual(files.sort());
    expect(offset).toBe(pixels.length);
  });

  it('do not depend on where in memory the file lies', async () => {
    for (const file of [
      'mono2-12-window.dcm',
      'palette-16.dcm',
      'jpeg-3-fragments.dcm',
      'rgb-deflated.dcm',
    ]) {
      const bytes = golden(file);
      const shifted = new Uint8Array(bytes.length + 7);
      shifted.set(bytes, 3);
      const image = await readDicom(shifted.subarray(3, bytes.length + 3), file);
      expect(image).toEqual(await readDicom(bytes, file));
    }
  });

  it('grey pictures are grey PNG files', async () => {
    const { bytes } = await readDicom(golden('mono2-8.dcm'), 'a');
    expect((await sharp(bytes).metadata()).channels).toBe(1);
  });
});
