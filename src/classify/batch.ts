/** From stored pixels to what the network takes. */
import { type AugmentationName, type AugmentationSettings, augment } from '../data/augment/index.js';
import type { Random } from '../random.js';
import { type Device, noGrad, type Tensor, tensor, tidy } from '../torch/index.js';
import { memoryFormatFor } from './network.js';

/** Mean and deviation of ImageNet's RGB, which published weights expect; harmless from scratch. */
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

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
      const perChannel = (values: number[]): Tensor => tensor(values, [1, 3, 1, 1], { device });
      return images.sub(perChannel(MEAN)).div_(perChannel(DEVIATION)).contiguous(memoryFormatFor(device));
    }),
  );
}
