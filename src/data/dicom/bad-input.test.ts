import { DataError } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { golden, goldenFiles, valueAt, withText } from './goldens.test-data.js';
import { isDicom, readDicom } from './index.js';

/** The message of the DataError that reading gives; fails when it gives anything else. */
async function errorOf(bytes: Uint8Array, name = 'a.dcm'): Promise<string> {
  const outcome = await readDicom(bytes, name).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(DataError);
  const { message } = outcome as DataError;
  expect(message).not.toContain('\n');
  expect(message.startsWith(`${name}: `)).toBe(true);
  return message;
}

describe('bad input', () => {
  it.each([
    ['error-1-bit.dcm', '1 bits allocated'],
    ['error-jpeg-12-bit.dcm', '12-bit JPEG is not read; decompress it first with dcmtk'],
    ['error-jpeg-lossless-cut.dcm', 'truncated JPEG Lossless, first-order prediction stream'],
    ['error-no-rows.dcm', 'no Rows (0028,0010)'],
    ['error-photometric.dcm', "photometric interpretation 'YBR_PARTIAL_420' is none of"],
    ['error-structured-report.dcm', 'no pixel data: it is a structured report; leave the file out'],
    ['error-truncated.dcm', 'truncated pixel data: 924 bytes expected, 700 found'],
    ['error-whole-slide.dcm', 'a picture in 2 tiles'],
  ])('%s', async (file, text) => {
    expect(await errorOf(golden(file), file)).toContain(text);
  });

  it('every error file is tested above', () => {
    expect(goldenFiles.filter((name) => name.startsWith('error-'))).toHaveLength(8);
  });

  it('files that are not DICOM', async () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(131), Buffer.alloc(4000, 'x')]) {
      expect(isDicom(bytes)).toBe(false);
      expect(await errorOf(bytes)).toContain("not a DICOM file (no 'DICM' at byte 128");
    }
    expect(isDicom(golden('fields.dcm'))).toBe(true);
    expect(await errorOf(golden('fields.dcm').subarray(0, 132))).toContain('no valid transfer syntax');
  });

  it.each([
    ['1.2.840.10008.1.2.4.90', 'the JPEG 2000 Lossless stream cannot be decoded'],
    ['1.2.840.10008.1.2.4.80', 'the JPEG-LS Lossless stream cannot be decoded'],
    ['1.2.840.10008.1.2.4.57', 'the JPEG Lossless stream cannot be decoded'],
    ['1.2.840.10008.1.2.4.201', 'High-Throughput JPEG 2000 Lossless is not read'],
    ['1.2.840.10008.1.2.4.102', 'MPEG-4 High Profile is not read; it is a video'],
    ['1.2.840.10008.1.2.4.999', 'transfer syntax 1.2.840.10008.1.2.4.999 is not read; convert it'],
  ])('transfer syntax %s', async (uid, text) => {
    // Room for a longer UID: two bytes more.
    const source = golden('jpeg-baseline-422.dcm');
    const at = valueAt(source, 0x0002, 0x0010);
    const old = source.readUInt16LE(at - 2);
    const value = Buffer.from(uid.length % 2 === 1 ? `${uid}\0` : uid);
    const bytes = Buffer.concat([source.subarray(0, at), value, source.subarray(at + old)]);
    bytes.writeUInt16LE(value.length, at - 2);
    expect(await errorOf(bytes)).toContain(text);
  });

  it('a file cut anywhere is an error or, where only what follows the pixels is missing, whole', async () => {
    for (const file of [
      'rgb-implicit-planar.dcm',
      'jpeg-3-fragments.dcm',
      'rgb-rle.dcm',
      'rgb-deflated.dcm',
      'fields.dcm',
    ]) {
      const whole = golden(file);
      const { bytes } = await readDicom(whole, file);
      for (let length = 132; length < whole.length; length += 13) {
        const outcome = await readDicom(whole.subarray(0, length), file).catch((error: unknown) => error);
        if (outcome instanceof DataError) continue;
        expect(outcome).toMatchObject({ bytes });
      }
    }
  });

  it('pixel data of the other kind than the transfer syntax says', async () => {
    const bare = Buffer.from(golden('rgb-explicit.dcm'));
    bare.write('1.2.840.10008.1.2.5', valueAt(bare, 0x0002, 0x0010), 'latin1');
    expect(await errorOf(bare)).toContain(
      'pixel data that is not encapsulated, although the transfer syntax is RLE',
    );
    const rle = Buffer.from(golden('rgb-rle.dcm'));
    rle.write('1.2.840.10008.1.2.1', valueAt(rle, 0x0002, 0x0010), 'latin1');
    expect(await errorOf(rle)).toContain(
      'encapsulated pixel data, although the transfer syntax is Explicit VR',
    );
  });

  it('a first frame that is cut off borrows nothing from the second', async () => {
    const ends = (bytes: Buffer): number[] => {
      // Where items of pixel data begin, the offset table first: each ends where the next begins.
      const starts: number[] = [];
      let at = bytes.lastIndexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00])) + 12;
      for (; bytes.readUInt32LE(at) === 0xe000fffe; at += 8 + bytes.readUInt32LE(at + 4)) starts.push(at);
      return [...starts.slice(1), at];
    };
    const rle = Buffer.from(golden('rgb-3-frames-rle.dcm'));
    const [tableEnd, frameEnd] = ends(rle);
    // The third segment begins four bytes before the frame's end.
    rle.writeUInt32LE(frameEnd! - (tableEnd! + 8) - 4, tableEnd! + 8 + 12);
    expect(await errorOf(rle)).toContain('truncated pixel data: 308 bytes expected in an RLE segment');
    const jpeg = Buffer.from(golden('jpeg-3-frames.dcm'));
    const jpegEnd = ends(jpeg)[2]!;
    jpeg.fill(0, jpeg.lastIndexOf(Buffer.from([0xff, 0xd9]), jpegEnd), jpegEnd);
    expect(await errorOf(jpeg)).toContain('truncated JPEG stream: no end in');
  });

  it('RLE frames that cannot be told apart', async () => {
    const bytes = withText('rgb-3-frames-rle.dcm', [0x0028, 0x0008], '2');
    expect(await errorOf(bytes)).toContain('3 fragments for 2 frames and no offset table');
  });

  it('a JPEG stream of another size than the header says', async () => {
    const bytes = Buffer.from(golden('jpeg-baseline-422.dcm'));
    bytes.writeUInt16LE(25, valueAt(bytes, 0x0028, 0x0010));
    expect(await errorOf(bytes)).toContain('32 × 25 pixels in the header, 32 × 24 in the JPEG stream');
  });
});
