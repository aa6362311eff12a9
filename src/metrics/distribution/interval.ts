/**
 * Intervals of two-sample statistics (Fréchet and kernel distance, precision, coverage, …) by half-sampling: the
 * statistic is computed again on random halves of both sets, drawn without replacement.
 *
 *   m = n / 2 of n without replacement: Var = (1/m − 1/n) σ² = σ²/n
 *
 * to first order the variance of the statistic itself: the spread of the halves' values about their own mean is the
 * standard error of the whole, with nothing to scale. McCarthy, "Pseudo-replication: half samples", 1969; Politis &
 * Romano, "Large sample confidence regions based on subsamples under minimal assumptions", Ann. Statist. 1994.
 *
 * Why not the bootstrap: it draws with replacement, and a set with copies has neighbours at distance 0. Every k-NN metric
 * would see another manifold.
 *
 * The interval is about the statistic's expectation *at this N*. A bias, such as the Fréchet distance's, stays in its
 * middle: it holds for figures of equal N, and does not hold the distance of infinitely many images.
 */

import { type Tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';
import { meanAndDeviation, tQuantile } from '../../stats/index.js';
import { membersOf } from '../sets/groups.js';
import { rowsOf } from './features.js';

export interface HalfSampleOptions {
  /** Draws the halves. */
  random: Random;
  /** Default 50: the standard error is then known to about 10 %. */
  replicates?: number;
  /** Default 0.95. */
  level?: number;
  /**
   * A patient or lesion for each image of a set: whole groups are drawn, because images of one group are not independent.
   * Default: each image is its own.
   */
  groups?: { first?: readonly string[]; second?: readonly string[] };
}

export interface HalfSampleInterval {
  /** Of the whole sets. */
  value: number;
  low: number;
  high: number;
  /** Standard error. */
  sd: number;
}

/**
 * Intervals of figures that are computed together. Costs `replicates` evaluations on half of the images, one after
 * another.
 *
 * @param sets features [N ≥ 4, D] each
 * @param statistic called with the whole sets, then with halves; draws from no other random source
 * @returns value ± t · SD, t of `replicates − 1` degrees of freedom
 * @throws DataError if a set has fewer than four groups, or groups and images do not agree in number
 */
export function halfSampleIntervals<Name extends string>(
  { first, second }: { first: Tensor; second: Tensor },
  statistic: (first: Tensor, second: Tensor) => Record<Name, number>,
  options: HalfSampleOptions,
): Record<Name, HalfSampleInterval> {
  const { random, replicates = 50, level = 0.95, groups = {} } = options;
  if (!Number.isInteger(replicates) || replicates < 2) {
    throw new DataError(`half-sampling: ${replicates} replicates: use two or more`);
  }
  const drawFirst = halfDraw('first', first.shape[0]!, groups.first);
  const drawSecond = halfDraw('second', second.shape[0]!, groups.second);
  const whole = statistic(first, second);
  const drawn = Array.from({ length: replicates }, () =>
    tidy(() => statistic(rowsOf(first, drawFirst(random)), rowsOf(second, drawSecond(random)))),
  );
  const t = tQuantile((1 + level) / 2, replicates - 1);
  const intervalOf = (name: Name): HalfSampleInterval => {
    const value = whole[name];
    const sd = meanAndDeviation(drawn.map((it) => it[name])).deviation;
    return { value, low: value - t * sd, high: value + t * sd, sd };
  };
  const names = Object.keys(whole) as Name[];
  return Object.fromEntries(names.map((name) => [name, intervalOf(name)])) as Record<
    Name,
    HalfSampleInterval
  >;
}

/** @returns draws the rows of half of the groups, none twice; of an odd number one more or one less, by turns of chance */
function halfDraw(
  which: string,
  images: number,
  groups: readonly string[] | undefined,
): (random: Random) => Int32Array {
  if (groups && groups.length !== images) {
    throw new DataError(
      `half-sampling: the ${which} set has ${images} images and ${groups.length} group names: give one an image`,
    );
  }
  const rows = membersOf(images, groups);
  if (rows.length < 4) {
    throw new DataError(
      `half-sampling: the ${which} set has ${rows.length} ${groups ? 'groups' : 'images'}: four or more have halves to compare`,
    );
  }
  return (random) => {
    const half = (rows.length + (rows.length % 2) * (random.chance(0.5) ? 1 : -1)) / 2;
    return Int32Array.from(
      random
        .shuffle([...rows])
        .slice(0, half)
        .flat(),
    );
  };
}
