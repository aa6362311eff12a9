/** What the files and their pixels give away: measured anew from the images of a dataset. */
import { extname } from 'node:path';
import { DataError, readBytesAsync } from 'graft-torch/base';
import { forEachParallel } from '../../base/index.js';
import { type ImageTraits, jpegQuality, measureTraits } from '../../image/index.js';
import { type Dataset, imagePath } from '../dataset/dataset.js';
import { categoricalFeature, type Feature, numericFeature } from './levels.js';

const pixelTraits: readonly (readonly [string, keyof ImageTraits])[] = [
  ['brightness', 'brightness'],
  ['saturation', 'saturation'],
  ['hair', 'hairShare'],
  ['vignette', 'vignette'],
  ['sharpness', 'sharpness'],
];

/**
 * Size, format and JPEG quality of every file, and with `pixels` what can be measured in the picture without knowing
 * what it shows.
 * @returns features; a note names what is the same for all images
 * @throws DataError naming the file that is missing or cannot be decoded
 */
export async function traitFeatures(
  dataset: Dataset,
  options: {
    pixels: boolean;
    onProgress?: (done: number, total: number) => void;
    signal?: AbortSignal;
  },
): Promise<{ features: Feature[]; notes: string[] }> {
  const { rows } = dataset;
  const bytes: number[] = new Array(rows.length);
  const quality: (number | null)[] = new Array(rows.length).fill(null);
  const traits: ImageTraits[] = new Array(rows.length);
  let done = 0;
  options.onProgress?.(0, rows.length);
  await forEachParallel(
    rows.length,
    async (i) => {
      const path = imagePath(dataset, rows[i]!);
      const content = await readImage(path);
      bytes[i] = content.length;
      quality[i] = jpegQuality(content);
      if (options.pixels) traits[i] = await measureTraits(content, path);
      options.onProgress?.(++done, rows.length);
    },
    { signal: options.signal },
  );
  const format = (file: string): string =>
    extname(file)
      .slice(1)
      .toLowerCase()
      .replace(/^jpe?g?$/, 'jpeg');
  const candidates: [string, Feature | string][] = [
    [
      'width',
      numericFeature(
        { feature: 'width', source: 'file' },
        rows.map((row) => row.width),
      ),
    ],
    [
      'height',
      numericFeature(
        { feature: 'height', source: 'file' },
        rows.map((row) => row.height),
      ),
    ],
    [
      'aspect ratio',
      numericFeature(
        { feature: 'aspect ratio', source: 'file' },
        rows.map(({ width, height }) => width / height),
      ),
    ],
    ['file size', numericFeature({ feature: 'file size', source: 'file' }, bytes)],
    [
      'format',
      categoricalFeature(
        { feature: 'format', source: 'file' },
        rows.map(({ file }) => format(file)),
      ),
    ],
    ['JPEG quality', numericFeature({ feature: 'JPEG quality', source: 'file' }, quality)],
    ...(options.pixels ? pixelTraits : []).map(([name, key]): [string, Feature | string] => [
      name,
      numericFeature(
        { feature: name, source: 'pixels' },
        traits.map((own) => own[key]),
      ),
    ]),
  ];
  const constant = candidates.filter(([, feature]) => typeof feature === 'string').map(([name]) => name);
  return {
    features: candidates.flatMap(([, feature]) => (typeof feature === 'string' ? [] : [feature])),
    notes:
      constant.length === 0 ? [] : [`The same for all images but a few at most: ${constant.join(', ')}.`],
  };
}

async function readImage(path: string): Promise<Uint8Array> {
  try {
    return await readBytesAsync(path);
  } catch (cause) {
    throw new DataError(`${(cause as Error).message}; put it back, or import again`, { cause });
  }
}
