/**
 * Samples as they are stored, where a file holds more than 8-bit pixels for the screen: 12 bits in 16, signed values,
 * floats, and the page of a TIFF that is not its first. `intensity.ts` makes pixels of them.
 */

import { DataError } from 'graft-torch/base';
import sharp from 'sharp';
import { decodeFailure, requireReadable, strictDecoding, withImage } from './source.js';
import { asUnsignedBits, isBigEndian, isTiff, type SampleFormat, type TiffPage, tiffPages } from './tiff.js';

/** A page of a TIFF file: its number from 1 on, or the first, middle or last. */
export type PageChoice = number | 'first' | 'middle' | 'last';

/** What a file's header says of its samples. */
export interface SampleHeader {
  /** Null: 8 bits, or a colour space that libvips turns into sRGB by itself: `decodeImage` takes the file as it is. */
  deep: {
    format: SampleFormat;
    bits: number;
    /** The whole range is in use by convention: decoders of this format spread their bits over it. */
    spread: boolean;
    /** What the file itself says is black and white. */
    declared: readonly [number, number] | null;
  } | null;
  /** From 0 on. */
  page: number;
  /** `tiff 16-bit`, `png 8-bit`, … */
  kind: string;
}

export interface Samples {
  /** `[height, width, channels]`; the values that the file means, whatever bits they took. */
  values:
    | Uint16Array
    | Uint32Array
    | Int8Array
    | Int16Array
    | Int32Array
    | Float32Array
    | Float64Array
    | Uint8Array;
  width: number;
  height: number;
  /** 2 and 4: the last is opacity. 5 and more: of the others the first or the first three are the picture. */
  channels: number;
  /** The last of the channels is opacity. */
  hasAlpha: boolean;
  /** EXIF's number of the way to turn it. */
  orientation: number;
  /** Zero is white. */
  inverted: boolean;
}

/**
 * What a file is, from its first bytes.
 * @param page of a TIFF; default: the only one, or the largest where the others are previews or masks of it
 * @throws DataError for a TIFF whose pages are several pictures, naming them and the remedy
 */
export async function sampleHeader(
  bytes: Uint8Array,
  name: string,
  page?: PageChoice,
): Promise<SampleHeader> {
  const { name: kind } = requireReadable(bytes, name);
  if (isTiff(bytes)) return tiffHeader(bytes, name, page);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return { deep: null, page: 0, kind: 'jpeg 8-bit' };
  const { depth = 'uchar', space, format } = await withImage(bytes, (image) => image.metadata(), { name });
  const deep = depth === 'ushort' && (space === 'grey16' || space === 'rgb16');
  return {
    deep: deep ? { format: 'unsigned', bits: 16, spread: format !== 'png', declared: null } : null,
    page: 0,
    kind: `${kind.toLowerCase()} ${depth === 'ushort' ? 16 : 8}-bit`,
  };
}

function tiffHeader(bytes: Uint8Array, name: string, choice: PageChoice | undefined): SampleHeader {
  const pages = tiffPages(bytes, name);
  if (pages.length === 0)
    throw new DataError(`${name}: cannot be decoded as an image (a TIFF file without a page)`);
  const page = pages.length === 1 ? 0 : choosePage(pages, name, choice);
  const { bits, format, photometric, declared } = pages[page]!;
  const plain = (bits <= 8 && format !== 'signed') || photometric > 2;
  if (!plain && !(bits === 8 || bits === 16 || bits === 32 || (bits === 64 && format === 'float')))
    throw new DataError(
      `${name}: cannot be decoded as an image (${bits}-bit numbers in a TIFF file are not read; save it with 16)`,
    );
  const word = format === 'unsigned' ? '' : format === 'signed' ? 'signed ' : '';
  return {
    deep: plain ? null : { format, bits, spread: false, declared },
    page,
    kind: `tiff ${word}${bits}-bit${format === 'float' ? ' float' : ''}`,
  };
}

