/** AUC of class shares: of the second class of two, else the mean over classes, each against the rest. */
import { auc } from '../../stats/index.js';

/**
 * @param truths classes 0 … K − 1; each must be there
 * @param shares `[N, K]`, row by row
 */
export function macroAuc(truths: readonly number[], shares: ArrayLike<number>): number {
  const classes = shares.length / truths.length;
  const against = (k: number): number =>
    auc(
      truths.map((truth) => (truth === k ? 1 : 0)),
      truths.map((_, i) => shares[i * classes + k]!),
    );
  if (classes === 2) return against(1);
  return Array.from({ length: classes }, (_, k) => against(k)).reduce((sum, one) => sum + one, 0) / classes;
}
