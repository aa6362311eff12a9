/**
 * An objective is a value: what the discriminator and the generator minimise. The one adversarial loop knows
 * nothing else of a GAN's kind; a new GAN is a new value here, or new networks, never a new loop.
 */
import type { Module } from '../../nn/index.js';
import type { Tensor } from '../../torch/index.js';

export interface Objective {
  readonly name: string;

  /**
   * @param real logits `[N]` of real images
   * @param fake logits `[N]` of generated images, which the generator is not trained through
   * @returns the loss, a scalar
   */
  discriminatorLoss(real: Tensor, fake: Tensor): Tensor;

  /** @param fake logits `[N]` of generated images; the scalar loss is differentiated through them. */
  generatorLoss(fake: Tensor): Tensor;

  /** A term of the discriminator's loss that needs the network itself: a gradient penalty. */
  regulariser?(discriminator: Module, real: Tensor, fake: Tensor): Tensor;
}
