/**
 * One adversarial step, Algorithm 1 of Goodfellow et al. (2014) in the form of the DCGAN recipe: the discriminator
 * sees a real and a generated batch, then the generator is trained through the same generated batch.
 *
 * What is not needed is not computed: generated images are detached in the discriminator's step, and the
 * discriminator's parameters gather no gradient in the generator's.
 */
import type { Module } from '../nn/index.js';
import type { Optimizer } from '../optim/index.js';
import { backward, type Device, noGrad, randn, type Tensor, tidy } from '../torch/index.js';
import type { Objective } from './objectives/objective.js';

/** What a step works on. */
export interface Adversaries {
  generator: Module;
  discriminator: Module;
  generatorOptimizer: Optimizer;
  discriminatorOptimizer: Optimizer;
  objective: Objective;
  /** Length of z. */
  latentSize: number;
  device: Device;
}

/** Scalars of a step, on the device: reading them waits for it. */
export interface StepLosses {
  discriminatorLoss: Tensor;
  generatorLoss: Tensor;
  /** Mean of D as a probability over the last real batch and the generated one, before the update. */
  realScore: Tensor;
  fakeScore: Tensor;
}

/**
 * Trains the discriminator once on each batch, then the generator once.
 *
 * @param batches real images, float `[N, C, H, W]` in [−1, 1]; as many as the discriminator makes steps
 */
export function adversarialStep(adversaries: Adversaries, batches: readonly Tensor[]): StepLosses {
  const { generator, discriminator, generatorOptimizer, discriminatorOptimizer, objective } = adversaries;
  return tidy(() => {
    let fake!: Tensor;
    let losses!: Omit<StepLosses, 'generatorLoss'>;
    discriminator.requiresGrad_(true);
    for (const [index, real] of batches.entries()) {
      const z = randn([real.shape[0]!, adversaries.latentSize], { device: adversaries.device });
      const trainsGenerator = index === batches.length - 1;
      fake = trainsGenerator ? generator.forward(z) : noGrad(() => generator.forward(z));
      losses = discriminatorStep(real, fake.detach());
    }

    discriminator.requiresGrad_(false);
    const generatorLoss = objective.generatorLoss(discriminator.forward(fake));
    generatorOptimizer.zeroGrad();
    backward(generatorLoss);
    generatorOptimizer.step();
    return { ...losses, generatorLoss: generatorLoss.detach() };
  });

  function discriminatorStep(real: Tensor, fake: Tensor): Omit<StepLosses, 'generatorLoss'> {
    return tidy(() => {
      const realLogits = discriminator.forward(real);
      const fakeLogits = discriminator.forward(fake);
      let loss = objective.discriminatorLoss(realLogits, fakeLogits);
      if (objective.regulariser) loss = loss.add(objective.regulariser(discriminator, real, fake));
      discriminatorOptimizer.zeroGrad();
      backward(loss);
      discriminatorOptimizer.step();
      return {
        discriminatorLoss: loss.detach(),
        realScore: realLogits.detach().sigmoid().mean(),
        fakeScore: fakeLogits.detach().sigmoid().mean(),
      };
    });
  }
}
