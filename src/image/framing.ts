/**
 * How a photograph's frame becomes the square that a network sees. Whatever compares two sets of images must frame both
 * alike: a lesion whose frame was squashed and the same lesion cut out of the middle are other pictures, to a distance
 * and to a search for copies. So framing is decided once, written down (`dataset.yaml`, `lineage.json`, summaries of
 * runs), and read from there by whatever comes after.
 */
import { z } from 'zod';
import type { Fit, Kernel } from './decode.js';

export const fits = ['cover', 'fill', 'contain'] as const satisfies readonly Fit[];
export const kernels = [
  'nearest',
  'linear',
  'cubic',
  'mitchell',
  'lanczos3',
] as const satisfies readonly Kernel[];

export const framingSchema = z.strictObject({
  /** `cover`: the centre square; `fill`: the whole frame, squashed; `contain`: the whole frame, padded with black. */
  fit: z.enum(fits),
  kernel: z.enum(kernels),
  /** Every pixel decoded by libvips; else large JPEGs at a fraction of their size (`jpeg-square.ts`). */
  exact: z.boolean(),
});

export type Framing = z.infer<typeof framingSchema>;

/** What every network of Graft is trained on, where a dataset was not brought to squares by other means before. */
export const trainingFraming: Framing = { fit: 'cover', kernel: 'lanczos3', exact: false };

const fitWords: Readonly<Record<Fit, string>> = {
  cover: 'the centre square of each frame',
  fill: 'the whole frame, squashed',
  contain: 'the whole frame, padded with black',
};

/** 'the centre square of each frame (cover, lanczos3)' */
export const framingWords = ({ fit, kernel }: Framing): string => `${fitWords[fit]} (${fit}, ${kernel})`;
