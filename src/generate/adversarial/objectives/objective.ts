/**
 * An objective is a value: what the discriminator and the generator minimise. The one adversarial loop knows
 * nothing else of a GAN's kind; a new GAN is a new value here, or new networks, never a new loop.
 */

import type { Tensor } from 'graft-torch';
import type { DiscriminatorNetwork, Judgement } from '../../../models/index.js';

/** A batch as the discriminator judged it. */
export interface Judged extends Judgement {
  /** int64 `[N]`: what the images are, or were made to be; null where there are no classes. */
  labels: Tensor | null;
}

export interface Objective {
  readonly name: string;

  /**
   * What a logit is: `log-odds` of being real, so that its sigmoid is a probability, or the `score` of a critic or a
   * hinge loss, whose scale is its own.
   */
  readonly logits: 'log-odds' | 'score';

  /**
   * @param real real images
   * @param fake generated images, which the generator is not trained through
   * @returns the loss, a scalar
   */
  discriminatorLoss(real: Judged, fake: Judged): Tensor;

  /** @param fake generated images; the scalar loss is differentiated through them. */
  generatorLoss(fake: Judged): Tensor;
}

/** A term of the discriminator's loss that needs the network itself. */
export interface Regulariser {
  readonly name: string;
  /** Discriminator steps from one use to the next; used then, it counts that many times (Karras et al. 2020). */
  readonly every: number;
  /**
   * @param real images as the discriminator sees them, float `[N, C, H, W]`
   * @param fake generated ones, detached, as many
   * @param labels of the real images, int64 `[N]`
   * @returns the term, a scalar
   */
  penalty(discriminator: DiscriminatorNetwork, real: Tensor, fake: Tensor, labels: Tensor | null): Tensor;
}
