/**
 * The directory of a TIFF file: its pages, and what their samples are (TIFF 6.0, BigTIFF). Pixels are libvips' work; this
 * says which page is the picture, and turns what libvips would bend (signed values, half floats, doubles, white as zero)
 * into unsigned bits that it hands out as they are.
 */
import { DataError } from 'graft-torch/base';

/** What a number stands for: TIFF's SampleFormat. */
export type SampleFormat = 'unsigned' | 'signed' | 'float';

export interface TiffPage {
  width: number;
  height: number;
  bits: number;
  samples: number;
  format: SampleFormat;
  /** 0: white is zero; 1: black is zero; 2: RGB; others are for libvips. */
  photometric: number;
  /** EXIF's numbers: 1 upright. */
  orientation: number;
  /** A smaller version of another page, or a mask of it, as the file itself says. */
  secondary: boolean;
  /** SMinSampleValue and SMaxSampleValue, the least and greatest over the samples. */
  declared: readonly [number, number] | null;
  /** The last of its samples is opacity. */
  hasAlpha: boolean;
}

interface Entry {
  type: number;
  count: number;
  /** Of the first value, in bytes. */
  at: number;
}

type Directory = Map<number, Entry>;

const tags = {
  subfile: 254,
  width: 256,
  height: 257,
  bits: 258,
  photometric: 262,
  orientation: 274,
  samples: 277,
  planar: 284,
  predictor: 317,
  tileWidth: 322,
  extraSamples: 338,
  format: 339,
  least: 340,
  greatest: 341,
} as const;

/** Samples of a colour, by photometric interpretation: grey, RGB, palette, CMYK, YCbCr, Lab. */
const colours: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3 };

/** Bytes of a value, by TIFF's type; types that hold no plain numbers are left out. */
const typeBytes: Readonly<Record<number, number>> = {
  1: 1,
  3: 2,
  4: 4,
  6: 1,
  8: 2,
  9: 4,
  11: 4,
  12: 8,
  16: 8,
};

/** More pages than any picture has; a directory that leads back to itself ends here. */
const mostPages = 65_536;

export const isTiff = (bytes: Uint8Array): boolean =>
  bytes.length > 8 &&
  ((bytes[0] === 0x49 && bytes[1] === 0x49 && (bytes[2] === 42 || bytes[2] === 43) && bytes[3] === 0) ||
    (bytes[0] === 0x4d && bytes[1] === 0x4d && bytes[2] === 0 && (bytes[3] === 42 || bytes[3] === 43)));

/** A TIFF file's numbers in its own byte order. */
class Reader {
  readonly view: DataView;
  readonly little: boolean;
  readonly big: boolean;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.little = bytes[0] === 0x49;
    this.big = this.view.getUint16(2, this.little) === 43;
  }

  /** An offset or a count: 8 bytes in BigTIFF, else 4 or what is said. */
  word(at: number, bytes = 4): number {
    if (this.big) return Number(this.view.getBigUint64(at, this.little));
    return bytes === 2 ? this.view.getUint16(at, this.little) : this.view.getUint32(at, this.little);
  }

  value({ type, at }: Entry, index = 0): number {
    const { view, little } = this;
    const place = at + index * typeBytes[type]!;
    if (type === 1) return view.getUint8(place);
    if (type === 3) return view.getUint16(place, little);
    if (type === 4) return view.getUint32(place, little);
    if (type === 6) return view.getInt8(place);
    if (type === 8) return view.getInt16(place, little);
    if (type === 9) return view.getInt32(place, little);
    if (type === 11) return view.getFloat32(place, little);
    if (type === 12) return view.getFloat64(place, little);
    return Number(view.getBigUint64(place, little));
  }

  write({ type, at }: Entry, index: number, value: number): void {
    const place = at + index * typeBytes[type]!;
    if (type === 1 || type === 6) this.view.setUint8(place, value);
    else if (type === 3 || type === 8) this.view.setUint16(place, value, this.little);
    else if (type === 4 || type === 9) this.view.setUint32(place, value, this.little);
    else if (type === 16) this.view.setBigUint64(place, BigInt(value), this.little);
  }

  directories(): Directory[] {
    const found: Directory[] = [];
    const seen = new Set<number>();
    const { big } = this;
    let entries = 0;
    let at = big ? this.word(8) : this.word(4);
    while (at !== 0 && !seen.has(at) && found.length < mostPages) {
      seen.add(at);
      const count = this.word(at, 2);
      entries += count;
      if (entries > this.view.byteLength) throw new RangeError('directories that overlap'); // or a small file takes for ever
      const first = at + (big ? 8 : 2);
      const each = big ? 20 : 12;
      const directory: Directory = new Map();
      for (let i = 0; i < count; i++) {
        const entry = first + i * each;
        const type = this.view.getUint16(entry + 2, this.little);
        const values = this.word(entry + 4);
        const inline = entry + (big ? 12 : 8);
        const bytes = (typeBytes[type] ?? 1) * values;
        if (typeBytes[type] === undefined) continue;
        const place = bytes <= (big ? 8 : 4) ? inline : this.word(inline);
        if (place + bytes > this.view.byteLength) continue; // such as the offsets of a strip past a cut
        directory.set(this.view.getUint16(entry, this.little), { type, count: values, at: place });
      }
      found.push(directory);
      at = this.word(first + count * each);
    }
    return found;
  }
}

