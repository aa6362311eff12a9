/** Contact sheets and PNG files from raw bytes, through sharp. */
import sharp from 'sharp';
import { DataError } from '../errors.js';
import { writeFileAtomic } from '../files.js';

/** Images as they lie in a uint8 tensor [n, 3, height, width]. */
export interface PlanarImages {
  data: Uint8Array;
  n: number;
  height: number;
  width: number;
}

export interface GridOptions {
  /** Images a row; by default about as many as rows. */
  columns?: number;
  /** Whole factor by which pixels are repeated, default 1. */
  scale?: number;
  /** Space between images, default 2. */
  gapPx?: number;
  /** A line under each image (or only the first ones), in small letters. */
  captions?: readonly string[];
}

/**
 * Encodes a picture.
 * @param pixels [height, width, channels] bytes; 1 channel grey, 3 RGB, 4 RGBA
 * @throws DataError if the number of bytes does not fit the shape
 */
export async function encodePng(
  pixels: Uint8Array,
  shape: { width: number; height: number; channels?: 1 | 3 | 4 },
): Promise<Buffer> {
  const { width, height, channels = 3 } = shape;
  if (pixels.length !== width * height * channels) {
    throw new DataError(
      `cannot encode a picture: ${pixels.length} bytes are not ${height}×${width}×${channels}`,
    );
  }
  return sharp(pixels, { raw: { width, height, channels } }).png({ compressionLevel: 9 }).toBuffer();
}

const CAPTION_PX = 16;

const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

/**
 * Lays images out on a white sheet, row by row.
 * @returns the PNG's bytes
 * @throws DataError if there is nothing to show or the bytes do not fit the shape
 */
export async function gridPng(images: PlanarImages, options: GridOptions = {}): Promise<Buffer> {
  const { data, n, height, width } = images;
  if (n < 1) throw new DataError('cannot make a grid of no images');
  if (data.length < n * 3 * height * width) {
    throw new DataError(`cannot make a grid: ${data.length} bytes are fewer than ${n}×3×${height}×${width}`);
  }
  const { columns = Math.ceil(Math.sqrt(n)), scale = 1, gapPx = 2, captions } = options;
  const columnsUsed = Math.min(columns, n);
  const rows = Math.ceil(n / columns);
  const cellWidth = width * scale + gapPx;
  const cellHeight = height * scale + gapPx + (captions ? CAPTION_PX : 0);
  const sheetWidth = columnsUsed * cellWidth + gapPx;
  const sheetHeight = rows * cellHeight + gapPx;
  const sheet = new Uint8Array(sheetWidth * sheetHeight * 3).fill(255);
  const plane = height * width;
  for (let k = 0; k < n; k++) {
    const left = gapPx + (k % columns) * cellWidth;
    const top = gapPx + Math.floor(k / columns) * cellHeight;
    for (let y = 0; y < height * scale; y++) {
      const from = k * 3 * plane + Math.floor(y / scale) * width;
      let to = ((top + y) * sheetWidth + left) * 3;
      for (let x = 0; x < width * scale; x++) {
        const at = from + Math.floor(x / scale);
        sheet[to++] = data[at]!;
        sheet[to++] = data[at + plane]!;
        sheet[to++] = data[at + 2 * plane]!;
      }
    }
  }
  const shape = { width: sheetWidth, height: sheetHeight };
  if (!captions) return encodePng(sheet, shape);
  const texts = captions.slice(0, n).map((caption, k) => {
    const x = gapPx + (k % columns) * cellWidth + (width * scale) / 2;
    const y = gapPx + Math.floor(k / columns) * cellHeight + height * scale + CAPTION_PX - 5;
    return `<text x="${x}" y="${y}">${escapeXml(caption)}</text>`;
  });
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${sheetWidth}" height="${sheetHeight}">` +
    '<style>text{font:11px sans-serif;text-anchor:middle;fill:#333}</style>' +
    `${texts.join('')}</svg>`;
  return sharp(sheet, { raw: { ...shape, channels: 3 } })
    .composite([{ input: Buffer.from(svg) }])
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** Writes {@link gridPng} to a file, whole or not at all. */
export async function writeGridPng(
  images: PlanarImages,
  path: string,
  options: GridOptions = {},
): Promise<void> {
  writeFileAtomic(path, await gridPng(images, options));
}
