/**
 * The auxiliary classifier of Odena, Olah & Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", ICML
 * 2017: both networks also minimise the cross-entropy of the class that an image is, or was made to be.
 */

import type { Tensor } from 'graft-torch';
import { F } from 'graft-torch/nn';
import type { Judged, Objective } from './objective.js';

const classLoss = ({ classLogits, labels }: Judged): Tensor => {
  if (!classLogits || !labels) throw new Error('an auxiliary classifier needs class logits and labels');
  return F.crossEntropy(classLogits, labels);
};

/**
 * Adds the class loss to an adversarial objective, as the mean of the two heads.
 *
 * @param strength how much the class counts now, 0 to 1: conditioning may be faded in
 */
export const withAuxiliaryClassifier = (adversarial: Objective, strength: () => number): Objective => {
  const mean = (head: Tensor, classes: Tensor): Tensor => head.add(classes, strength()).div(1 + strength());
  return {
    name: `${adversarial.name} with auxiliary classifier`,
    logits: adversarial.logits,
    discriminatorLoss: (real, fake) =>
      mean(adversarial.discriminatorLoss(real, fake), classLoss(real).add(classLoss(fake))),
    generatorLoss: (fake, real) => mean(adversarial.generatorLoss(fake, real), classLoss(fake)),
  };
};
