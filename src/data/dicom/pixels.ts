/**
 * Bare pixels → 8-bit RGB or grey (DICOM PS3.3 C.7.6.3.1, PS3.5 chapter 8).
 */
import { DataError } from 'graft-torch/base';
import type { PixelDescription } from './describe.js';
import { greyTransform, renderGrey, storedValue } from './grey.js';
import { readLut } from './lut.js';
import { type DicomFile, firstFrame } from './parse.js';
import { decodeRle } from './rle.js';

export interface Picture {
  /** Interleaved, 0…255: `[height, width, channels]`. */
  data: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3;
  /** Of grey whose range is open: see grey.ts. */
  values?: () => Float32Array;
  /** Without the file's name. */
  warnings: string[];
}

/** Samples as stored: how their bytes lie. */
interface Stored {
  bytes: Uint8Array;
  bigEndian: boolean;
  planar: boolean;
}

/**
 * Reads the first frame of a file whose pixels are not JPEG.
 * @throws DataError for truncated pixel data and for what is not read
 */
export function readPixels(file: DicomFile, pixels: PixelDescription): Picture {
  if (file.syntax.kind === 'rle') return render(file, pixels, unpackRle(file, pixels));
  if (pixels.photometric === 'YBR_FULL_422') return readSubsampled(file, pixels);
  const { width, height, samples, bitsAllocated } = pixels;
  return render(file, pixels, nativeFrame(file, pixels, (width * height * samples * bitsAllocated) / 8));
}

/**
 * Renders samples.
 * @throws DataError for what is not read
 */
export function render(file: DicomFile, pixels: PixelDescription, stored: Stored): Picture {
  const { width, height, samples: channels, photometric } = pixels;
  const size = { width, height };
  if (photometric === 'PALETTE COLOR')
    return { data: lookUp(file, pixels, stored), ...size, channels: 3, warnings: [] };
  if (channels === 1) {
    const { signed } = pixels;
    const transform = greyTransform(file.dataSet, file.name, { signed, bigEndian: file.syntax.bigEndian });
    return { ...renderGrey(wordsOf(pixels, stored), pixels, transform), ...size, channels };
  }
  const data = interleave(to8Bits(pixels, stored), stored.planar);
  if (photometric === 'YBR_FULL') {
    if (pixels.bitsAllocated !== 8) throw notEightBits(file, pixels);
    ybrToRgb(data);
  }
  return { data, ...size, channels, warnings: [] };
}

function notEightBits(file: DicomFile, { photometric, bitsAllocated }: PixelDescription): DataError {
  return new DataError(
    `${file.name}: ${photometric} with ${bitsAllocated} bits allocated is not read; convert the file to RGB`,
  );
}

/** The first frame of native pixel data, a view of the file unless bytes must be swapped. */
function nativeFrame(file: DicomFile, pixels: PixelDescription, expected: number): Stored {
  const found = nativeBytes(file);
  if (found.length < expected)
    throw new DataError(
      `${file.name}: truncated pixel data: ${expected} bytes expected, ${found.length} found; get the file again from its source`,
    );
  const { bigEndian } = file.syntax;
  const { planar } = pixels;
  // In a big-endian file bytes packed into 16-bit words stand swapped (PS3.5, 8.1.2).
  if (bigEndian && pixels.bitsAllocated === 8 && file.pixelData?.vr === 'OW')
    return { bytes: Buffer.from(found.subarray(0, expected + (expected & 1))).swap16(), bigEndian, planar };
  return { bytes: found.subarray(0, expected), bigEndian, planar };
}

function nativeBytes({ name, syntax, bytes, pixelData }: DicomFile): Uint8Array {
  if (!pixelData || pixelData.hadUndefinedLength)
    throw new DataError(
      `${name}: encapsulated pixel data, although the transfer syntax is ${syntax.name}; export the file again`,
    );
  return bytes.subarray(pixelData.dataOffset, pixelData.dataOffset + pixelData.length);
}

function unpackRle(file: DicomFile, pixels: PixelDescription): Stored {
  const { name } = file;
  if (pixels.photometric === 'YBR_FULL_422')
    throw new DataError(`${name}: YBR_FULL_422 cannot be RLE-coded (PS3.5, 8.2.2); export the file again`);
  const { fragments, exact } = firstFrame(file, pixels.frames);
  if (!exact)
    throw new DataError(
      `${name}: ${fragments.length} fragments for ${pixels.frames} frames and no offset table, so the frames cannot be told apart; export the file again`,
    );
  const frame = fragments.length === 1 ? fragments[0]! : Buffer.concat(fragments);
  const bytes = decodeRle(frame, name, {
    pixels: pixels.width * pixels.height,
    samples: pixels.samples,
    bytes: pixels.bitsAllocated / 8,
  });
  return { bytes, bigEndian: false, planar: true };
}

