/**
 * The non-saturating GAN loss with one-sided label smoothing: binary cross-entropy on logits, real labels below 1.
 * Sources: Goodfellow et al., 2014 (loss); Salimans et al., 2016 (smoothing).
 */
import { bceWithLogits } from '../../nn/index.js';
import { aten, type Tensor } from '../../torch/index.js';
import type { Objective } from './objective.js';

export interface NonSaturatingOptions {
  /** Label of real images in the discriminator's loss, in (0, 1]. Generated images have label 0. */
  realLabel: number;
}

const towards = (logits: Tensor, label: number): Tensor =>
  bceWithLogits(logits, aten.full_like(logits, label));

export const nonSaturating = ({ realLabel }: NonSaturatingOptions): Objective => ({
  name: 'non-saturating',
  discriminatorLoss: (real, fake) => towards(real, realLabel).add(towards(fake, 0)),
  // One-sided: smoothing tempers the discriminator; the generator still aims at 1.
  generatorLoss: (fake) => towards(fake, 1),
});
