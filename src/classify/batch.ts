/** From stored pixels to what the network takes. */
import { type AugmentationName, type AugmentationSettings, augment } from '../data/augment/index.js';
import { toEfficientNetInput } from '../models/index.js';
import type { Random } from '../random.js';
import { type Device, noGrad, type Tensor, tidy } from '../torch/index.js';

export interface Augmenting {
  augmentation: AugmentationName | AugmentationSettings;
  /** One stream a sample. */
  randoms: readonly Random[];
}

/**
 * @param pixels uint8 `[N, 3, H, W]`
 * @param augmenting left out: pixels as they are
 * @returns float32 `[N, 3, H, W]` on the device, augmented, normalised, in the network's memory layout
 */
export function toNetworkInput(pixels: Tensor, device: Device, augmenting?: Augmenting): Tensor {
  return noGrad(() =>
    tidy(() => {
      const unit = pixels.to({ device }).to({ dtype: 'float32' }).div_(255);
      const images = augmenting ? augment(unit, augmenting.augmentation, augmenting.randoms) : unit;
      return toEfficientNetInput(images);
    }),
  );
}
