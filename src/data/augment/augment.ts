/**
 * Augmentation by name, as settings of the original's list (`settings.ts`), or as a pipeline of transforms.
 * `standard` and `flips` are settings; longer ones are pipelines.
 */
import { noGrad, type Tensor } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import {
  AUGMENTATIONS,
  type AugmentationName,
  type AugmentationSettings,
  RAND_AUGMENT,
} from './parameters.js';
import { type Pipeline, runPipeline } from './pipeline.js';
import { SIIM } from './pipelines.js';
import { randAugment } from './rand-augment.js';
import { runShares } from './run.js';
import { runSettings } from './settings.js';

/**
 * Augments a batch.
 * @param images `[N, 3, H, W]`: uint8, or float32 in [0, 1]; square unless the augmentation leaves the geometry alone.
 * Not changed.
 * @param augmentation by name, as settings of the original's list, or as a pipeline
 * @param randoms one stream a sample (fork a seed by the sample's number); they may be advanced
 * @returns float32 `[N, 3, H, W]` in [0, 1]; float images themselves where nothing was to do. No gradients flow.
 * @throws DataError when images are not square but must be turned.
 */
export function augment(
  images: Tensor,
  augmentation: AugmentationName | AugmentationSettings | Pipeline,
  randoms: readonly Random[],
): Tensor {
  if (augmentation === 'none') return runShares(images, []);
  if (randoms.length !== images.shape[0]) {
    throw new RangeError(
      `augment: ${images.shape[0]} images need as many random streams, got ${randoms.length}`,
    );
  }
  const one = typeof augmentation === 'string' ? named(augmentation) : augmentation;
  return noGrad(() =>
    isPipeline(one) ? runPipeline(images, one, randoms) : runSettings(images, one, randoms),
  );
}

function named(name: AugmentationName): AugmentationSettings | Pipeline {
  if (name === 'siim') return SIIM;
  return name === 'randaugment' ? randAugment(RAND_AUGMENT) : AUGMENTATIONS[name];
}

const isPipeline = (one: AugmentationSettings | Pipeline): one is Pipeline => Array.isArray(one);
