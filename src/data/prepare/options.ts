/** What may be decided about a dataset that is made of another. */
import { z } from 'zod';
import { fits, kernels } from '../../image/index.js';
import { fractionsSchema, option } from '../options.js';

const yes = z.boolean().default(false);
const fromTwo = 'expected a whole number from 2';
const sides = 'expected whole numbers from 8 to 4096';

export const prepareSchema = z.strictObject({
  sizesPx: option(
    z
      .array(z.int(sides).min(8, sides).max(4096, sides))
      .readonly()
      .refine((sizes) => new Set(sizes).size === sizes.length, 'a size is given twice')
      .default([]),
    'sides of the squares to make, in pixels; several make a dataset each (default: the images’ own size)',
    { flags: '--sizes <a,b>', list: 'commas' },
  ),
  fit: option(z.enum(fits).default('cover'), 'how a frame becomes square', {
    flags: '--fit <how>',
    words: { crop: 'cover', squash: 'fill', pad: 'contain' },
  }),
  kernel: z.enum(kernels).default('lanczos3').describe('resampling kernel'),
  format: option(
    z.enum(['png', 'jpeg']).default('png'),
    'of images whose pixels change',
    '--format <format>',
  ),
  hair: option(yes, 'remove hair: black-hat, threshold, inpainting', '--hair'),
  masks: option(
    z.union([z.string(), z.literal(true)]).optional(),
    'cut every image to its lesion mask, matched by name (ID_segmentation.png …); without a folder: the masks that the dataset keeps',
    '--masks [dir]',
  ),
  marginShare: option(
    z.number().min(0).max(2).default(0.1),
    'left around the mask, as a share of its sides',
    '--margin <share>',
  ),
  without: option(
    z.array(z.string()).readonly().default([]),
    'leave out images that show a picture of this dataset, in whatever file; repeatable',
    { flags: '--without <dataset>', list: 'repeat' },
  ),
  majorityRatio: option(
    z.number().min(1, 'expected a number from 1').optional(),
    'at most so many images a class for each of the rarest class, in train',
    '--cut-majority <ratio>',
  ),
  cutEverywhere: option(yes, 'cut the majority in val and test as well', '--cut-everywhere'),
  reduceTo: option(
    z.int(fromTwo).min(2, fromTwo).optional(),
    'images to keep, in the ratio of classes and splits',
    '--reduce <n>',
  ),
  fractions: option(
    fractionsSchema.optional(),
    'split anew, in per cent (default: the split stays)',
    '--split <train/val/test>',
  ),
  folds: option(
    z.int(fromTwo).min(2, fromTwo).max(100).optional(),
    'k datasets, each with another fold as its test split',
    '--folds <k>',
  ),
  strata: option(
    z.array(z.string()).readonly().optional(),
    'metadata columns to share out evenly when splitting',
    { flags: '--stratify <a,b>', list: 'commas' },
  ),
  seed: z.int().nonnegative().default(0).describe('decides what is drawn, and the split'),
  name: option(z.string().min(1).optional(), 'name of the dataset (default: the old one’s)', '--name <name>'),
});

/** What is no setting of the data: who prepares, and how one watches it. */
export interface PrepareContext {
  /** Program and version, for the provenance. */
  importer?: string;
  /**
   * `shared`: images of both datasets decoded and compared; `mask`: masks read; `prepare`: images worked on; `read`: images
   * taken over into the datasets.
   */
  onProgress?: (
    phase: 'shared' | 'mask' | 'prepare' | 'read' | 'compare',
    done: number,
    total: number,
  ) => void;
  signal?: AbortSignal;
}

/** As they may be given. */
export type PrepareOptions = z.input<typeof prepareSchema> & PrepareContext;
/** As they count, defaults included. */
export type PrepareSettings = z.output<typeof prepareSchema> & PrepareContext;
