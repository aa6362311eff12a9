/**
 * Shares of images with hair, with a ruler and with dark corners, in real and in synthetic images. A generator that
 * loses or invents them changes more than lesions. The detectors are simple and err (docs/metrics.md has how often), but
 * they err alike on both sets: read the difference, not the share.
 *
 * They look at images of the size that the generator makes, 64 px and up, on the CPU.
 */

import { type Tensor, tensor, tidy } from 'graft-torch';
import type { DecodedImage } from '../../image/index.js';
import { hairShare, luma8, straightLineContrast, vignette } from '../../image/index.js';
import { type Interval, proportion, proportionDifference, wilsonInterval } from '../../stats/index.js';
import { type CompareOptions, compareMeans, type Floor, type RowSets, type Rows } from './compare.js';
import { requireImages, rowsOfImages } from './images.js';

const TRAITS = ['hair', 'ruler', 'darkCorners'] as const;
export type Trait = (typeof TRAITS)[number];

/** Above which an image counts, by trait. */
export const traitThresholds: Readonly<Record<Trait, number>> = {
  /** Share of pixels in long thin dark lines. */
  hair: 0.012,
  /** Grey values of a straight line. */
  ruler: 13,
  /** How much darker the corners are than the lit skin. */
  darkCorners: 0.23,
};

/** Of the half axes: the rim of a round aperture is no hair. */
const FIELD = 0.95;
const HAIR_THRESHOLD = 12;
/** Thin against the side: 3 px at 64, 5 at 128, 9 at 256. */
const hairKernelPx = (sidePx: number): number => 2 * Math.round(sidePx / 64) + 1;

const MIN_SIDE_PX = 48;

/** What the thresholds are laid on, in the order hair, ruler, dark corners. */
export function traitValues(image: DecodedImage): [hair: number, ruler: number, darkCorners: number] {
  const kernelPx = hairKernelPx(Math.min(image.width, image.height));
  return [
    hairShare(image, { kernelPx, threshold: HAIR_THRESHOLD, field: FIELD }),
    straightLineContrast(image),
    vignette(luma8(image), image),
  ];
}

/**
 * @param images uint8 `[N, 3, H, W]`
 * @returns float64 `[N, 3]` on the CPU: 1 where an image has the trait, else 0
 * @throws DataError unless there are two or more images of bytes, of 48 px or more
 */
export function traitRows(images: Tensor): Tensor {
  requireImages('given', images, MIN_SIDE_PX);
  const [, , height, width] = images.shape as [number, number, number, number];
  const size = 3 * height * width;
  return rowsOfImages(images, (batch) => {
    const n = batch.shape[0]!;
    const pixels = tidy(() => batch.permute([0, 2, 3, 1]).contiguous().toArray() as Uint8Array);
    const rows = new Float64Array(n * TRAITS.length);
    for (let i = 0; i < n; i++) {
      const values = traitValues({ data: pixels.subarray(i * size, (i + 1) * size), width, height });
      TRAITS.forEach((trait, k) => {
        rows[i * TRAITS.length + k] = values[k]! > traitThresholds[trait] ? 1 : 0;
      });
    }
    return tensor(rows, [n, TRAITS.length]);
  });
}

/** A share of images, 0…1. */
type Share = Interval & { value: number };

export interface TraitResult {
  /** Wilson's interval, 95 %, by group where there are groups. */
  real: Share;
  synthetic: Share;
  /** Synthetic less real; Newcombe's interval, 95 %. */
  difference: Share;
  /** Absolute differences between random halves of the real images. */
  floor: Floor | null;
}

/**
 * Images of one patient or lesion are not independent: with groups, intervals go by the effective number of images
 * (../../stats/proportion.ts). The floor keeps groups whole.
 *
 * @param sets rows of `traitRows`
 */
export function compareTraits(sets: RowSets, options: CompareOptions): Record<Trait, TraitResult> {
  return tidy(() => {
    const distances = compareMeans(sets, (real, synthetic) => tidy(() => synthetic.sub(real).abs()), {
      ...options,
      replicates: 0,
      kinds: TRAITS.map(() => 'distance' as const),
    });
    const shares = ({ rows, groups }: Rows) => {
      const n = rows.shape[0]!;
      const flags = rows.toArray() as Float64Array;
      return (k: number): Share => {
        const own = Float64Array.from({ length: n }, (_, i) => flags[i * TRAITS.length + k]!);
        if (!groups || new Set(groups).size === n) {
          const share = own.filter((flag) => flag === 1).length / n;
          return { value: share, ...wilsonInterval(share, n) };
        }
        const { value, low, high } = proportion(own, { groups })!;
        return { value, low, high };
      };
    };
    const [real, synthetic] = [shares(sets.real), shares(sets.synthetic)];
    const result = (k: number): TraitResult => {
      const [one, other] = [synthetic(k), real(k)];
      const { difference: value, low, high } = proportionDifference(one, other);
      return { real: other, synthetic: one, difference: { value, low, high }, floor: distances[k]!.floor };
    };
    return { hair: result(0), ruler: result(1), darkCorners: result(2) };
  });
}
