/** Spearman's rank correlation: the correlation of mid-ranks (ties share the mean of their ranks). */
import { DataError } from 'graft-torch/base';
import { midRanks, type Numbers } from './roc.js';

/**
 * @returns −1 … 1; NaN where one side has the same value throughout, and so no order
 * @throws DataError for unequal lengths
 */
export function spearman(first: Numbers, second: Numbers): number {
  if (first.length !== second.length) {
    throw new DataError(`A correlation needs pairs: got ${first.length} and ${second.length} values.`);
  }
  const [a, b] = [midRanks(first), midRanks(second)];
  const mean = (a.length + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - mean) * (b[i]! - mean);
    aa += (a[i]! - mean) ** 2;
    bb += (b[i]! - mean) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
