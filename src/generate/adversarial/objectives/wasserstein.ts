/**
 * The Wasserstein loss, whose discriminator is a critic: Arjovsky et al., "Wasserstein GAN", 2017. It holds for
 * critics that are 1-Lipschitz: by a gradient penalty, spectral norm, or clipped weights.
 */
import type { Tensor } from 'graft-torch';
import type { Objective } from './objective.js';

/** E[D(G(z))] − E[D(x)]. */
export const wassersteinCritic = (real: Tensor, fake: Tensor): Tensor => fake.mean().sub(real.mean());

/** −E[D(G(z))], of the hinge loss, too. */
export const negativeMean = (fake: Tensor): Tensor => fake.mean().neg();

export const wasserstein: Objective = {
  name: 'wasserstein',
  logits: 'score',
  discriminatorLoss: (real, fake) => wassersteinCritic(real.logits, fake.logits),
  generatorLoss: (fake) => negativeMean(fake.logits),
};
