/**
 * BMP files → pixels: 1, 2, 4, 8, 16, 24 and 32 bits a pixel, with palettes, bit fields and both run-length codes, from the
 * bottom up or from the top down (Microsoft's BITMAPFILEHEADER, -COREHEADER, -INFOHEADER, -V4HEADER, -V5HEADER).
 *
 * libvips is built without a reader of its own, and of the libraries on npm none reads all of this: one leaves palettes
 * to its caller and takes a picture from the top down for one from the bottom up, another shifts rows of 4 bits and of runs.
 */

export interface BmpPixels {
  /** `[height, width, channels]`, interleaved, 0…255. */
  data: Uint8Array;
  width: number;
  height: number;
  /** 1: grey; 3: RGB; 4: with transparency. */
  channels: 1 | 3 | 4;
}

interface Header {
  width: number;
  height: number;
  topDown: boolean;
  bits: number;
  compression: number;
  palette: Uint8Array[];
  /** Of red, green, blue, alpha; for 16 and 32 bits. */
  masks: [number, number, number, number];
  pixelsAt: number;
}

/** Compressions (wingdi.h). */
const plain = 0;
const rle8 = 1;
const rle4 = 2;
const bitFields = 3;
const alphaBitFields = 6;

/** As the decoder of other files: no larger picture is read. */
const maxPixels = 1 << 28;

/**
 * Decodes a whole file.
 * @throws Error with the reason when it is damaged, cut off, or of a kind that is not read
 */
export function decodeBmp(bytes: Uint8Array): BmpPixels {
  const header = readHeader(bytes);
  const { width, bits, compression } = header;
  if (compression === rle4 || compression === rle8) return throughPalette(header, unpackRuns(bytes, header));
  if (compression !== plain && compression !== bitFields && compression !== alphaBitFields)
    throw new Error(`BMP compression ${compression} is not read; save it without`);
  const stride = Math.ceil((width * bits) / 32) * 4;
  const needed = header.pixelsAt + stride * (header.height - 1) + Math.ceil((width * bits) / 8);
  if (bytes.length < needed) throw new Error(`cut off: ${needed} bytes expected, ${bytes.length} found`);
  const rows = rowsOf(bytes, header, stride);
  if (bits <= 8) return throughPalette(header, unpackIndices(header, rows));
  return bits === 24 ? unpackBgr(header, rows) : unpackFields(header, rows);
}

function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.byteLength >= 18 ? view.getUint32(14, true) : 0;
  if (bytes[0] !== 0x42 || bytes[1] !== 0x4d || view.byteLength < 14 + Math.max(size, 12))
    throw new Error('cut off in its header');
  const isCore = size === 12;
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  const bits = view.getUint16(isCore ? 24 : 28, true);
  const compression = size >= 20 ? view.getUint32(30, true) : plain;
  if (width < 1 || height < 1) throw new Error(`${width} × ${signedHeight} pixels in the header`);
  if (width * height > maxPixels) throw new Error(`${width} × ${height} pixels are more than are read`);
  if (![1, 2, 4, 8, 16, 24, 32].includes(bits)) throw new Error(`${bits} bits a pixel`);
  const fits =
    compression === rle8
      ? bits === 8
      : compression === rle4
        ? bits === 4
        : compression === plain || bits === 16 || bits === 32;
  if (!fits) throw new Error(`compression ${compression} does not fit ${bits} bits a pixel`);
  const pixelsAt = view.getUint32(10, true);
  const used = size >= 36 ? view.getUint32(46, true) : 0;
  const hasFields = compression === bitFields || compression === alphaBitFields;
  // The three or four masks follow a header of 40 bytes and are part of longer ones.
  const paletteAt = 14 + size + (hasFields && size === 40 ? (compression === alphaBitFields ? 16 : 12) : 0);
  return {
    width,
    height,
    topDown: signedHeight < 0,
    bits,
    compression,
    palette:
      bits <= 8 ? readPalette(bytes, paletteAt, { entryBytes: isCore ? 3 : 4, used: used || 2 ** bits }) : [],
    masks: hasFields ? readMasks(view, size, compression) : usualMasks(bits),
    pixelsAt,
  };
}

const usualMasks = (bits: number): Header['masks'] =>
  bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0xff00, 0xff, 0];

function readMasks(view: DataView, size: number, compression: number): Header['masks'] {
  const hasAlpha = size >= 56 || compression === alphaBitFields;
  if (view.byteLength < 54 + (hasAlpha ? 16 : 12)) throw new Error('cut off in its header');
  const [red, green, blue, alpha] = [0, 4, 8, 12].map((at) =>
    at < 12 || hasAlpha ? view.getUint32(54 + at, true) : 0,
  );
  return [red!, green!, blue!, alpha!];
}

