/**
 * Gradient penalties: terms of the discriminator's loss that are differentiated twice.
 *
 *   WGAN-GP   λ E[(‖∇D(x̂)‖₂ − 1)²], x̂ = ε x + (1 − ε) G(z), ε ~ U(0, 1)      Gulrajani et al., 2017
 *   R1        γ/2 E[‖∇D(x)‖₂²]                                              Mescheder et al., 2018
 *   R2        γ/2 E[‖∇D(G(z))‖₂²]                                           the same; with R1 in R3GAN: Huang et al., 2024
 *
 * All are defined an image: a discriminator with statistics over the batch has no such gradient.
 */

import { grad, rand, type Tensor } from 'graft-torch';
import type { DiscriminatorNetwork } from '../../../models/index.js';
import type { Regulariser } from './objective.js';

/** Squared length of the logit's gradient by the image, `[N]`. */
function squaredGradient(discriminator: DiscriminatorNetwork, images: Tensor, labels: Tensor | null): Tensor {
  const inputs = images.detach().requiresGrad_();
  const logits = discriminator.judge(inputs, labels).logits;
  const [gradient] = grad(logits.sum(), [inputs], { createGraph: true });
  return gradient!.square().sum([1, 2, 3]);
}

/** @param weight λ; the paper's 10 */
export const wganGradientPenalty = (weight: number): Regulariser => ({
  name: 'wgan-gp',
  every: 1,
  penalty(discriminator, { real, fake, labels }) {
    const share = rand([real.shape[0]!, 1, 1, 1], { device: real.device });
    const between = fake.add(real.sub(fake).mul(share));
    // The root's slope is infinite at 0, where a gradient may be in float32: the small term keeps it finite.
    const length = squaredGradient(discriminator, between, labels).add(1e-12).sqrt();
    return length.sub(1).square().mean().mul(weight);
  },
});

/**
 * @param weight γ
 * @param every lazy regularisation: StyleGAN2 uses it in every 16th step
 */
export const r1 = (weight: number, every = 1): Regulariser => zeroCentred('r1', ['real'], { weight, every });

/** On generated images. @param weight γ */
export const r2 = (weight: number, every = 1): Regulariser => zeroCentred('r2', ['fake'], { weight, every });

/** Both, each with γ: what makes a relativistic GAN converge (Huang et al., "The GAN is dead", NeurIPS 2024). */
export const r1r2 = (weight: number, every = 1): Regulariser =>
  zeroCentred('r1+r2', ['real', 'fake'], { weight, every });

const zeroCentred = (
  name: string,
  sides: readonly ('real' | 'fake')[],
  { weight, every }: { weight: number; every: number },
): Regulariser => ({
  name,
  every,
  penalty: (discriminator, batch) =>
    sides
      .map((side) =>
        squaredGradient(discriminator, batch[side], batch.labels)
          .mean()
          .mul(weight / 2),
      )
      .reduce((sum, term) => sum.add(term)),
});
