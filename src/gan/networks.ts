/** From a configuration to the two networks, their optimisers and the objective. */
import { DcganDiscriminator, DcganGenerator, type DcganSize } from '../models/dcgan.js';
import type { Module } from '../nn/index.js';
import { Adam } from '../optim/index.js';
import type { Device } from '../torch/index.js';
import type { GanConfig } from './config.js';
import { nonSaturating } from './objectives/non-saturating.js';
import type { Objective } from './objectives/objective.js';
import type { Adversaries } from './step.js';

/** The generator alone, as sampling needs it: z `[N, latent]` → images `[N, 3, size, size]` in (−1, 1). */
export const makeGenerator = (config: GanConfig): Module =>
  new DcganGenerator({
    size: config.imageSize as DcganSize,
    latent: config.latentSize,
    features: config.generatorWidth,
  });

export const makeDiscriminator = (config: GanConfig): Module =>
  new DcganDiscriminator({
    size: config.imageSize as DcganSize,
    features: config.discriminatorWidth,
    spectralNorm: config.architecture === 'sngan',
  });

export const makeObjective = (config: GanConfig): Objective => nonSaturating({ realLabel: config.realLabel });

/** Draws the weights from the global generator: seed it before. */
export function makeAdversaries(config: GanConfig, device: Device): Adversaries {
  const generator = makeGenerator(config).to({ device });
  const discriminator = makeDiscriminator(config).to({ device });
  const { betas } = config;
  return {
    generator,
    discriminator,
    generatorOptimizer: new Adam(generator.parameters(), {
      lr: config.learningRate.generator,
      betas,
      fused: true,
    }),
    discriminatorOptimizer: new Adam(discriminator.parameters(), {
      lr: config.learningRate.discriminator,
      betas,
      fused: true,
    }),
    objective: makeObjective(config),
    latentSize: config.latentSize,
    device,
  };
}