function choosePage(pages: readonly TiffPage[], name: string, choice: PageChoice | undefined): number {
  const last = pages.length - 1;
  if (choice === 'first') return 0;
  if (choice === 'last') return last;
  if (choice === 'middle') return last >> 1;
  if (choice !== undefined) {
    if (choice <= pages.length) return choice - 1;
    throw new DataError(`${name}: cannot be decoded as an image (page ${choice} of ${pages.length})`);
  }
  const area = ({ width, height }: TiffPage): number => width * height;
  const own = pages.filter((page) => !page.secondary);
  const candidates = own.length > 0 ? own : pages;
  const most = Math.max(...candidates.map(area));
  const largest = candidates.filter((page) => area(page) === most);
  if (largest.length === 1) return pages.indexOf(largest[0]!);
  const sizes = [...new Set(pages.map(({ width, height }) => `${width} × ${height}`))];
  throw new DataError(
    `${name}: cannot be decoded as an image (${pages.length} pages of ${sizes.slice(0, 3).join(', ')}${sizes.length > 3 ? ', …' : ''} px, ${largest.length} of the largest size: choose one with --page first, middle, last or its number)`,
  );
}

/**
 * Decodes the samples of a deep file.
 * @throws DataError as `decodeImage`
 */
export async function readSamples(bytes: Uint8Array, { page }: SampleHeader, name: string): Promise<Samples> {
  const tiff = isTiff(bytes) ? tiffPages(bytes, name)[page]! : null;
  // libvips reads unsigned 16 bits and 32-bit floats as they are; all else it would clip.
  const asStored =
    !tiff ||
    ((tiff.format === 'unsigned' ? tiff.bits <= 32 : tiff.bits === 32 && tiff.format === 'float') &&
      tiff.photometric > 0);
  const source = tiff && !(asStored && tiff.orientation === 1) ? asUnsignedBits(bytes, page, name) : bytes;
  try {
    const image = sharp(source, { ...strictDecoding, ...(tiff ? { page } : {}) });
    const { space, depth, orientation } = await image.metadata();
    const { data, info } = await image
      .toColourspace(space)
      .raw({ depth })
      .toBuffer({ resolveWithObject: true });
    const values = tiff ? asMeant(data, tiff, isBigEndian(bytes)) : typed(Uint16Array, data);
    const { width, height } = tiff ?? info;
    return {
      values,
      width,
      height,
      channels: values.length / (width * height),
      hasAlpha: tiff ? tiff.hasAlpha : info.channels % 2 === 0,
      orientation: tiff?.orientation ?? orientation ?? 1,
      inverted: tiff?.photometric === 0,
    };
  } catch (cause) {
    throw decodeFailure(cause, name);
  }
}

type Typed<Values> = { new (buffer: ArrayBuffer): Values; BYTES_PER_ELEMENT: number };

/** A copy, since sharp's buffers may begin anywhere. */
const typed = <Values>(Kind: Typed<Values>, data: Uint8Array): Values =>
  new Kind(Uint8Array.from(data).buffer);

/** The bits that libvips handed out as the numbers that they are. */
function asMeant(data: Uint8Array, { format, bits }: TiffPage, bigEndian: boolean): Samples['values'] {
  if (format === 'signed')
    return bits === 8
      ? typed(Int8Array, data)
      : bits === 16
        ? typed(Int16Array, data)
        : typed(Int32Array, data);
  if (format === 'unsigned')
    return bits === 16
      ? typed(Uint16Array, data)
      : bits === 32
        ? typed(Uint32Array, data)
        : typed(Uint8Array, data);
  if (bits === 16) return Float32Array.from(typed(Uint16Array, data), halfToNumber);
  if (bits === 32) return typed(Float32Array, data);
  const words = typed(Uint32Array, data);
  if (bigEndian)
    for (let i = 0; i < words.length; i += 2) [words[i], words[i + 1]] = [words[i + 1]!, words[i]!];
  return new Float64Array(words.buffer);
}

/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
