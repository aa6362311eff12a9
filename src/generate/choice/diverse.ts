/**
 * Images that differ: k-means over features cuts the drawn images into cells, and every cell gives as many as the others,
 * its medoids. So a mode that the generator seldom draws counts as much as one that it draws again and again. Zhdanov,
 * "Diverse mini-batch Active Learning", 2019. Failures differ, too, and lie in cells of their own: filter first.
 */

import { type Tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { rowsOf } from '../../metrics/distribution/index.js';
import { kMeans, type Partition } from '../../metrics/privacy/index.js';

/** Cells at once: the time grows with them. More images than this are chosen by cells within cells. */
export const MOST_CELLS = 256;
/** With so many cells another start changes little. */
const STARTS = 1;
const MAX_ITERATIONS = 100;

/**
 * @param features `[N ≥ count, D]` of one backbone
 * @param random decides the starts of k-means
 * @returns `count` different indices, ascending
 * @throws DataError where features are not finite
 */
export function mostDiverse(features: Tensor, count: number, random: Random): Int32Array {
  const all = Int32Array.from({ length: features.shape[0]! }, (_, i) => i);
  return Int32Array.from(spread(all, count, { features, random })).sort();
}

/** `count` of some rows: a medoid of each cell, or, of more than there may be cells, an equal number out of each. */
function spread(rows: Int32Array, count: number, given: { features: Tensor; random: Random }): number[] {
  const { features, random } = given;
  if (count >= rows.length) return [...rows];
  const k = Math.min(count, MOST_CELLS);
  return tidy(() => {
    const points = rowsOf(features, rows);
    const cut = kMeans(points, k, { random, starts: STARTS, maxIterations: MAX_ITERATIONS });
    const cells = byNearness(points, cut);
    const quotas = equalQuotas(
      cells.map((members) => members.length),
      count,
    );
    return cells.flatMap((members, cell) => {
      const quota = quotas[cell]!;
      // Images that are all alike cannot be cut further.
      if (members.length === rows.length) return members.slice(0, quota).map((i) => rows[i]!);
      if (quota <= 1) return members.slice(0, quota).map((i) => rows[i]!);
      return spread(
        Int32Array.from(members, (i) => rows[i]!),
        quota,
        given,
      );
    });
  });
}

/** Members of each cell, the nearest to its centre first: the first is the medoid. */
function byNearness(points: Tensor, { centres, cells }: Partition): number[][] {
  const distances = tidy(
    () =>
      points
        .to({ device: 'cpu', dtype: 'float64' })
        .sub(rowsOf(centres, cells))
        .square()
        .sum([1])
        .toArray() as Float64Array,
  );
  const members: number[][] = Array.from({ length: centres.shape[0]! }, () => []);
  cells.forEach((cell, i) => {
    members[cell]!.push(i);
  });
  for (const cell of members) cell.sort((a, b) => distances[a]! - distances[b]! || a - b);
  return members;
}

/**
 * Shares of `count` that are as equal as the sizes allow: small cells give all they have, the others one more each, the
 * larger ones first.
 *
 * @param sizes of the cells, `count` at least in all
 */
export function equalQuotas(sizes: readonly number[], count: number): number[] {
  const order = sizes.map((_, cell) => cell).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const quotas = sizes.map(() => 0);
  for (let left = count; left > 0; ) {
    for (const cell of order) {
      if (left === 0 || quotas[cell] === sizes[cell]) continue;
      quotas[cell]! += 1;
      left--;
    }
  }
  return quotas;
}
