/** From stored pixels to what the network takes. */

import { type Device, noGrad, type Tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import type { Module } from 'graft-torch/nn';
import {
  type AugmentationName,
  type AugmentationSettings,
  augment,
  type Pipeline,
  type RandAugmentSettings,
  randAugment,
} from '../data/augment/index.js';
import { EfficientNet, type InputStatistics, packEfficientNetInput } from '../models/index.js';
import { type Mix, mixImages } from './mixing.js';

export interface Augmenting {
  augmentation: AugmentationName | AugmentationSettings | Pipeline;
  /** One stream a sample. */
  randoms: readonly Random[];
}

export interface NetworkInputOptions extends Partial<Augmenting> {
  /** The network's, see `statisticsOf`. Default `imagenet`. */
  statistics?: InputStatistics;
  /** One an image: mixes it, augmented, with the next. */
  mixes?: readonly Mix[] | null;
}

/** How a network wants its pixels; ImageNet's way for what is no EfficientNet. */
export const statisticsOf = (network: Module): InputStatistics =>
  network instanceof EfficientNet ? network.conventions.inputStatistics : 'imagenet';

/** What a recipe asks for, with RandAugment's own settings. */
export const augmentationOf = (recipe: {
  augmentation: AugmentationName;
  randAugment: RandAugmentSettings;
}): AugmentationName | Pipeline =>
  recipe.augmentation === 'randaugment' ? randAugment(recipe.randAugment) : recipe.augmentation;

/**
 * @param pixels uint8 `[N, 3, H, W]`
 * @param options without augmentation and its randoms: pixels as they are
 * @returns float32 `[N, 3, H, W]` on the device, augmented, mixed, normalised, in the network's memory layout
 */
export function toNetworkInput(pixels: Tensor, device: Device, options: NetworkInputOptions = {}): Tensor {
  const { augmentation, randoms, statistics, mixes } = options;
  return noGrad(() =>
    tidy(() => {
      const stored = pixels.to({ device });
      const images = augmentation && randoms ? augment(stored, augmentation, randoms) : stored;
      if (!mixes) return packEfficientNetInput(images, statistics);
      const unit = images === stored ? stored.to({ dtype: 'float32' }).div_(255) : images;
      return packEfficientNetInput(mixImages(unit, mixes), statistics);
    }),
  );
}
