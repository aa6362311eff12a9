/** Files that need an optional codec, or say unusual things of their pixels, against pydicom and pylibjpeg. */
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { DataError } from 'graft-torch/base';
import { describe, expect, it, vi } from 'vitest';
import { decodeImage } from '../../image/decode.js';
import { isDicom, readDicom, readDicomHeader } from './index.js';

interface Case {
  width: number;
  height: number;
  channels: 1 | 3;
  tolerance: number;
  /** Deflated, in base 64. */
  pixels: string;
}
const folder = new URL('../../../test/goldens/dicom-codecs/', import.meta.url);
const cases = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Record<string, Case>;
const golden = (name: string): Buffer => readFileSync(new URL(`${name}.dcm`, folder));
const coded = Object.keys(cases).filter((name) => name.startsWith('jpeg-'));

describe('pixels', () => {
  it.each(Object.keys(cases))('%s are what pydicom finds', async (name) => {
    const { width, height, channels, tolerance, pixels } = cases[name]!;
    const wanted = inflateSync(Buffer.from(pixels, 'base64'));
    const { bytes, extension } = await readDicom(golden(name), name);
    expect(extension).toBe('.png');
    const decoded = await decodeImage(bytes, {}, name);
    expect([decoded.width, decoded.height]).toEqual([width, height]);
    let worst = 0;
    decoded.data.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - wanted[channels === 3 ? i : Math.floor(i / 3)]!));
    });
    expect(worst).toBeLessThanOrEqual(tolerance);
  });
});

describe('what is said', () => {
  it('pixels that are not square are stretched, and a warning says so', async () => {
    const { warnings } = await readDicom(golden('spacing-2-1'), 'a.dcm');
    expect(warnings).toEqual([
      'a.dcm: its pixels are 2.000 times as high as wide: stretched from 45 × 37 to 45 × 74',
    ]);
    expect((await readDicom(golden('spacing-square'), 'a.dcm')).warnings).toEqual([]);
  });

  it('a data set without preamble and meta information is DICOM, and other files are not', () => {
    for (const name of ['bare-explicit', 'bare-implicit']) {
      expect(isDicom(golden(name).subarray(0, 132))).toBe(true);
      expect(readDicomHeader(golden(name), name, { keepIdentifiers: true }).fields.patient_id).toBe(
        'GR-0002',
      );
    }
    const whole = golden('shape-identity');
    expect(isDicom(whole.subarray(132))).toBe(true); // meta information without a preamble
    for (const bytes of [
      Buffer.alloc(200),
      Buffer.from('\b\0\x05\0 is no element of any'),
      Buffer.from([8, 0, 5, 0]),
    ])
      expect(isDicom(bytes)).toBe(false);
  });
});

describe('damage', () => {
  it.each(coded)('%s cut off anywhere is refused by name', async (name) => {
    const bytes = golden(name);
    for (const share of [0.3, 0.5, 0.7, 0.9, 0.97])
      await expect(readDicom(bytes.subarray(0, Math.floor(share * bytes.length)), 'a.dcm')).rejects.toThrow(
        DataError,
      );
  });

  it('changed bytes give a picture or an error of our own, and the next file is read as before', async () => {
    for (const name of coded)
      for (let k = 0; k < 12; k++) {
        const bytes = golden(name);
        for (let i = 0; i < 4; i++) bytes[bytes.length - 40 - 17 * k - 3 * i]! ^= 0x55;
        await readDicom(bytes, 'a.dcm').catch((error: unknown) => {
          expect(error).toBeInstanceOf(DataError);
          expect((error as DataError).message).not.toContain('\n');
        });
      }
    const { bytes } = await readDicom(golden('jpeg-2000-lossless-rgb'), 'a.dcm');
    expect((await decodeImage(bytes)).width).toBe(45);
  });
});

describe('without a codec', () => {
  it.each([
    [
      'jpeg-2000-lossless-rgb',
      '@cornerstonejs/codec-openjpeg',
      'gdcmconv --raw',
      '@cornerstonejs/codec-openjpeg/decodewasmjs',
    ],
    [
      'jpeg-ls-lossless-rgb',
      '@cornerstonejs/codec-charls',
      'dcmdjpls',
      '@cornerstonejs/codec-charls/decodewasmjs',
    ],
    ['jpeg-lossless-rgb', 'jpeg-lossless-decoder-js', 'dcmdjpeg', 'jpeg-lossless-decoder-js'],
  ])(
    '%s is refused with the package to install, and with how to do without',
    async (name, wanted, tool, path) => {
      vi.resetModules();
      vi.doMock(path, () => {
        throw new Error('not found');
      });
      const { readDicom: read } = await import('./index.js');
      const { message } = (await read(golden(name), 'a.dcm').catch((error: unknown) => error)) as Error;
      expect(message).toContain(`a.dcm: `);
      expect(message).toContain(`needs a codec that is not installed: npm install ${wanted}, or`);
      expect(message).toContain(tool);
      vi.doUnmock(path);
      vi.resetModules();
    },
  );
});