/** Samples as numbers. */
function wordsOf(
  { bitsAllocated }: PixelDescription,
  { bytes, bigEndian }: Stored,
): Uint8Array | Uint16Array {
  if (bitsAllocated === 8) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Uint16Array(bytes.length >> 1);
  for (let i = 0; i < words.length; i++) words[i] = view.getUint16(2 * i, !bigEndian);
  return words;
}

/** Colour samples in 8 bits, a copy; others than 8 stored bits are scaled, 2^bits − 1 → 255. */
function to8Bits(pixels: PixelDescription, stored: Stored): Uint8Array {
  const words = wordsOf(pixels, stored);
  if (pixels.bitsAllocated === 8 && pixels.bitsStored === 8) return Uint8Array.from(words);
  const value = storedValue({ ...pixels, signed: false });
  const scale = 255 / (2 ** pixels.bitsStored - 1);
  return Uint8Array.from(words, (word) => Math.round(scale * value(word)));
}

function interleave(samples: Uint8Array, planar: boolean): Uint8Array {
  if (!planar) return samples;
  const plane = samples.length / 3;
  const out = new Uint8Array(samples.length);
  for (let i = 0; i < plane; i++) {
    out[3 * i] = samples[i]!;
    out[3 * i + 1] = samples[plane + i]!;
    out[3 * i + 2] = samples[2 * plane + i]!;
  }
  return out;
}

/** YBR_FULL → RGB in place (PS3.3 C.7.6.3.1.2: CCIR 601, full range). */
function ybrToRgb(data: Uint8Array): void {
  const clamped = new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0; i < data.length; i += 3) {
    const y = data[i]!;
    const cb = data[i + 1]! - 128;
    const cr = data[i + 2]! - 128;
    clamped[i] = Math.round(y + 1.402 * cr);
    clamped[i + 1] = Math.round(y - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587);
    clamped[i + 2] = Math.round(y + 1.772 * cb);
  }
}

/** YBR_FULL_422: Y₁ Y₂ Cb Cr for two neighbours, which share the colour of the left one. */
function readSubsampled(file: DicomFile, pixels: PixelDescription): Picture {
  const { width, height, frames } = pixels;
  const count = width * height;
  if (pixels.bitsAllocated !== 8 || pixels.bitsStored !== 8) throw notEightBits(file, pixels);
  // Decompressors that forget to change the photometric interpretation leave three samples a pixel.
  if (nativeBytes(file).length >= 3 * count * frames) {
    const picture = render(
      file,
      { ...pixels, photometric: 'YBR_FULL' },
      nativeFrame(file, pixels, 3 * count),
    );
    picture.warnings.push('declared as YBR_FULL_422, but its colours are not subsampled: read as YBR_FULL');
    return picture;
  }
  if (width % 2 === 1)
    throw new DataError(
      `${file.name}: YBR_FULL_422 needs an even number of columns, not ${width}; export the file again`,
    );
  const { bytes } = nativeFrame(file, pixels, 2 * count);
  const data = new Uint8Array(3 * count);
  for (let pair = 0; pair < count / 2; pair++) {
    const [from, to] = [4 * pair, 6 * pair];
    for (const second of [0, 1]) {
      data[to + 3 * second] = bytes[from + second]!;
      data[to + 3 * second + 1] = bytes[from + 2]!;
      data[to + 3 * second + 2] = bytes[from + 3]!;
    }
  }
  ybrToRgb(data);
  return { data, width, height, channels: 3, warnings: [] };
}

/**
 * PALETTE COLOR: three tables. Entries of 16 bits give their upper eight, unless all of them are below 256: some
 * writers put 8-bit colours into tables that they declare as 16-bit.
 */
function lookUp(file: DicomFile, pixels: PixelDescription, stored: Stored): Uint8Array {
  const { dataSet, name } = file;
  const options = { signed: pixels.signed, bigEndian: file.syntax.bigEndian };
  const tables = ['1', '2', '3'].map((colour) => {
    if (dataSet.elements[`x0028122${colour}`] && !dataSet.elements[`x0028120${colour}`])
      throw new DataError(
        `${name}: segmented palettes (0028,122${colour}) are not read; convert the file to RGB`,
      );
    const lut = readLut(dataSet, { descriptor: `x0028110${colour}`, data: `x0028120${colour}` }, options);
    if (!lut)
      throw new DataError(
        `${name}: the colour palette (0028,120${colour}) is missing or does not fit its descriptor; export the file again`,
      );
    return lut;
  });
  const isWide = tables.some(({ greatest }) => greatest > 255);
  const words = wordsOf(pixels, stored);
  const value = storedValue(pixels);
  const out = new Uint8Array(3 * words.length);
  tables.forEach(({ at, bits }, c) => {
    const shift = isWide ? Math.max(0, bits - 8) : 0;
    for (let i = 0; i < words.length; i++) out[3 * i + c] = at(value(words[i]!)) >> shift;
  });
  return out;
}