/** RGB of each entry; indices beyond the last are refused where they are used. */
function readPalette(
  bytes: Uint8Array,
  at: number,
  { entryBytes, used }: { entryBytes: number; used: number },
) {
  const end = at + used * entryBytes;
  if (used > 256 || end > bytes.length) throw new Error('cut off in its palette');
  return Array.from({ length: used }, (_, i) => {
    const [blue, green, red] = bytes.subarray(at + i * entryBytes);
    return Uint8Array.of(red!, green!, blue!);
  });
}

/** The stored rows from the top of the picture to its bottom. */
function rowsOf(bytes: Uint8Array, { height, topDown, pixelsAt }: Header, stride: number): Uint8Array[] {
  return Array.from({ length: height }, (_, y) => {
    const at = pixelsAt + (topDown ? y : height - 1 - y) * stride;
    return bytes.subarray(at, at + stride);
  });
}

function unpackIndices({ width, height, bits }: Header, rows: readonly Uint8Array[]): Uint8Array {
  const indices = new Uint8Array(width * height);
  const mask = 2 ** bits - 1;
  rows.forEach((row, y) => {
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      indices[y * width + x] = (row[bit >> 3]! >> (8 - bits - (bit & 7))) & mask;
    }
  });
  return indices;
}

/**
 * Runs of indices; 0 announces a command: the end of a row (0) or of the picture (1), a jump (2), or so many single
 * indices. What is jumped over is index 0. Data that end before the picture does are cut off.
 */
function unpackRuns(
  bytes: Uint8Array,
  { width, height, topDown, compression, pixelsAt }: Header,
): Uint8Array {
  const indices = new Uint8Array(width * height);
  const isNibbles = compression === rle4;
  let [x, y, at] = [0, 0, pixelsAt];
  const next = (): number => {
    if (at >= bytes.length) throw new Error('cut off in its run-length code');
    return bytes[at++]!;
  };
  const put = (index: number): void => {
    if (x >= width || y >= height) return; // runs may end in padding
    indices[(topDown ? y : height - 1 - y) * width + x++] = index;
  };
  while (y < height) {
    const count = next();
    const value = next();
    if (count > 0) {
      for (let i = 0; i < count; i++) put(isNibbles ? (i & 1 ? value & 15 : value >> 4) : value);
    } else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) break;
    else if (value === 2) {
      x += next();
      y += next();
    } else {
      const length = isNibbles ? (value + 1) >> 1 : value;
      for (let i = 0; i < length; i++) {
        const byte = next();
        if (!isNibbles) put(byte);
        else {
          put(byte >> 4);
          if (2 * i + 1 < value) put(byte & 15);
        }
      }
      if (length & 1) next(); // commands begin at even places
    }
    // The last row's end need not be marked.
    if (y === height - 1 && x >= width) break;
  }
  return indices;
}

function throughPalette({ width, height, palette }: Header, indices: Uint8Array): BmpPixels {
  const isGrey = palette.every(([red, green, blue]) => red === green && green === blue);
  const channels = isGrey ? 1 : 3;
  const data = new Uint8Array(channels * indices.length);
  for (let i = 0; i < indices.length; i++) {
    const colour = palette[indices[i]!];
    if (!colour) throw new Error(`colour ${indices[i]} of a palette of ${palette.length}`);
    for (let c = 0; c < channels; c++) data[channels * i + c] = colour[c]!;
  }
  return { data, width, height, channels };
}

function unpackBgr({ width, height }: Header, rows: readonly Uint8Array[]): BmpPixels {
  const data = new Uint8Array(3 * width * height);
  rows.forEach((row, y) => {
    for (let x = 0, to = 3 * y * width; x < 3 * width; x += 3, to += 3) {
      data[to] = row[x + 2]!;
      data[to + 1] = row[x + 1]!;
      data[to + 2] = row[x]!;
    }
  });
  return { data, width, height, channels: 3 };
}

/** Of 16 and 32 bits: a mask says which bits a channel has; its greatest value is 255. */
function unpackFields({ width, height, bits, masks }: Header, rows: readonly Uint8Array[]): BmpPixels {
  const fields = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { mask, shift, greatest: mask >>> shift || 1 };
  });
  const data = new Uint8Array(4 * width * height);
  let opaque = 0;
  rows.forEach((row, y) => {
    const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
    for (let x = 0, to = 4 * y * width; x < width; x++, to += 4) {
      const word = bits === 16 ? view.getUint16(2 * x, true) : view.getUint32(4 * x, true);
      for (let c = 0; c < 4; c++) {
        const { mask, shift, greatest } = fields[c]!;
        data[to + c] = Math.floor((255 * ((word & mask) >>> shift)) / greatest);
      }
      opaque |= data[to + 3]!;
    }
  });
  // Nearly all writers that leave alpha at 0 everywhere mean a picture without any.
  const hasAlpha = masks[3] !== 0 && opaque !== 0;
  if (hasAlpha) return { data, width, height, channels: 4 };
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) rgb.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  return { data: rgb, width, height, channels: 3 };
}
