/**
 * Augmentation of image batches on their device. Each sample has its own random stream, so what happens to it does not
 * depend on the batch it is in.
 *
 * `standard` and `flips` are settings of one list, the original's: contrast, holes, geometry (composed into one
 * interpolation), brightness and contrast, hue–saturation–value. Longer ones are pipelines of transforms.
 */
import type { Random } from '../../random.js';
import { aten, noGrad, type Tensor, tidy } from '../../torch/index.js';
import { gainAndBias, shiftHsv } from './colour.js';
import { cutHoles } from './cutout.js';
import { applyGeometry } from './geometry.js';
import {
  AUGMENTATIONS,
  type AugmentationName,
  type AugmentationSettings,
  drawParameters,
  RAND_AUGMENT,
} from './parameters.js';
import { type Pipeline, runPipeline } from './pipeline.js';
import { SIIM } from './pipelines.js';
import { randAugment } from './rand-augment.js';

export {
  AUGMENTATIONS,
  type AugmentationName,
  type AugmentationSettings,
  augmentationNames,
  RAND_AUGMENT,
  type RandAugmentSettings,
  TEST_TIME_VIEWS,
  type TestTimeAugmentation,
} from './parameters.js';
export type { Pipeline, Step, Transform } from './pipeline.js';
export { SIIM } from './pipelines.js';
export { randAugment } from './rand-augment.js';
export { symmetry } from './symmetries.js';

/** Images that are augmented together on a CPU, at most: what they hold, and a few copies of it, fit its caches. */
const CPU_VALUES = 2 ** 19;

/**
 * Augments a batch.
 * @param images `[N, 3, H, W]`, float32 in [0, 1], square unless the augmentation leaves the geometry alone. Not
 * changed.
 * @param augmentation by name, as settings of the original's list, or as a pipeline
 * @param randoms one stream a sample (fork a seed by the sample's number); they may be advanced
 * @returns `[N, 3, H, W]` in [0, 1]; the images themselves where nothing was to do.
 * @throws DataError when images are not square but must be turned.
 */
export function augment(
  images: Tensor,
  augmentation: AugmentationName | AugmentationSettings | Pipeline,
  randoms: readonly Random[],
): Tensor {
  if (augmentation === 'none') return images;
  if (randoms.length !== images.shape[0]) {
    throw new RangeError(
      `augment: ${images.shape[0]} images need as many random streams, got ${randoms.length}`,
    );
  }
  const one = typeof augmentation === 'string' ? named(augmentation) : augmentation;
  const change = (part: Tensor, streams: readonly Random[]): Tensor =>
    isPipeline(one) ? runPipeline(part, one, streams) : applySettings(part, one, streams);
  return noGrad(() => inParts(images, randoms, change));
}

function named(name: AugmentationName): AugmentationSettings | Pipeline {
  if (name === 'siim') return SIIM;
  return name === 'randaugment' ? randAugment(RAND_AUGMENT) : AUGMENTATIONS[name];
}

const isPipeline = (one: AugmentationSettings | Pipeline): one is Pipeline => Array.isArray(one);

/** In parts of a size that suits the device; a sample's result does not depend on them. */
function inParts(
  images: Tensor,
  randoms: readonly Random[],
  change: (part: Tensor, streams: readonly Random[]) => Tensor,
): Tensor {
  const n = randoms.length;
  const values = images.shape.slice(1).reduce((a, b) => a * b, 1);
  const most = images.device === 'cpu' ? Math.max(1, Math.floor(CPU_VALUES / values)) : n;
  // What was not changed is the caller's own tensor, which must not change owners.
  if (n <= most) return tidy(() => unlessSame(change(images, randoms), images)) ?? images;
  return tidy(() => {
    const result = aten.empty_like(images);
    for (let start = 0; start < n; start += most) {
      const count = Math.min(most, n - start);
      tidy(() => {
        const part = aten.narrow(images, 0, start, count);
        aten.copy_(aten.narrow(result, 0, start, count), change(part, randoms.slice(start, start + count)));
      });
    }
    return result;
  });
}

const unlessSame = (changed: Tensor, images: Tensor): Tensor | null => (changed === images ? null : changed);

function applySettings(images: Tensor, settings: AugmentationSettings, randoms: readonly Random[]): Tensor {
  const parameters = randoms.map((random) => drawParameters(settings, random));
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
  return shiftHsv(brightened, parameters);
}
