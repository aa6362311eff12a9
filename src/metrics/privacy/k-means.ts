/**
 * k-means: cells of about like images. Lloyd, "Least squares quantization in PCM", 1982; seeded by k-means++ (Arthur &
 * Vassilvitskii, SODA 2007), the best of several starts.
 */

import { arange, aten, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';
import { requireFeatureSet, rowsOf } from '../distribution/features.js';

export interface KMeansOptions {
  /** Decides the starts. */
  random: Random;
  /** Default 10. */
  starts?: number;
  /** Default 300. */
  maxIterations?: number;
}

export interface Partition {
  /** float64 [k, D] on the CPU; owned by the caller's scope. */
  centres: Tensor;
  /** Cell of each point. */
  cells: Int32Array;
  /** Sum of squared distances to the centres. */
  inertia: number;
}

/** `cdist`'s compute mode that takes differences: a product would lose what near centres differ in. */
const WITHOUT_MATRIX_PRODUCT = 2;

const double = (points: Tensor): Tensor => points.detach().to({ device: 'cpu', dtype: 'float64' });

const squaredDistances = (points: Tensor, centres: Tensor): Tensor =>
  aten.cdist(points, centres, 2, WITHOUT_MATRIX_PRODUCT).square(); // [N, k]

/**
 * @param points [N ≥ k, D]
 * @returns the partition of least inertia among the starts
 * @throws DataError if there are fewer points than cells, or a value is not finite
 */
export function kMeans(points: Tensor, k: number, options: KMeansOptions): Partition {
  requireFeatureSet('k-means', points, { which: 'point', least: 1 });
  const n = points.shape[0]!;
  if (!Number.isInteger(k) || k < 1 || k > n) {
    throw new DataError(`k-means: ${k} cells of ${n} images: use 1…${n} cells, or more images`);
  }
  const { random, starts = 10, maxIterations } = options;
  return tidy(() =>
    noGrad(() => {
      const x = double(points);
      let best: Partition | undefined;
      for (let start = 0; start < starts; start++) {
        const found = tidy(() => lloyd(x, plusPlus(x, k, random), { maxIterations }));
        if (!best || found.inertia < best.inertia) best = found;
      }
      return best!;
    }),
  );
}

/** The cell of each point: that of the nearest centre, of equal ones the first. */
export const assignCells = (points: Tensor, centres: Tensor): Int32Array =>
  tidy(() =>
    noGrad(
      () =>
        aten
          .argmin(squaredDistances(double(points), centres), 1)
          .to({ dtype: 'int32' })
          .toArray() as Int32Array,
    ),
  );

/**
 * Lloyd's iterations until no point changes its cell. A cell that loses all its points moves to the point that lies
 * worst, so that there are always k.
 *
 * @param points float64 [N, D] on the CPU
 * @param initial float64 [k, D]
 */
export function lloyd(points: Tensor, initial: Tensor, options: { maxIterations?: number } = {}): Partition {
  const { maxIterations = 300 } = options;
  return tidy(() => {
    let centres = initial.clone();
    let cells = assignCells(points, centres);
    for (let iteration = 0; iteration < maxIterations; iteration++) {
      const moved = meansOfCells(points, cells, centres);
      centres.dispose();
      centres = moved;
      const next = assignCells(points, centres);
      const settled = next.every((cell, i) => cell === cells[i]);
      cells = next;
      if (settled) break;
    }
    const inertia = squaredDistances(points, centres).amin([1]).sum().item();
    return { centres, cells, inertia };
  });
}

/** @param previous the centres that gave the cells */
function meansOfCells(points: Tensor, cells: Int32Array, previous: Tensor): Tensor {
  const k = previous.shape[0]!;
  return tidy(() => {
    const member = tensor(cells, [cells.length, 1], { dtype: 'int64' })
      .eq(arange(0, k))
      .to({ dtype: 'float64' }); // [N, k]
    const counts = member.sum([0]);
    const means = member
      .t()
      .matmul(points)
      .div(counts.clamp({ min: 1 }).unsqueeze(1)); // [k, D]
    const sizes = counts.toArray() as Float64Array;
    const empty = [...sizes.keys()].filter((cell) => sizes[cell] === 0);
    if (empty.length > 0) {
      const [, worst] = aten.topk(squaredDistances(points, previous).amin([1]), empty.length);
      const rows = points.indexSelect(0, worst);
      empty.forEach((cell, i) => {
        means.select(0, cell).copy_(rows.select(0, i));
      });
    }
    return means;
  });
}

/** Each further centre is drawn among the points, in proportion to its squared distance from the centres so far. */
function plusPlus(points: Tensor, k: number, random: Random): Tensor {
  const n = points.shape[0]!;
  const chosen = [random.int(n)];
  const reach = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  while (chosen.length < k) {
    const distances = tidy(
      () =>
        squaredDistances(points, rowsOf(points, chosen.slice(-1)))
          .flatten()
          .toArray() as Float64Array,
    );
    let total = 0;
    for (let i = 0; i < n; i++) {
      reach[i] = Math.min(reach[i]!, distances[i]!);
      total += reach[i]!;
    }
    let left = random.next() * total;
    let at = 0;
    while (at < n - 1 && left >= reach[at]!) left -= reach[at++]!;
    chosen.push(at);
  }
  return rowsOf(points, chosen);
}
