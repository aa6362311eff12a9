/**
 * Augmentation of image batches on their device, in the order of the original's list: contrast, holes, geometry
 * (composed into one interpolation), brightness and contrast, hue–saturation–value. Each sample has its own random
 * stream, so what happens to it does not depend on the batch it is in.
 */
import type { Random } from '../../random.js';
import { noGrad, type Tensor, tidy } from '../../torch/index.js';
import { gainAndBias, shiftHsv } from './colour.js';
import { cutHoles } from './cutout.js';
import { applyGeometry } from './geometry.js';
import {
  AUGMENTATIONS,
  type AugmentationName,
  type AugmentationSettings,
  drawParameters,
} from './parameters.js';

export {
  AUGMENTATIONS,
  type AugmentationName,
  type AugmentationSettings,
  augmentationNames,
} from './parameters.js';

/**
 * Augments a batch.
 * @param images `[N, 3, H, W]`, float32 in [0, 1], square unless the augmentation leaves the geometry alone. Not
 * changed.
 * @param randoms one stream a sample (fork a seed by the sample's number); each is advanced.
 * @returns `[N, 3, H, W]` in [0, 1]; the images themselves where nothing was to do.
 * @throws DataError when images are not square but must be turned.
 */
export function augment(
  images: Tensor,
  augmentation: AugmentationName | AugmentationSettings,
  randoms: readonly Random[],
): Tensor {
  if (augmentation === 'none') return images;
  const settings = typeof augmentation === 'string' ? AUGMENTATIONS[augmentation] : augmentation;
  if (randoms.length !== images.shape[0]) {
    throw new RangeError(
      `augment: ${images.shape[0]} images need as many random streams, got ${randoms.length}`,
    );
  }
  const parameters = randoms.map((random) => drawParameters(settings, random));
  const augmented = noGrad(() =>
    tidy(() => {
      const contrasted = gainAndBias(
        images,
        parameters.map((p) => p.contrast),
      );
      const cut = cutHoles(
        contrasted,
        parameters.map((p) => p.holes),
        settings.cutout.side,
      );
      const moved = applyGeometry(cut, parameters);
      const brightened = gainAndBias(
        moved,
        parameters.map((p) => p.gain),
        parameters.map((p) => p.bias),
      );
      const shifted = shiftHsv(brightened, parameters);
      return shifted === images ? null : shifted; // the caller's own tensor must not change owners
    }),
  );
  return augmented ?? images;
}
