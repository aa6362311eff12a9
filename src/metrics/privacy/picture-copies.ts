/**
 * Copies by their pictures: synthetic images that the search for near-duplicates (data/near.ts: perceptual hash, then
 * registration and correlation of the details) calls the picture of a training image. It sees through recompression,
 * small shifts and stretches, brightness, mirroring and turns by right angles, which matters where the generator was
 * trained with such augmentation. The held-out images go through the same search: what it finds there are no copies.
 */
import { alignSizePx } from '../../data/align.js';
import { type DuplicateThresholds, defaultThresholds } from '../../data/duplicates.js';
import { createNearTables, type NearPair, startNearSearch } from '../../data/near.js';
import { DataError } from '../../errors.js';
import { F } from '../../nn/index.js';
import { noGrad, type Tensor, tensor, tidy } from '../../torch/index.js';
import { type PrivacySets, setNames } from './sets.js';

export interface PictureCopy {
  /** Index of the synthetic image. */
  synthetic: number;
  /** Index of the training image that it shows. */
  train: number;
  /** Bits in which the perceptual hashes differ, of 63. */
  hamming: number;
  /** Correlation of the details after registration, up to 1. */
  correlation: number;
  /** Which symmetry of the square leads from the training to the synthetic image (data/phash.ts); 0 is none. */
  symmetry: number;
}

export interface PictureCopies {
  /** One for each synthetic image that shows a training image, with the one it shows best; the most alike first. */
  pairs: PictureCopy[];
  /** Held-out images that show a training image: the real sets have a picture in common, or the search errs. */
  heldOut: number;
  /** Real images that show one picture. Indices count the training images first, then the held-out ones. */
  realPairs: { a: number; b: number }[];
}

/** How each symmetry is said in words, from the training image to the synthetic one. */
export const symmetryNames: readonly string[] = [
  'as it is',
  'mirrored left to right',
  'mirrored top to bottom',
  'turned by 180°',
  'mirrored along a diagonal',
  'turned by 90°',
  'turned by 90°',
  'mirrored along a diagonal',
];

/** ITU-R BT.601, as the decoder's grey thumbnails. */
const LUMA = [0.299, 0.587, 0.114];
const IMAGES_PER_BATCH = 256;

/**
 * Time grows with training images × all images: about a second for 300 × 1,300.
 *
 * @param images uint8 [N, 3, H, W] each, of any sizes; the sets may differ in size
 * @throws DataError if a set has another form or is empty
 */
export function pictureCopies(
  images: PrivacySets,
  options: { thresholds?: DuplicateThresholds } = {},
): PictureCopies {
  for (const set of setNames) {
    const { shape, dtype } = images[set];
    if (shape.length !== 4 || shape[0]! < 1 || shape[1] !== 3 || dtype !== 'uint8') {
      throw new DataError(
        `copies: the images of ${set} must be bytes [N, 3, H, W] of at least one image, not ${dtype} [${shape.join(', ')}]`,
      );
    }
  }
  const [train, heldOut] = [images.train.shape[0]!, images.heldOut.shape[0]!];
  const real = train + heldOut;
  const found = searchTraining(images, options.thresholds ?? defaultThresholds);
  const best = new Map<number, NearPair>();
  for (const pair of found) {
    const other = best.get(pair.b);
    if (!other || pair.correlation > other.correlation) best.set(pair.b, pair);
  }
  return {
    pairs: [...best.values()]
      .filter(({ b }) => b >= real)
      .map(({ a, b, ...alike }) => ({ synthetic: b - real, train: a, ...alike }))
      .sort((p, q) => q.correlation - p.correlation || p.synthetic - q.synthetic),
    heldOut: [...best.keys()].filter((b) => b >= train && b < real).length,
    realPairs: found.filter(({ b }) => b < real).map(({ a, b }) => ({ a, b })),
  };
}

/** Pairs of a training image, a, with a later image of train, heldOut, synthetic in this order. */
function searchTraining(images: PrivacySets, thresholds: DuplicateThresholds): NearPair[] {
  const parts = setNames.map((set) => toThumbnails(images[set]));
  const thumbnails = new Uint8Array(new SharedArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0)));
  let at = 0;
  for (const part of parts) {
    thumbnails.set(part, at);
    at += part.length;
  }
  const tables = createNearTables(thumbnails);
  const search = startNearSearch({ tables, thresholds });
  search({ kind: 'prepare', from: 0, to: tables.count });
  return search({ kind: 'search', from: 0, to: images.train.shape[0]! });
}

/** Luma, squashed to 64×64: bytes [N, 64, 64]. */
function toThumbnails(images: Tensor): Uint8Array {
  const count = images.shape[0]!;
  const area = alignSizePx * alignSizePx;
  const thumbnails = new Uint8Array(count * area);
  for (let start = 0; start < count; start += IMAGES_PER_BATCH) {
    const bytes = tidy(() =>
      noGrad(() => {
        const rgb = images
          .narrow(0, start, Math.min(IMAGES_PER_BATCH, count - start))
          .to({ device: 'cpu', dtype: 'float32' });
        const luma = rgb.mul(tensor(LUMA, [1, 3, 1, 1])).sum([1], true); // [n, 1, H, W]
        return F.interpolate(luma, alignSizePx, 'bilinear', true)
          .round()
          .clamp({ min: 0, max: 255 })
          .to({ dtype: 'uint8' })
          .toArray() as Uint8Array;
      }),
    );
    thumbnails.set(bytes, start * area);
  }
  return thumbnails;
}
