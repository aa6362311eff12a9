/**
 * What `backbones.ts` does to real images, in known amounts: each way has levels from little to much, so that a score that is
 * worth its name follows them. Some change pixels, the others choose which images there are.
 */
import { randn, type Tensor, tensor, tidy, withSeed } from 'graft-torch';
import { filterEach } from '../src/data/augment/blur.js';
import { decodeImage, encodeImage, toPlanar } from '../src/image/index.js';

/** A change of every image by itself: uint8 `[N, 3, H, W]` → the same. */
export interface PixelChange {
  readonly name: string;
  readonly unit: string;
  readonly levels: readonly number[];
  apply(images: Tensor, level: number): Tensor | Promise<Tensor>;
}

const toBytes = (values: Tensor): Tensor => values.round().clamp({ min: 0, max: 255 }).to({ dtype: 'uint8' });

/** Independent in every value; the same images get the same noise. */
const noise: PixelChange = {
  name: 'noise',
  unit: 'SD, of 255',
  levels: [5, 10, 20, 40],
  apply: (images, level) =>
    withSeed(level, () =>
      tidy(() => toBytes(images.float().add(randn(images.shape, { device: 'cpu' }).mul(level)))),
    ),
};

/** A Gaussian out to three deviations. */
const blur: PixelChange = {
  name: 'blur',
  unit: 'SD, px',
  levels: [0.5, 1, 2, 4],
  apply: (images, level) => {
    const reach = Math.ceil(3 * level);
    const row = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / level) ** 2));
    const total = row.reduce((sum, value) => sum + value, 0);
    const kernel = row.flatMap((a) => row.map((b) => (a * b) / total ** 2));
    return tidy(() => toBytes(filterEach(images.float(), Array(images.shape[0]!).fill(kernel))));
  },
};

const jpeg: PixelChange = {
  name: 'JPEG',
  unit: 'quality',
  levels: [90, 70, 50, 30, 10],
  apply: async (images, quality) => {
    const [n, , height, width] = images.shape as [number, number, number, number];
    const places = height * width;
    const planar = images.toArray() as Uint8Array;
    const made = new Uint8Array(planar.length);
    for (let i = 0; i < n; i++) {
      const from = 3 * places * i;
      const data = new Uint8Array(3 * places);
      for (let k = 0; k < data.length; k++) data[k] = planar[from + (k % 3) * places + Math.floor(k / 3)]!;
      const file = await encodeImage({ data, width, height }, 'jpeg', { quality });
      made.set(toPlanar((await decodeImage(file)).data), from);
    }
    return tensor(made, images.shape);
  },
};

/** Red up and blue down by as much. */
const cast: PixelChange = {
  name: 'colour cast',
  unit: 'of 255',
  levels: [4, 8, 16, 32],
  apply: (images, level) => tidy(() => toBytes(images.float().add(tensor([level, 0, -level], [1, 3, 1, 1])))),
};

export const PIXEL_CHANGES: readonly PixelChange[] = [noise, blur, jpeg, cast];

/** The images of a half, as places in `source`. */
export interface Chosen {
  readonly source: 'real' | 'other' | 'nearlyReal';
  readonly index: number;
}

/** A choice of images: what takes the place of the second half, from the halves' own places. */
export interface SetChange {
  readonly name: string;
  readonly unit: string;
  readonly levels: readonly number[];
  /** @param halves places among the real images, of equal number; those of the other class are drawn already */
  choose(
    halves: { first: readonly number[]; second: readonly number[]; other: readonly number[] },
    level: number,
  ): Chosen[];
}

const real = (index: number): Chosen => ({ source: 'real', index });

const otherClass: SetChange = {
  name: 'other class',
  unit: 'share',
  levels: [0.1, 0.25, 0.5, 0.75, 1],
  choose: ({ second, other }, share) =>
    second.map((index, i) =>
      i < Math.round(share * second.length) ? { source: 'other', index: other[i]! } : real(index),
    ),
};

const collapse: SetChange = {
  name: 'mode collapse',
  unit: 'distinct images',
  levels: [100, 50, 20, 10],
  choose: ({ second }, distinct) => second.map((_, i) => real(second[i % distinct]!)),
};

/** Of the images it is held against, as a generator that learned them by heart gives them: JPEGs of quality 90. */
const memorised: SetChange = {
  name: 'memorised copies',
  unit: 'share',
  levels: [0.1, 0.25, 0.5, 0.75, 1],
  choose: ({ first, second }, share) =>
    second.map((index, i) =>
      i < Math.round(share * second.length) ? { source: 'nearlyReal', index: first[i]! } : real(index),
    ),
};

export const SET_CHANGES: readonly SetChange[] = [otherClass, collapse, memorised];
