/**
 * Augmentation of image batches on their device. Each sample has its own random stream, so what happens to it does not
 * depend on the batch it is in. `augment` takes an augmentation by name, the original's settings, or a list of steps:
 * a transform of one's own is two functions, see `pipeline.ts`.
 */

export { augment } from './augment.js';

// Augmentations by name, and what they are made of.

export {
  AUGMENTATIONS,
  type AugmentationName,
  type AugmentationSettings,
  augmentationNames,
  RAND_AUGMENT,
  type RandAugmentSettings,
  TEST_TIME_VIEWS,
  type TestTimeAugmentation,
  testTimeAugmentations,
} from './parameters.js';
export { SIIM } from './pipelines.js';
export { randAugment } from './rand-augment.js';

// Steps of one's own.

export { type Pipeline, type Step, sometimes, type Transform, transform } from './pipeline.js';

// Single changes, for whoever composes them otherwise.

export { cutHoles } from './cutout.js';
export { symmetry } from './symmetries.js';

// Contact sheets.

export { drawSheet, sheetRows } from './sheet.js';
