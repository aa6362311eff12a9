/** Contact sheets and PNG files from raw bytes, through sharp. */

import { DataError, writeFileAtomic } from 'graft-torch/base';
import sharp from 'sharp';
import type { Channels } from './channels.js';
import { LABEL_SIZE_PX, type Label, labelOverlay, lineHeightPx, textWidthPx } from './overlay.js';

/** Images as they lie in a uint8 tensor [n, 3, height, width]. */
export interface PlanarImages {
  data: Uint8Array;
  n: number;
  height: number;
  width: number;
  /** Default 3. */
  channels?: Channels;
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
  /** Size of the letters of captions, column titles and row labels; default 11. */
  labelSizePx?: number;
  /** A line above the whole sheet. */
  title?: string;
  /** A word above each column. */
  columnTitles?: readonly string[];
  /** A word to the left of each row. */
  rowLabels?: readonly string[];
  /** Columns that stand apart from the rest on their left: a wider gap follows each of them. */
  breakAfter?: readonly number[];
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
  const image = sharp(pixels, { raw: { width, height, channels } });
  if (channels === 1) image.toColourspace('b-w'); // else the file has three channels
  return image.png({ compressionLevel: 9 }).toBuffer();
}

const TITLE_PX = 24;
const TITLE_SIZE_PX = 14;
const BREAK_PX = 10;

/** Where everything on a sheet stands, in px. */
interface Layout {
  width: number;
  height: number;
  /** Upper left corner of image k. */
  corner(k: number): { left: number; top: number };
  labels: Label[];
}

function layOut({ n, height, width }: PlanarImages, options: GridOptions): Layout {
  const { columns = Math.ceil(Math.sqrt(n)), scale = 1, gapPx = 2, breakAfter = [] } = options;
  const { captions, title, columnTitles, rowLabels, labelSizePx: sizePx = LABEL_SIZE_PX } = options;
  const linePx = lineHeightPx(sizePx);
  const columnsUsed = Math.min(columns, n);
  const rows = Math.ceil(n / columns);
  const [imageWidth, imageHeight] = [width * scale, height * scale];
  const cellHeight = imageHeight + gapPx + (captions ? linePx : 0);
  const margin = rowLabels ? Math.max(...rowLabels.map((text) => textWidthPx(text, sizePx))) + 8 : 0;
  const head = (title === undefined ? 0 : TITLE_PX) + (columnTitles ? linePx : 0);
  const leftOf = (column: number): number =>
    margin +
    gapPx +
    column * (imageWidth + gapPx) +
    BREAK_PX * breakAfter.filter((after) => after < column).length;
  const topOf = (row: number): number => head + gapPx + row * cellHeight;
  const corner = (k: number) => ({ left: leftOf(k % columns), top: topOf(Math.floor(k / columns)) });

  const labels: Label[] = [];
  if (title !== undefined)
    labels.push({
      text: title,
      x: margin + gapPx,
      y: 17,
      anchor: 'start',
      sizePx: TITLE_SIZE_PX,
      bold: true,
    });
  columnTitles?.slice(0, columnsUsed).forEach((text, column) => {
    labels.push({ text, x: leftOf(column) + imageWidth / 2, y: head - 3, sizePx, bold: true });
  });
  rowLabels?.slice(0, rows).forEach((text, row) => {
    labels.push({
      text,
      x: margin - 6,
      y: topOf(row) + imageHeight / 2 + 4,
      anchor: 'end',
      sizePx,
      bold: true,
    });
  });
  captions?.slice(0, n).forEach((text, k) => {
    const { left, top } = corner(k);
    labels.push({ text, x: left + imageWidth / 2, y: top + imageHeight + sizePx, sizePx });
  });
  const sheetWidth = leftOf(columnsUsed - 1) + imageWidth + gapPx;
  return {
    width: Math.max(sheetWidth, title === undefined ? 0 : margin + textWidthPx(title, TITLE_SIZE_PX)),
    height: topOf(rows - 1) + cellHeight,
    corner,
    labels,
  };
}

/**
 * Lays images out on a white sheet, row by row.
 * @returns the PNG's bytes
 * @throws DataError if there is nothing to show or the bytes do not fit the shape
 */
export async function gridPng(images: PlanarImages, options: GridOptions = {}): Promise<Buffer> {
  const { data, n, height, width } = images;
  if (n < 1) throw new DataError('cannot make a grid of no images');
  const { channels = 3 } = images;
  if (data.length < n * channels * height * width) {
    throw new DataError(
      `cannot make a grid: ${data.length} bytes are fewer than ${n}×${channels}×${height}×${width}`,
    );
  }
  const { scale = 1 } = options;
  const layout = layOut(images, options);
  const sheet = new Uint8Array(layout.width * layout.height * 3).fill(255);
  const plane = height * width;
  const [green, blue] = channels === 1 ? [0, 0] : [plane, 2 * plane];
  for (let k = 0; k < n; k++) {
    const { left, top } = layout.corner(k);
    for (let y = 0; y < height * scale; y++) {
      const from = k * channels * plane + Math.floor(y / scale) * width;
      let to = ((top + y) * layout.width + left) * 3;
      for (let x = 0; x < width * scale; x++) {
        const at = from + Math.floor(x / scale);
        sheet[to++] = data[at]!;
        sheet[to++] = data[at + green]!;
        sheet[to++] = data[at + blue]!;
      }
    }
  }
  const shape = { width: layout.width, height: layout.height };
  if (layout.labels.length === 0) return encodePng(sheet, shape);
  return sharp(sheet, { raw: { ...shape, channels: 3 } })
    .composite([{ input: labelOverlay(layout.labels, shape) }])
    .removeAlpha()
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/**
 * Pictures side by side, each at its own size, on white.
 * @param pngs encoded pictures, from left to right
 * @returns one PNG's bytes
 */
export async function besidePng(pngs: readonly Uint8Array[], gapPx = 16): Promise<Buffer> {
  if (pngs.length === 0) throw new DataError('cannot put no pictures side by side');
  const sizes = await Promise.all(pngs.map((png) => sharp(png).metadata()));
  let width = -gapPx;
  const placed = pngs.map((input, i) => {
    const left = width + gapPx;
    width = left + sizes[i]!.width;
    return { input: Buffer.from(input), left, top: 0 };
  });
  const height = Math.max(...sizes.map((size) => size.height));
  return sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite(placed)
    .removeAlpha()
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
