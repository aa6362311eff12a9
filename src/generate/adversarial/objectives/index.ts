/** From a configuration to what the networks minimise. */
import type { DiscriminatorNetwork } from '../../../models/index.js';
import type { GanConfig } from '../config.js';
import { withAuxiliaryClassifier } from './auxiliary.js';
import { r1, wganGradientPenalty } from './gradient-penalty.js';
import { hinge } from './hinge.js';
import { nonSaturating } from './non-saturating.js';
import type { Objective, Regulariser } from './objective.js';
import { wasserstein } from './wasserstein.js';

export type { Judged, Objective, Regulariser } from './objective.js';

const ADVERSARIAL: Record<GanConfig['objective'], (config: GanConfig) => Objective> = {
  'non-saturating': nonSaturating,
  hinge: () => hinge,
  wasserstein: () => wasserstein,
};

/** @param discriminator whose conditioning strength weighs an auxiliary classifier's part */
export function makeObjective(config: GanConfig, discriminator: DiscriminatorNetwork): Objective {
  const adversarial = ADVERSARIAL[config.objective](config);
  return config.conditioning === 'auxiliary'
    ? withAuxiliaryClassifier(adversarial, () => discriminator.conditioningStrength)
    : adversarial;
}

export function makeRegulariser({ gradientPenalty }: GanConfig): Regulariser | null {
  if (!gradientPenalty) return null;
  const { kind, weight, every } = gradientPenalty;
  return kind === 'r1' ? r1(weight, every) : wganGradientPenalty(weight);
}
