/** From stored pixels to what the network takes. */

import { type Device, noGrad, type Tensor, tidy } from 'graft-torch';
import { ConfigError, type Random } from 'graft-torch/base';
import type { Module } from 'graft-torch/nn';
import {
  type AugmentationName,
  type AugmentationSettings,
  augment,
  type Pipeline,
  type RandAugmentSettings,
  randAugment,
} from '../data/augment/index.js';
import { ImageNetwork, type InputStatistics, packNetworkInput } from '../models/index.js';
import { type Mix, mixImages } from './mixing.js';
import type { ClassifierModule, OwnAugmentation } from './own.js';
import { resizeBatch, unitOf } from './resizing.js';

export interface Augmenting {
  augmentation: AugmentationName | AugmentationSettings | OwnAugmentation;
  /** One stream a sample. */
  randoms: readonly Random[];
}

export interface NetworkInputOptions extends Partial<Augmenting> {
  /** The network's, see `statisticsOf`. Default `imagenet`. */
  statistics?: InputStatistics;
  /** One an image: mixes it, augmented, with the next. */
  mixes?: readonly Mix[] | null;
  /** Brings images to this side before anything else is done to them. Default: as they are. */
  sidePx?: number;
}

/** How a network wants its pixels; ImageNet's way where it does not say. */
export const statisticsOf = (network: Module): InputStatistics =>
  network instanceof ImageNetwork
    ? network.inputStatistics
    : ((network as ClassifierModule).inputStatistics ?? 'imagenet');

/** What a recipe asks for, with RandAugment's own settings. */
export const augmentationOf = (recipe: {
  augmentation: AugmentationName;
  randAugment: RandAugmentSettings;
}): AugmentationName | Pipeline =>
  recipe.augmentation === 'randaugment' ? randAugment(recipe.randAugment) : recipe.augmentation;

/**
 * @param pixels uint8 `[N, 3, H, W]`
 * @param options without augmentation and its randoms: pixels as they are
 * @returns float32 `[N, 3, H, W]` on the device, resized, augmented, mixed, normalised, in the network's memory layout
 */
export function toNetworkInput(pixels: Tensor, device: Device, options: NetworkInputOptions = {}): Tensor {
  const { augmentation, randoms, statistics, mixes, sidePx = pixels.shape[3]! } = options;
  return noGrad(() =>
    tidy(() => {
      const whole = pixels.to({ device });
      const stored = sidePx === pixels.shape[3] ? whole : resizeBatch(whole, sidePx);
      const images = augmentation && randoms ? augmented(stored, { augmentation, randoms }) : stored;
      if (!mixes) return packNetworkInput(images, statistics);
      return packNetworkInput(mixImages(unitOf(images), mixes), statistics);
    }),
  );
}

/** @throws ConfigError where an augmentation of one's own gives another shape than it got */
function augmented(stored: Tensor, { augmentation, randoms }: Augmenting): Tensor {
  if (typeof augmentation !== 'function') return augment(stored, augmentation, randoms);
  const images = augmentation(unitOf(stored), randoms);
  if (images.shape.join() === stored.shape.join()) return images;
  throw new ConfigError(
    `the augmentation of one’s own gives [${images.shape.join(', ')}] for images [${stored.shape.join(', ')}]; their shape must stay`,
  );
}
