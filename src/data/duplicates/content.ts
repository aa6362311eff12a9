/**
 * What a picture shows, at one scale: the luma of its field of view (image/field.ts), squashed to 64×64. A copy behind
 * an aperture, or padded to a square, has the map of the original but for a crop. 0 marks what lies outside the field;
 * inside, black is 1.
 */

import type { ImageSource, ReadOptions } from '../../image/index.js';
import { type DecodedImage, decodeSmall, findField } from '../../image/index.js';

/** Side of the maps, in pixels. */
export const contentSizePx = 64;
export const contentArea = contentSizePx * contentSizePx;

export interface Content {
  /** `[64, 64]` */
  luma: Uint8Array;
  /** Width by height of the field, in pixels of the image. */
  aspect: number;
  /** How far the image's own pixels fill the map, along a side: 1 or less. An enlarged picture has fewer details than pixels. */
  fill: number;
}

/** Content maps of many images, in memory that threads share. */
export interface ContentMaps {
  /** `[N, 64, 64]` */
  luma: Uint8Array;
  aspects: Float32Array;
  fills: Float32Array;
}

export const createContentMaps = (count: number): ContentMaps => ({
  luma: new Uint8Array(new SharedArrayBuffer(count * contentArea)),
  aspects: new Float32Array(new SharedArrayBuffer(4 * count)),
  fills: new Float32Array(new SharedArrayBuffer(4 * count)),
});

export function setContent(maps: ContentMaps, i: number, { luma, aspect, fill }: Content): void {
  maps.luma.set(luma, i * contentArea);
  maps.aspects[i] = aspect;
  maps.fills[i] = fill;
}

/** The maps of some images, in this order. */
export function gatherContents(maps: ContentMaps, images: readonly number[]): ContentMaps {
  const some = createContentMaps(images.length);
  images.forEach((from, to) => {
    const luma = maps.luma.subarray(from * contentArea, (from + 1) * contentArea);
    setContent(some, to, { luma, aspect: maps.aspects[from]!, fill: maps.fills[from]! });
  });
  return some;
}

/** Fields are found, and maps made, from images of this size along the longer side. */
export const contentSourcePx = 160;

/**
 * @returns the map, and the size of the upright image
 * @throws DataError as `decodeImage`
 */
export async function readContent(
  source: ImageSource,
  options: ReadOptions = {},
): Promise<{ content: Content; width: number; height: number }> {
  const { small, ...size } = await decodeSmall(source, contentSourcePx, options);
  return { content: contentOf(small), ...size };
}

/** @param image of {@link contentSourcePx} or less */
export function contentOf(image: DecodedImage): Content {
  const field = findField(image);
  const { box } = field;
  const [width, height] = [image.width, image.height];
  const columns = axisWeights(width, box.left, box.right);
  const rows = axisWeights(height, box.top, box.bottom);
  const narrow = new Float64Array(height * contentSizePx);
  for (let y = 0; y < height; y++)
    columns.forEach(({ first, weights }, x) => {
      let sum = 0;
      for (let t = 0, at = 3 * (y * width + first); t < weights.length; t++, at += 3)
        sum +=
          weights[t]! * (0.299 * image.data[at]! + 0.587 * image.data[at + 1]! + 0.114 * image.data[at + 2]!);
      narrow[y * contentSizePx + x] = sum;
    });
  const luma = new Uint8Array(contentArea);
  rows.forEach(({ first, weights, centre }, y) => {
    const row = Math.min(field.height - 1, Math.floor((centre * field.height) / height)) * field.width;
    for (let x = 0; x < contentSizePx; x++) {
      const column = Math.min(field.width - 1, Math.floor((columns[x]!.centre * field.width) / width));
      if (!field.inside[row + column]) continue;
      let sum = 0;
      for (let t = 0; t < weights.length; t++) sum += weights[t]! * narrow[(first + t) * contentSizePx + x]!;
      luma[y * contentSizePx + x] = Math.max(1, Math.round(sum));
    }
  });
  const [across, down] = [(box.right - box.left) * width, (box.bottom - box.top) * height];
  return { luma, aspect: across / down, fill: Math.min(1, Math.sqrt(across * down) / contentSizePx) };
}

interface PixelWeights {
  first: number;
  weights: number[];
  /** In pixels of the image. */
  centre: number;
}

/** A triangle about the centre of each pixel of the map, as wide as two of them, or of the image's. */
function axisWeights(length: number, from: number, to: number): PixelWeights[] {
  const scale = ((to - from) * length) / contentSizePx;
  const reach = Math.max(1, scale);
  return Array.from({ length: contentSizePx }, (_, i) => {
    const centre = from * length + (i + 0.5) * scale;
    const first = Math.max(0, Math.min(length - 1, Math.ceil(centre - reach - 0.5)));
    const last = Math.max(first, Math.min(length - 1, Math.floor(centre + reach - 0.5)));
    const weights = Array.from({ length: last - first + 1 }, (_, t) =>
      Math.max(1e-9, 1 - Math.abs(first + t + 0.5 - centre) / reach),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum), centre };
  });
}
