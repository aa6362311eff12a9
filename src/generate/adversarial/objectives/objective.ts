/**
 * An objective is a value: what the discriminator and the generator minimise. The one adversarial loop knows
 * nothing else of a GAN's kind; a new GAN is a new value here, or new networks, never a new loop.
 */

import type { Tensor } from 'graft-torch';
import type { DiscriminatorNetwork, Judgement } from '../../../models/index.js';

/** A batch as the discriminator judged it. */
export interface Judged extends Judgement {
  /** int64 `[N]`: what the images are, or were made to be; null where there are no classes. */
  readonly labels: Tensor | null;
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
   * @param fake generated images, as many, which the generator is not trained through
   * @returns the loss, a scalar
   */
  discriminatorLoss(real: Judged, fake: Judged): Tensor;

  /**
   * @param fake generated images; the scalar loss is differentiated through them
   * @param real the real images of the same step, as many. They are judged when an objective first looks at `logits` or
   *   `classLogits`: one that compares both sides (a relativistic GAN: Jolicoeur-Martineau, 2019) pays for a forward
   *   pass, all others for nothing.
   */
  generatorLoss(fake: Judged, real: Judged): Tensor;
}

/** What a regulariser is given: images as the discriminator sees them. */
export interface PenaltyBatch {
  /** Float `[N, C, H, W]`. */
  real: Tensor;
  /** Generated ones, detached, as many. */
  fake: Tensor;
  /** Of both, int64 `[N]`. */
  labels: Tensor | null;
}

/** A term of the discriminator's loss that needs the network itself. */
export interface Regulariser {
  readonly name: string;
  /** Discriminator steps from one use to the next; used then, it counts that many times (Karras et al. 2020). */
  readonly every: number;
  /** @returns the term, a scalar */
  penalty(discriminator: DiscriminatorNetwork, batch: PenaltyBatch): Tensor;
}
