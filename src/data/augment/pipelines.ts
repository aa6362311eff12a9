/** The augmentations that are lists of steps, by name. */
import type { Pipeline } from './pipeline.js';
import { sometimes } from './pipeline.js';
import * as t from './transforms.js';

/**
 * What the winners of the SIIM-ISIC melanoma challenge trained with (Ha, Liu & Liu, arXiv:2010.05351), in their order.
 * Their images had 384 to 896 px; what albumentations counts in pixels and does not scale (the elastic transform's
 * corners, by its default up to 50 px away) is taken at 512 px.
 */
export const SIIM: Pipeline = [
  sometimes(0.5, t.transposed()),
  sometimes(0.5, t.verticalFlip()),
  sometimes(0.5, t.horizontalFlip()),
  sometimes(0.75, t.randomBrightness(0.2)),
  sometimes(0.75, t.randomContrast(0.2)),
  {
    probability: 0.7,
    oneOf: [t.motionBlur(), t.medianBlurred(), t.gaussianBlur(), t.gaussianNoise(5, 30)],
  },
  {
    probability: 0.7,
    oneOf: [
      t.opticallyDistorted(1),
      t.gridDistorted(5, 1),
      t.elastic({ alpha: 3, sigma: 50, affine: 50, atSize: 512 }),
    ],
  },
  sometimes(0.7, t.claheUpTo(4)),
  sometimes(0.5, t.hueSaturationValue(10, 20, 10)),
  sometimes(0.85, t.shiftedScaledRotated(0.1, 0.1, 15)),
  sometimes(0.7, t.cutout(1, 0.375)),
];