const formats: Readonly<Record<number, SampleFormat>> = { 1: 'unsigned', 2: 'signed', 3: 'float' };

function pageOf(reader: Reader, directory: Directory): TiffPage {
  const one = (tag: number, otherwise: number): number => {
    const entry = directory.get(tag);
    return entry && entry.count > 0 ? reader.value(entry) : otherwise;
  };
  const all = (tag: number): number[] => {
    const entry = directory.get(tag);
    // A value a sample; more are no part of the standard.
    return entry ? Array.from({ length: Math.min(entry.count, 16) }, (_, i) => reader.value(entry, i)) : [];
  };
  const least = all(tags.least);
  const greatest = all(tags.greatest);
  const extra = all(tags.extraSamples);
  return {
    width: one(tags.width, 0),
    height: one(tags.height, 0),
    bits: one(tags.bits, 1),
    samples: one(tags.samples, 1),
    format: formats[one(tags.format, 1)] ?? 'unsigned',
    photometric: one(tags.photometric, 1),
    orientation: one(tags.orientation, 1),
    secondary: (one(tags.subfile, 0) & 0b101) !== 0,
    declared: least.length > 0 && greatest.length > 0 ? [Math.min(...least), Math.max(...greatest)] : null,
    hasAlpha: extra.length > 0 && extra.at(-1)! > 0,
  };
}

/**
 * The pages of a TIFF file, in order.
 * @throws DataError where the directory is damaged
 */
export function tiffPages(bytes: Uint8Array, name: string): TiffPage[] {
  try {
    const reader = new Reader(bytes);
    return reader.directories().map((directory) => pageOf(reader, directory));
  } catch (cause) {
    throw new DataError(
      `${name}: cannot be decoded as an image (the directory of the TIFF file leads outside of it)`,
      { cause },
    );
  }
}

/** Whether a page has one sample more than its colours, which the file does not call opacity. */
export function hasFalseAlpha(bytes: Uint8Array, page: number): boolean {
  let found: TiffPage | undefined;
  try {
    found = tiffPages(bytes, '')[page];
  } catch {
    return false; // the decoder says what is wrong
  }
  if (!found || found.hasAlpha) return false;
  return found.samples === (colours[found.photometric] ?? Number.NaN) + 1;
}

/**
 * A copy whose page libvips reads as plain unsigned bits: a number of 64 bits as two of 32 side by side, upright, black
 * as zero.
 * @throws DataError for doubles that cannot be taken apart
 */
export function asUnsignedBits(bytes: Uint8Array, page: number, name: string): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const reader = new Reader(copy);
  const directory = reader.directories()[page]!;
  const set = (tag: number, value: number): void => {
    const entry = directory.get(tag);
    for (let i = 0; entry && i < entry.count; i++) reader.write(entry, i, value);
  };
  const { bits, width, samples, photometric } = pageOf(reader, directory);
  set(tags.format, 1);
  set(tags.orientation, 1);
  if (photometric === 0) set(tags.photometric, 1);
  if (bits === 64) {
    const planar = directory.get(tags.planar);
    const predictor = directory.get(tags.predictor);
    if ((predictor && reader.value(predictor) !== 1) || (samples > 1 && planar && reader.value(planar) === 2))
      throw new DataError(
        `${name}: cannot be decoded as an image (64-bit numbers with a predictor or in planes; save it with 32-bit numbers)`,
      );
    set(tags.bits, 32);
    set(tags.width, 2 * width);
    const tile = directory.get(tags.tileWidth);
    if (tile) set(tags.tileWidth, 2 * reader.value(tile));
  }
  return copy;
}

/** Whether the words of a 64-bit number lie with the greater first once libvips has turned each of them. */
export const isBigEndian = (bytes: Uint8Array): boolean => bytes[0] === 0x4d;
