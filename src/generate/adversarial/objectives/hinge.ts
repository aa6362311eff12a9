/** The hinge loss: Lim & Ye, "Geometric GAN", 2017; Miyato et al., 2018; Zhang et al. (SAGAN), 2019. */
import { hingeDiscriminator, negativeMean } from 'graft-torch/nn';
import type { Objective } from './objective.js';

export const hinge: Objective = {
  name: 'hinge',
  logits: 'score',
  discriminatorLoss: (real, fake) => hingeDiscriminator(real.logits, fake.logits),
  generatorLoss: (fake) => negativeMean(fake.logits),
};
