/** Mean, spread and bootstrap interval of a metric over pairs of images. */
import { DataError, Random } from 'graft-torch/base';
import { quantile } from '../../stats/index.js';
import { membersOf } from './groups.js';

/** One metric over one set of pairs. */
export interface Summary {
  mean: number;
  /** Standard deviation over pairs (n − 1); NaN, null in JSON, for a single pair. */
  sd: number;
  /** Number of pairs. */
  n: number;
  /** 95 % percentile bootstrap interval of the mean. */
  interval: readonly [number, number];
}

export const REPLICATES = 2000;

/**
 * @param groups a name a value: groups are drawn whole, because pairs that share a lesion are not independent
 * @throws DataError if there are no values
 */
export function summarise(values: ArrayLike<number>, seed: number, groups?: readonly string[]): Summary {
  const n = values.length;
  if (n === 0) throw new DataError('cannot summarise a metric over no pairs');
  const members = membersOf(n, groups);
  const sums = members.map((own) => own.reduce((sum, i) => sum + values[i]!, 0));
  const counts = members.map(({ length }) => length);
  const mean = sums.reduce((a, b) => a + b, 0) / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  const random = new Random(seed).fork('bootstrap');
  const means = Float64Array.from({ length: REPLICATES }, () => {
    let [total, count] = [0, 0];
    for (let i = 0; i < sums.length; i++) {
      const drawn = random.int(sums.length);
      total += sums[drawn]!;
      count += counts[drawn]!;
    }
    return total / count;
  });
  return {
    mean,
    sd: Math.sqrt(squares / (n - 1)),
    n,
    interval: [quantile(means, 0.025), quantile(means, 0.975)],
  };
}
