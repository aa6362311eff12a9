/**
 * Augmentation for small data: what real and generated images alike go through before the discriminator sees them, so
 * that it cannot learn the real ones by heart, and the generator does not learn the changes.
 */

import type { Tensor } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import type { GanConfig } from '../config.js';
import { applyAda } from './ada.js';
import { type AdaWeights, adaWeights, drawAda } from './ada-draws.js';
import { applyDiffAugment, type DiffAugmentPolicy, drawDiffAugment } from './diff-augment.js';

/**
 * Changes a batch at random.
 *
 * @param images float `[N, 3, H, W]` in [−1, 1], which stay as they are; gradients flow to them once (not twice: a
 * gradient penalty takes the changed images as its leaf)
 * @param random decides all, on the host, and is advanced; the same stream gives the same changes on any device
 * @returns the same shape, not clipped; the images themselves where nothing is changed
 */
export type Augment = (images: Tensor, random: Random) => Tensor;

const each = <T>(images: Tensor, draw: () => T): T[] => Array.from({ length: images.shape[0]! }, draw);

/** DiffAugment with some of its policies. */
export const diffAugment =
  (policies: readonly DiffAugmentPolicy[]): Augment =>
  (images, random) => {
    if (policies.length === 0) return images;
    const size = images.shape.slice(2) as [number, number];
    return applyDiffAugment(
      images,
      each(images, () => drawDiffAugment(random, size)),
      policies,
    );
  };

/**
 * ADA's augmentation.
 * @param strength its probability p as it is at each call: a controller, or a constant
 * @throws DataError (from the augmentation) when images are not square
 */
export const ada =
  (
    strength: { readonly p: number },
    weights: AdaWeights = adaWeights('blit', 'geometry', 'colour'),
  ): Augment =>
  (images, random) =>
    applyAda(
      images,
      each(images, () => drawAda(strength.p, random, weights)),
    );

/**
 * The augmentation of a configuration; null: none.
 * @param strength p of ADA: its controller; by default p stays where it starts
 */
export function makeAugment(
  config: Pick<GanConfig, 'diffAugment' | 'ada'>,
  strength: { readonly p: number } = { p: config.ada?.initial ?? 0 },
): Augment | null {
  if (config.ada) return ada(strength);
  return config.diffAugment.length > 0 ? diffAugment(config.diffAugment) : null;
}
