/** The hinge loss: Lim & Ye, "Geometric GAN", 2017; Miyato et al., 2018; Zhang et al. (SAGAN), 2019. */
import type { Tensor } from 'graft-torch';
import { F } from 'graft-torch/nn';
import type { Objective } from './objective.js';
import { negativeMean } from './wasserstein.js';

/** E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]. */
export const hingeDiscriminator = (real: Tensor, fake: Tensor): Tensor =>
  F.relu(real.rsub(1))
    .mean()
    .add(F.relu(fake.add(1)).mean());

export const hinge: Objective = {
  name: 'hinge',
  logits: 'score',
  discriminatorLoss: (real, fake) => hingeDiscriminator(real.logits, fake.logits),
  generatorLoss: (fake) => negativeMean(fake.logits),
};
