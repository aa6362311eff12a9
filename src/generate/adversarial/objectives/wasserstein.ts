/**
 * The Wasserstein loss, whose discriminator is a critic: Arjovsky et al., "Wasserstein GAN", 2017. It holds for
 * critics that are 1-Lipschitz: by a gradient penalty, spectral norm, or clipped weights.
 */
import { negativeMean, wassersteinCritic } from 'graft-torch/nn';
import type { Objective } from './objective.js';

export const wasserstein: Objective = {
  name: 'wasserstein',
  logits: 'score',
  discriminatorLoss: (real, fake) => wassersteinCritic(real.logits, fake.logits),
  generatorLoss: (fake) => negativeMean(fake.logits),
};
