/** From a configuration, and what is brought along, to the two networks, what they minimise, and their optimisers. */

import type { Device, Tensor } from 'graft-torch';
import { Adam, GradScaler, type Optimizer, RMSprop } from 'graft-torch/optim';
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
import { channelsOf, classesOf } from '../config.js';
import { makeAugment } from './augment/augment.js';
import type { GanConfig } from './config.js';
import { withAuxiliaryClassifier } from './objectives/auxiliary.js';
import { r1, wganGradientPenalty } from './objectives/gradient-penalty.js';
import { hinge } from './objectives/hinge.js';
import { nonSaturating } from './objectives/non-saturating.js';
import type { Objective, Regulariser } from './objectives/objective.js';
import { wasserstein } from './objectives/wasserstein.js';
import { type GanNetworks, type GanParts, requireDiscriminator, requireGenerator } from './own.js';
import type { Adversaries } from './step.js';

/** Classes that the networks tell apart; 0 where there is no conditioning. */
export const classCountOf = (config: GanConfig): number =>
  config.conditioning === 'none' ? 0 : classesOf(config).length;

/** The generator alone, as sampling needs it. */
export function makeGenerator(config: GanConfig, own: GanNetworks = {}): GeneratorNetwork {
  const { generator } = own;
  if (generator) return requireGenerator(generator(config), config);
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

export function makeDiscriminator(config: GanConfig, own: GanNetworks = {}): DiscriminatorNetwork {
  const { discriminator } = own;
  if (discriminator) return requireDiscriminator(discriminator(config), config);
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

const ADVERSARIAL: Record<GanConfig['objective'], (config: GanConfig) => Objective> = {
  'non-saturating': nonSaturating,
  hinge: () => hinge,
  wasserstein: () => wasserstein,
};

/** @param discriminator whose conditioning strength weighs an auxiliary classifier's part */
function makeObjective(config: GanConfig, discriminator: DiscriminatorNetwork): Objective {
  const adversarial = ADVERSARIAL[config.objective](config);
  return config.conditioning === 'auxiliary'
    ? withAuxiliaryClassifier(adversarial, () => discriminator.conditioningStrength)
    : adversarial;
}

function makeRegulariser({ gradientPenalty }: GanConfig): Regulariser | null {
  if (!gradientPenalty) return null;
  const { kind, weight, every } = gradientPenalty;
  return kind === 'r1' ? r1(weight, every) : wganGradientPenalty(weight);
}

function makeOptimizer(parameters: Tensor[], lr: number, config: GanConfig): Optimizer {
  return config.optimizer === 'rmsprop'
    ? new RMSprop(parameters, { lr })
    : new Adam(parameters, { lr, betas: config.betas, fused: true });
}

/** FreezeD: the lowest stages keep the weights they have. Returns what is left to train. */
function freezeStages(discriminator: DiscriminatorNetwork, count: number): Tensor[] {
  for (const layer of discriminator.stages.slice(0, count).flat()) layer.requiresGrad_(false);
  return discriminator.parameters().filter((parameter) => parameter.requiresGrad);
}

export interface AdversariesOptions extends GanParts {
  /** p of ADA, as it is at each step: its controller. */
  strength?: { readonly p: number } | undefined;
}

/** Draws the weights from the global generator: seed it before. */
export function makeAdversaries(
  config: GanConfig,
  device: Device,
  options: AdversariesOptions = {},
): Adversaries {
  const { networks, objective, regulariser, augment, strength } = options;
  const memoryFormat = config.channelsLast ? 'channelsLast' : undefined;
  const generator = makeGenerator(config, networks).to({ device, memoryFormat });
  const discriminator = makeDiscriminator(config, networks).to({ device, memoryFormat });
  const { learningRate } = config;
  const trained = freezeStages(discriminator, config.freezeDiscriminator);
  return {
    generator,
    discriminator,
    generatorOptimizer: makeOptimizer(generator.parameters(), learningRate.generator, config),
    discriminatorOptimizer: makeOptimizer(trained, learningRate.discriminator, config),
    objective: objective ?? makeObjective(config, discriminator),
    regulariser: regulariser === undefined ? makeRegulariser(config) : regulariser,
    weightClip: config.weightClip,
    augment: augment === undefined ? makeAugment(config, strength) : augment,
    updateFirst: config.updateFirst,
    device,
    precision: config.precision,
    scaler: config.precision === 'float16' ? new GradScaler() : null,
  };
}
