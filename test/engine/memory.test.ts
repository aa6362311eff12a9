/** 200 training steps of a small GAN: the number of live tensors and the process's memory stay where they were. */

import { liveTensors, manualSeed, rand, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { Adam } from 'graft-torch/optim';
import { expect, it } from 'vitest';
import { nonSaturating } from '../../src/generate/adversarial/objectives/non-saturating.js';
import { adversarialStep } from '../../src/generate/adversarial/step.js';
import { DcganDiscriminator, DcganGenerator } from '../../src/models/dcgan.js';

const MIB = 1024 * 1024;

it.each([
  ['DCGAN', false],
  ['SNGAN', true],
])('%s', (_, spectralNorm) => {
  manualSeed(0);
  const atStart = liveTensors();
  const generator = new DcganGenerator({ size: 64, latent: 16, features: 8 });
  const discriminator = new DcganDiscriminator({ size: 64, features: 8, spectralNorm });
  const adversaries = {
    generator,
    discriminator,
    generatorOptimizer: new Adam(generator.parameters(), { lr: 2e-4, betas: [0.5, 0.999] }),
    discriminatorOptimizer: new Adam(discriminator.parameters(), { lr: 2e-4, betas: [0.5, 0.999] }),
    objective: nonSaturating({ realLabel: 0.9 }),
    regulariser: null,
    weightClip: null,
    augment: null,
    updateFirst: 'discriminator',
    device: 'cpu',
    precision: 'float32',
    scaler: null,
  } as const;
  const options = { random: new Random(0), discriminatorSteps: 0 };
  const step = (): number =>
    tidy(() =>
      adversarialStep(
        adversaries,
        [{ images: rand([8, 3, 64, 64]), labels: null }],
        options,
      ).generatorLoss.item(),
    );

  for (let i = 0; i < 30; i++) step(); // allocators and caches fill up
  const live = liveTensors();
  const rss = process.memoryUsage.rss();
  for (let i = 0; i < 200; i++) {
    expect(Number.isFinite(step())).toBe(true);
    expect(liveTensors()).toBe(live); // after every single step
  }
  // One step makes about 25 MiB of activations: a leak of a hundredth of them would show as 50 MiB.
  const grown = (process.memoryUsage.rss() - rss) / MIB;
  console.log(
    `200 steps: ${live} live tensors throughout, memory ${grown >= 0 ? '+' : ''}${grown.toFixed(1)} MiB`,
  );
  expect(grown).toBeLessThan(40);
  for (const it of [adversaries.generatorOptimizer, adversaries.discriminatorOptimizer]) it.dispose();
  generator.dispose();
  discriminator.dispose();
  expect(liveTensors()).toBe(atStart);
});
