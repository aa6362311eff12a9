/**
 * The non-saturating GAN loss with label smoothing: binary cross-entropy on logits.
 * Sources: Goodfellow et al., 2014 (loss); Salimans et al., 2016 (smoothing).
 */

import { aten, type Tensor } from 'graft-torch';
import { F } from 'graft-torch/nn';
import type { Objective } from './objective.js';

export interface NonSaturatingOptions {
  /** Label of real images in the discriminator's loss, in (0, 1]. */
  realLabel: number;
  /** Label of generated images there, in [0, 1); 0, the default, is one-sided smoothing. */
  fakeLabel?: number;
  /** What the generator aims at; default 1: smoothing tempers the discriminator alone. */
  generatorLabel?: number;
}

const towards = (logits: Tensor, label: number): Tensor =>
  F.binaryCrossEntropyWithLogits(logits, aten.full_like(logits, label));

export const nonSaturating = (options: NonSaturatingOptions): Objective => {
  const { realLabel, fakeLabel = 0, generatorLabel = 1 } = options;
  return {
    name: 'non-saturating',
    logits: 'log-odds',
    discriminatorLoss: (real, fake) => towards(real.logits, realLabel).add(towards(fake.logits, fakeLabel)),
    generatorLoss: (fake) => towards(fake.logits, generatorLabel),
  };
};
