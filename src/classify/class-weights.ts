/**
 * Factors of each class's loss, from how many training images it has.
 *
 *   inverse:    wₖ = N / (K · nₖ), so that every class has the same say (scikit-learn's `balanced`)
 *   effective:  wₖ ∝ (1 − β) / (1 − β^nₖ), scaled to a mean of 1: the nth image of a class adds β^(n−1) of a new one
 *
 * Source: Cui, Jia, Lin, Song & Belongie, "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019.
 */
import { DataError } from 'graft-torch/base';

export const classWeightings = ['none', 'inverse', 'effective'] as const;
export type ClassWeighting = (typeof classWeightings)[number];

/**
 * @param counts training images of each class, all > 0
 * @param options.beta of `effective`, in [0, 1)
 * @throws DataError when a class has no image
 */
export function classWeightsOf(
  counts: readonly number[],
  { weighting, beta }: { weighting: ClassWeighting; beta: number },
): number[] {
  if (weighting === 'none') return counts.map(() => 1);
  const empty = counts.findIndex((count) => !(count > 0));
  if (empty >= 0) {
    throw new DataError(
      `class ${empty} of ${counts.length} has no training image, so it has no weight; use classWeights=none or add images`,
    );
  }
  const raw = counts.map((count) => (weighting === 'inverse' ? 1 / count : (1 - beta) / (1 - beta ** count)));
  const images = counts.reduce((sum, count) => sum + count, 0);
  const scale =
    weighting === 'inverse'
      ? images / counts.length
      : counts.length / raw.reduce((sum, weight) => sum + weight, 0);
  return raw.map((weight) => weight * scale);
}
