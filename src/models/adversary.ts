/**
 * What the adversarial loop asks of its two networks, whatever their architecture. Labels are int64 `[N]`, indices of
 * the classes a conditional GAN was made for; unconditional networks ignore them.
 */

import type { Tensor } from 'graft-torch';
import { GraftError } from 'graft-torch/base';
import { type Condition, Module } from 'graft-torch/nn';

/** A network whose use of labels can be faded in. */
interface Conditional {
  /** Number of classes; 0: unconditional. */
  readonly classCount: number;
  /**
   * How far labels count, 0 (not at all) to 1 (fully, the default): Shahbazi et al., "Collapse by Conditioning", ICLR
   * 2022, fade conditioning in because it collapses where data are few. The loop sets it before each step.
   */
  conditioningStrength: number;
}

/**
 * What labels mean to a network now; null where they do not count: it knows no classes, or their strength is 0.
 *
 * @throws GraftError when a conditional network was given no labels
 */
export function conditionOf(network: Conditional, labels: Tensor | null | undefined): Condition | null {
  const { classCount, conditioningStrength: strength } = network;
  if (classCount === 0 || strength === 0) return null;
  if (!labels) {
    throw new GraftError(
      `${network.constructor.name} knows ${classCount} classes: it needs a label an image`,
    );
  }
  return { labels, strength };
}

/**
 * z `[N, latent]` → images `[N, C, size, size]` in [−1, 1]. One of your own says `latent` and `forward`:
 *
 *     class Painter extends GeneratorNetwork {
 *       readonly latent = 64;
 *       private readonly layer = this.child('layer', new Linear(64, 3 * 32 * 32));
 *       override forward(z: Tensor): Tensor {
 *         return F.tanh(this.layer.forward(z)).reshape([-1, 3, 32, 32]);
 *       }
 *     }
 */
export abstract class GeneratorNetwork extends Module implements Conditional {
  /** Length of z. */
  abstract readonly latent: number;
  readonly classCount: number = 0;
  conditioningStrength = 1;

  /** @param labels int64 `[N]`; needed where `classCount` > 0 */
  abstract override forward(z: Tensor, labels?: Tensor | null): Tensor;
}

/** What a discriminator says of a batch. */
export interface Judgement {
  /** Real or generated, or a critic's score: `[N]`. */
  logits: Tensor;
  /** Logits of the classes `[N, K]`, of a discriminator with an auxiliary classifier. */
  classLogits: Tensor | null;
}

/** Images `[N, C, size, size]` in [−1, 1] → judgement. One of your own says `judge`. */
export abstract class DiscriminatorNetwork extends Module implements Conditional {
  readonly classCount: number = 0;
  conditioningStrength = 1;
  /**
   * Its parts from the image up, each with the layers that work at one resolution: what FreezeD freezes in order. None:
   * nothing can be frozen.
   */
  get stages(): readonly (readonly Module[])[] {
    return [];
  }
  /**
   * Whether a judgement depends on its image alone: no layer looks across the batch, and none changes from one pass to the
   * next. Two batches may then be judged as one, which is faster.
   */
  readonly judgesEachAlone: boolean = false;

  /** @param labels int64 `[N]`; needed by a projection discriminator */
  abstract judge(images: Tensor, labels?: Tensor | null): Judgement;

  /** The logits alone, `[N]`. */
  override forward(images: Tensor, labels?: Tensor | null): Tensor {
    return this.judge(images, labels).logits;
  }
}
