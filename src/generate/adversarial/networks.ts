/** From a configuration to the two networks and their optimisers. */

import type { Device, Tensor } from 'graft-torch';
import { Adam, GradScaler, type Optimizer, RmsProp } from 'graft-torch/optim';
import {
  AcganDiscriminator,
  AcganGenerator,
  DcganDiscriminator,
  DcganGenerator,
  type DiscriminatorNetwork,
  type GeneratorNetwork,
  ResnetDiscriminator,
  ResnetGenerator,
} from '../../models/index.js';
import { makeAugment } from './augment/index.js';
import { channelsOf, classesOf, type GanConfig } from './config.js';
import { makeObjective, makeRegulariser } from './objectives/index.js';
import type { Adversaries } from './step.js';

/** Classes that the networks tell apart; 0 where there is no conditioning. */
export const classCountOf = (config: GanConfig): number =>
  config.conditioning === 'none' ? 0 : classesOf(config).length;

/** The generator alone, as sampling needs it. */
export function makeGenerator(config: GanConfig): GeneratorNetwork {
  const { imageSize: size, latentSize: latent, generatorWidth: features } = config;
  const channels = channelsOf(config);
  const classCount = classCountOf(config);
  switch (config.architecture) {
    case 'dcgan':
    case 'sngan':
      return new DcganGenerator({ size, latent, features, channels });
    case 'acgan':
      return new AcganGenerator({ size, latent, channels, classCount, labelInput: config.labelInput });
    case 'resnet':
      return new ResnetGenerator({
        size,
        latent,
        features,
        channels,
        classCount,
        attention: config.attentionSize,
        spectralNorm: config.generatorSpectralNorm,
      });
  }
}

export function makeDiscriminator(config: GanConfig): DiscriminatorNetwork {
  const { imageSize: size, discriminatorWidth: features } = config;
  const channels = channelsOf(config);
  const classCount = classCountOf(config);
  switch (config.architecture) {
    case 'dcgan':
    case 'sngan':
      return new DcganDiscriminator({
        size,
        features,
        channels,
        norm: config.discriminatorNorm,
        spectralNorm: config.architecture === 'sngan',
      });
    case 'acgan':
      return new AcganDiscriminator({ size, channels, classCount });
    case 'resnet':
      return new ResnetDiscriminator({
        size,
        features,
        channels,
        classCount,
        attention: config.attentionSize,
      });
  }
}

function makeOptimizer(parameters: Tensor[], lr: number, config: GanConfig): Optimizer {
  return config.optimizer === 'rmsprop'
    ? new RmsProp(parameters, { lr })
    : new Adam(parameters, { lr, betas: config.betas, fused: true });
}

/** FreezeD: the lowest stages keep the weights they have. Returns what is left to train. */
function freezeStages(discriminator: DiscriminatorNetwork, count: number): Tensor[] {
  for (const layer of discriminator.stages.slice(0, count).flat()) layer.requiresGrad_(false);
  return discriminator.parameters().filter((parameter) => parameter.requiresGrad);
}

/**
 * Draws the weights from the global generator: seed it before.
 * @param strength p of ADA, as it is at each step: its controller
 */
export function makeAdversaries(
  config: GanConfig,
  device: Device,
  strength?: { readonly p: number },
): Adversaries {
  const memoryFormat = config.channelsLast ? 'channelsLast' : undefined;
  const generator = makeGenerator(config).to({ device, memoryFormat });
  const discriminator = makeDiscriminator(config).to({ device, memoryFormat });
  const { learningRate } = config;
  const trained = freezeStages(discriminator, config.freezeDiscriminator);
  return {
    generator,
    discriminator,
    generatorOptimizer: makeOptimizer(generator.parameters(), learningRate.generator, config),
    discriminatorOptimizer: makeOptimizer(trained, learningRate.discriminator, config),
    objective: makeObjective(config, discriminator),
    regulariser: makeRegulariser(config),
    weightClip: config.weightClip,
    augment: makeAugment(config, strength),
    updateFirst: config.updateFirst,
    device,
    precision: config.precision,
    scaler: config.precision === 'float16' ? new GradScaler() : null,
  };
}
