/**
 * Covariance over the choice of images between measures that are sums of what each image adds to their deviation
 * (influences): summed a group first, as images of one patient are not independent, with the factor I/(I − 1) of I groups.
 * For a mean it is the cluster-robust variance of Liang & Zeger, Biometrika 1986; for estimating equations their sandwich.
 */
import { groupIndex } from './delong.js';
import type { Numbers } from './roc.js';

export interface ClusterCovariance {
  /** `[measures][measures]`; NaN with one group. */
  covariance: number[][];
  /** Of each measure what each group adds. */
  byGroup: Float64Array[];
}

/** @param influences one array a measure, one value an image; the values of a measure sum to about 0 */
export function clusterCovariance(
  influences: readonly Numbers[],
  images: number,
  groups?: readonly string[],
): ClusterCovariance {
  const { index, size } = groupIndex(images, groups);
  const byGroup = influences.map((own) => {
    const sums = new Float64Array(size);
    for (let i = 0; i < images; i++) sums[index[i]!]! += own[i]!;
    return sums;
  });
  const factor = size > 1 ? size / (size - 1) : Number.NaN;
  const covariance = byGroup.map((a) =>
    byGroup.map((b) => factor * a.reduce((sum, value, g) => sum + value * b[g]!, 0)),
  );
  return { covariance, byGroup };
}
