/**
 * Copies by their pictures: synthetic images that the search for near-duplicates (data/near.ts: an index of sketches, then
 * registration and correlation of the details inside the field of view) calls the picture of a training image. It sees through recompression,
 * small shifts and stretches, brightness, mirroring and turns by right angles, which matters where the generator was
 * trained with such augmentation. The held-out images go through the same search: what it finds there are no copies.
 */

import { noGrad, type Tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { F } from 'graft-torch/nn';
import {
  type ContentMaps,
  contentArea,
  contentOf,
  contentSizePx,
  contentSourcePx,
  createBlur,
  createContentMaps,
  evidenceOf,
  type NearPair,
  searchNear,
  setContent,
} from '../../data/duplicates/index.js';
import { type PrivacySets, setNames } from './sets.js';

export interface PictureCopy {
  /** Index of the synthetic image. */
  synthetic: number;
  /** Index of the training image that it shows. */
  train: number;
  /** Mean correlation of the details after registration, up to 1. */
  correlation: number;
  /** Share of the picture that was compared and has details, 0…1. */
  informative: number;
  /** Which symmetry of the square leads from the training to the synthetic image (data/symmetry.ts); 0 is none. */
  symmetry: number;
}

export interface PictureCopies {
  /**
   * Pairs with more evidence than any held-out image has for a training image. Some have too little to be copies by that
   * alone: they are where the shrunken pictures say the same.
   */
  likely: PictureCopy[];
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

/**
 * Less than what joins images of a dataset (data/near.ts): a generator's copies are noisier, fewer pairs are compared, and
 * the held-out images tell how often the search errs.
 */
const copyEvidence = 0.5;
/** Of that evidence, the least that makes a pair likely. */
const likelyShare = 0.6;
const IMAGES_PER_BATCH = 256;

export interface PictureCopiesOptions {
  evidence?: number;
  /** Images compared with the others, of twice as many as there are: once as they are, once softened. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * About 20 ms an image.
 *
 * @param images uint8 [N, 3, H, W] each, of any sizes; the sets may differ in size
 * @throws DataError if a set has another form or is empty
 */
export function pictureCopies(images: PrivacySets, options: PictureCopiesOptions = {}): PictureCopies {
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
  const { evidence = copyEvidence, onProgress } = options;
  const { sharp, soft } = searchTraining(images, likelyShare * evidence, onProgress);
  const found = sharp.filter((pair) => evidenceOf(pair) >= evidence);
  const best = new Map<number, NearPair>();
  for (const pair of found) {
    const other = best.get(pair.b);
    if (!other || pair.correlation > other.correlation) best.set(pair.b, pair);
  }
  const copyOf = ({ a, b, correlation, informative, symmetry }: NearPair): PictureCopy => ({
    synthetic: b - real,
    train: a,
    correlation,
    informative,
    symmetry,
  });
  // More than any held-out image has by chance; those that show a training image say nothing of chance.
  const beyondChance = (pairs: readonly NearPair[]): NearPair[] => {
    const chance = pairs
      .filter(({ b }) => b >= train && b < real && !best.has(b))
      .reduce((most, pair) => Math.max(most, evidenceOf(pair)), 0);
    return pairs.filter((pair) => pair.b >= real && evidenceOf(pair) > chance);
  };
  return {
    likely: [sharp, soft].flatMap(beyondChance).map(copyOf),
    pairs: [...best.values()]
      .filter(({ b }) => b >= real)
      .map(copyOf)
      .sort((p, q) => q.correlation - p.correlation || p.synthetic - q.synthetic),
    heldOut: [...best.keys()].filter((b) => b >= train && b < real).length,
    realPairs: found.filter(({ b }) => b < real).map(({ a, b }) => ({ a, b })),
  };
}

/** Pairs of a training image, a, with a later image of train, heldOut, synthetic in this order. */
function searchTraining(
  images: PrivacySets,
  evidence: number,
  onProgress?: PictureCopiesOptions['onProgress'],
): { sharp: NearPair[]; soft: NearPair[] } {
  const counts = setNames.map((set) => images[set].shape[0]!);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const contents = createContentMaps(all);
  let from = 0;
  for (const set of setNames) from = readContents(images[set], contents, from);
  const ofTraining = (maps: ContentMaps, before: number) =>
    searchNear(maps, { evidence, onProgress: (done) => onProgress?.(before + done, 2 * all) }).filter(
      ({ a }) => a < counts[0]!,
    );
  // Once as they are, once without noise, which a generator may have laid over what it copies.
  return { sharp: ofTraining(contents, 0), soft: ofTraining(softened(contents), all) };
}

/** Content maps blurred by about a pixel of the images. */
function softened(contents: ContentMaps): ContentMaps {
  const soft = createContentMaps(contents.aspects.length);
  const blurs = new Map<number, ReturnType<typeof createBlur>>();
  const blurred = new Float32Array(contentArea);
  for (let i = 0; i < contents.aspects.length; i++) {
    const fill = contents.fills[i]!;
    const blur = blurs.get(fill) ?? createBlur(1 / fill, contentSizePx);
    blurs.set(fill, blur);
    const luma = contents.luma.subarray(i * contentArea, (i + 1) * contentArea);
    const inside = Float32Array.from(luma, (value) => (value > 0 ? 1 : 0));
    blur.within(inside).blur(Float32Array.from(luma), blurred);
    setContent(soft, i, {
      luma: Uint8Array.from(blurred, (value, k) => inside[k]! * Math.max(1, Math.round(value))),
      aspect: contents.aspects[i]!,
      fill,
    });
  }
  return soft;
}

/** Fills in the content maps of a set from an index on; returns where the next set begins. */
function readContents(images: Tensor, into: ContentMaps, from: number): number {
  const [count, , height, width] = images.shape as [number, number, number, number];
  const scale = Math.min(1, contentSourcePx / Math.max(height, width));
  const size = [Math.round(height * scale), Math.round(width * scale)] as const;
  const area = size[0] * size[1];
  for (let start = 0; start < count; start += IMAGES_PER_BATCH) {
    const many = Math.min(IMAGES_PER_BATCH, count - start);
    const bytes = tidy(() =>
      noGrad(() => {
        const part = images.narrow(0, start, many).to({ device: 'cpu' });
        const small =
          scale === 1
            ? part
            : F.interpolate(part.to({ dtype: 'float32' }), [...size], { mode: 'bilinear', antialias: true })
                .round()
                .clamp({ min: 0, max: 255 })
                .to({ dtype: 'uint8' });
        return small.permute([0, 2, 3, 1]).contiguous().toArray() as Uint8Array; // [n, H, W, 3]
      }),
    );
    for (let i = 0; i < many; i++) {
      const data = bytes.subarray(i * 3 * area, (i + 1) * 3 * area);
      setContent(into, from + start + i, contentOf({ data, height: size[0], width: size[1] }));
    }
  }
  return from + count;
}
