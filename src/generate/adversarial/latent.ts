/**
 * Two ways to get better images out of a trained generator, both from Brock, Donahue, Simonyan, "Large Scale GAN
 * Training for High Fidelity Natural Image Synthesis" (BigGAN), ICLR 2019: truncated latents (section 3.1), which trade
 * variety for typicality, and standing statistics (appendix B) for the batch norms.
 */

import { aten, type Generator, noGrad, randn, type Tensor, tidy } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { averageBatchStatistics, type Module } from 'graft-torch/nn';

/** Below this nearly all draws are thrown away, and images hardly differ. */
const LEAST_TRUNCATION = 0.02;

/**
 * Gaussian latents whose values beyond ± truncation are drawn again until none is left. What was within stays as it
 * was: with the same generator, images grow more typical as the truncation shrinks, and none is another.
 *
 * @param shape `[N, latent]`
 * @param random draws them; a CPU generator of its own
 * @param truncation ψ in units of the standard deviation, ≥ 0.02; null: not truncated
 * @throws ConfigError for a truncation out of range
 */
export function truncatedNormal(
  shape: readonly number[],
  random: Generator,
  truncation: number | null,
): Tensor {
  if (truncation !== null && !(truncation >= LEAST_TRUNCATION))
    throw new ConfigError(
      `truncation ${truncation}: expected ${LEAST_TRUNCATION} or more (standard deviations), or null for none`,
    );
  return tidy(() =>
    noGrad(() => {
      const z = randn(shape, { generator: random });
      if (truncation === null) return z;
      while (true) {
        const outside = z.abs().gt(truncation);
        const count = outside.sum().item();
        if (count === 0) return z;
        aten.masked_scatter_(z, outside, randn([count], { generator: random }));
      }
    }),
  );
}

export interface StandingOptions {
  /** Forward passes that are averaged; default 16. */
  draws?: number;
  /** The latents of a pass, and the labels of a conditional generator, on the network's device. */
  draw: (pass: number) => { z: Tensor; labels: Tensor | null };
}

/**
 * Standing statistics: every batch norm's running mean and variance become the plain average over many batches of the
 * generator as it is now. The running ones were gathered while the weights still moved, and those of a moving average
 * of weights (EMA) belong to no weights at all.
 *
 * PyTorch's `momentum=None`: pass n counts with momentum 1/n. Only the batch norms are in training mode meanwhile, so
 * that spectral norms and dropout stay as they are for sampling. The network is in evaluation mode afterwards; no
 * gradient is recorded.
 */
export function standingStatistics(
  generator: Module & { forward(z: Tensor, labels?: Tensor | null): Tensor },
  options: StandingOptions,
): void {
  const { draws = 16, draw } = options;
  if (!Number.isInteger(draws) || draws < 1)
    throw new ConfigError(`standing statistics: draws ${draws}: expected 1 or more`);
  averageBatchStatistics(generator, draws, (pass) => {
    const { z, labels } = draw(pass);
    generator.forward(z, labels);
  });
}
