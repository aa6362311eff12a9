/**
 * The classifier's loss, one formula for all its variants, over classes k of one image:
 *
 *   L = − Σₖ wₖ · tₖ · (1 − pₖ)^γ · log pₖ,  averaged over the batch
 *
 * t: the target's shares, one-hot unless labels are smoothed (Szegedy et al., CVPR 2016) or images mixed;
 * w: class weights; γ: focal loss (Lin et al., ICCV 2017), 0 for cross-entropy. With γ = 0 and w = 1 it is cross-entropy.
 * The loss is linear in the targets, so that of a mixed image is the mixture of two losses, as in Zhang et al. 2018.
 */

import { cat, type Tensor, tensor, tidy } from 'graft-torch';
import { F } from 'graft-torch/nn';

export interface ClassificationLossOptions {
  /** Focal loss's exponent, ≥ 0: how little images count that are told apart already. Default 0: cross-entropy. */
  focalGamma?: number;
  /** Factor of each class, in their order (binary: negative, positive). Default 1. */
  classWeights?: readonly number[];
}

/**
 * Label smoothing: t ← (1 − ε) · t + ε / K.
 * @param targets `[N, K]` shares that sum to 1, or `[N, 1]`, the share of the positive class of two
 * @param smoothing ε in [0, 1); 0 gives back the targets themselves
 */
export function smoothLabels(targets: Tensor, smoothing: number): Tensor {
  if (smoothing === 0) return targets;
  const classes = Math.max(2, targets.shape[1]!);
  return tidy(() => targets.mul(1 - smoothing).add(smoothing / classes));
}

/**
 * Mean loss of a batch, `[]`.
 * @param logits `[N, K]`, or `[N, 1]` for two classes
 * @param targets shares, of the logits' shape and type
 * @throws RangeError when there are not as many weights as classes
 */
export function classificationLoss(
  logits: Tensor,
  targets: Tensor,
  options: ClassificationLossOptions = {},
): Tensor {
  const { focalGamma = 0, classWeights } = options;
  const isBinary = logits.shape[1] === 1;
  const classes = isBinary ? 2 : logits.shape[1]!;
  if (classWeights && classWeights.length !== classes) {
    throw new RangeError(
      `classificationLoss: ${classes} classes need as many weights, got ${classWeights.length}`,
    );
  }
  const isWeighted = classWeights?.some((weight) => weight !== 1) ?? false;
  if (isBinary && focalGamma === 0 && !isWeighted) return F.binaryCrossEntropyWithLogits(logits, targets);
  return tidy(() => {
    const [logProbabilities, shares] = isBinary
      ? [
          F.logSoftmax(cat([logits.neg().mul(0.5), logits.mul(0.5)], 1), 1),
          cat([targets.rsub(1), targets], 1),
        ]
      : [F.logSoftmax(logits, 1), targets];
    let terms = shares.mul(logProbabilities); // [N, K]
    if (focalGamma > 0) terms = terms.mul(modulation(logProbabilities, focalGamma));
    if (isWeighted) {
      const { device, dtype } = logits;
      terms = terms.mul(tensor([...classWeights!], [1, classes], { device, dtype }));
    }
    return terms.sum(1).mean().neg();
  });
}

/** (1 − p)^γ; 1 − p is kept off 0, where an exponent below 1 has no gradient. */
const modulation = (logProbabilities: Tensor, gamma: number): Tensor =>
  logProbabilities
    .exp()
    .rsub(1)
    .clamp({ min: 2 ** -23 })
    .pow(gamma);
