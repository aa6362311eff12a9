/**
 * The three-sample test of data copying, C_T: are synthetic images nearer to the training images than held-out ones are?
 * Meehan, Chaudhuri & Dasgupta, "A Non-Parametric Test to Detect Data-Copying in Generative Models", AISTATS 2020; the
 * semantics are those of their code. The space is cut into cells by k-means over the training images, since a generator
 * may copy in one place and underfit in another. In a cell with n held-out and m synthetic images, whose distances to
 * the nearest training image of the cell are compared by Mann & Whitney's U (how often the synthetic one is the greater):
 *
 *   Z = (U − nm/2 + ½) / √(nm (n + m + 1) / 12),  C_T = Σ w Z,  w = a cell's share of the held-out images
 *
 * Far below 0: copying. Far above 0: underfitting, images that no training image is like. Cells with few synthetic images
 * are left out. With several cells C_T varies less than a standard normal; z = C_T / √Σw² has its scale again.
 */

import { type Tensor, tidy } from 'graft-torch';
import { Random } from 'graft-torch/base';
import { effectiveSize, midRanks, normalCdf, normalQuantile, tCdf } from '../../stats/index.js';
import type { DistanceMetric } from '../distribution/exact-distances.js';
import { rowsOf } from '../distribution/features.js';
import { isGrouped } from './grouped-chance.js';
import { assignCells, kMeans } from './k-means.js';
import { nearest, type PrivacySets, requireSets } from './sets.js';

export interface CopyTestOptions {
  /** Default: as many as leave 20 held-out images a cell on average, at most 3 (Stein et al. 2023). */
  cells?: number;
  /** A cell must hold more synthetic images than this, default 20 (the authors'). */
  minimumSynthetic?: number;
  /** Distance within the cells, default euclidean. */
  metric?: DistanceMetric;
  /** Patient or lesion of each held-out image: they count as one. */
  groups?: readonly string[];
  /** Decides the starts of k-means, default 0. */
  seed?: number;
}

export interface CopyTestCell {
  train: number;
  heldOut: number;
  synthetic: number;
  /** Null where the cell is left out: too few synthetic images, or no real ones of a set. */
  z: number | null;
}

export interface CopyTest {
  /** C_T; null where every cell was left out, as are z and p. */
  value: number | null;
  /** Standard normal if synthetic images are new draws of the distribution. */
  z: number | null;
  /** One-sided: how often new draws come out so near. */
  p: number | null;
  cells: CopyTestCell[];
}

/**
 * @param sets features [N ≥ 2, D] of one backbone
 * @throws DataError as `requireSets` and `kMeans`
 */
export function copyTest(sets: PrivacySets, options: CopyTestOptions = {}): CopyTest {
  requireSets('copy test', sets);
  const { heldOut } = sets;
  const { seed = 0, minimumSynthetic, metric, groups } = options;
  const count = options.cells ?? Math.min(3, Math.max(1, Math.floor(heldOut.shape[0]! / 20)));
  return tidy(() => {
    const partition = kMeans(sets.train, count, { random: new Random(seed).fork('cells') });
    const cells: PrivacySets<Int32Array> = {
      train: partition.cells,
      heldOut: assignCells(heldOut, partition.centres),
      synthetic: assignCells(sets.synthetic, partition.centres),
    };
    return copyTestOfCells(sets, cells, { count, minimumSynthetic, metric, groups });
  });
}

/**
 * C_T for a partition that is given.
 *
 * @param cells of each image, 0…count − 1
 */
export function copyTestOfCells(
  sets: PrivacySets,
  cells: PrivacySets<Int32Array>,
  options: Omit<CopyTestOptions, 'cells' | 'seed'> & { count: number },
): CopyTest {
  const { count, minimumSynthetic = 20, metric, groups } = options;
  const parts: CellPart[] = [];
  const judged = Array.from({ length: count }, (_, cell): CopyTestCell => {
    const members = (set: keyof PrivacySets): number[] =>
      [...cells[set].keys()].filter((i) => cells[set][i] === cell);
    const [train, heldOut, synthetic] = [members('train'), members('heldOut'), members('synthetic')];
    const enough = train.length > 0 && heldOut.length > 0 && synthetic.length > minimumSynthetic;
    const toTrain = (features: Tensor, indices: number[]): Float64Array =>
      tidy(() => nearest(rowsOf(features, indices), rowsOf(sets.train, train), metric).distances);
    const found = { train: train.length, heldOut: heldOut.length, synthetic: synthetic.length };
    if (!enough) return { ...found, z: null };
    const [made, real] = [toTrain(sets.synthetic, synthetic), toTrain(sets.heldOut, heldOut)];
    parts.push({ images: heldOut, synthetic: made, heldOut: real });
    return { ...found, z: mannWhitneyZ(made, real) };
  });
  let [weights, squares, sum] = [0, 0, 0];
  for (const { z, heldOut } of judged) {
    if (z === null) continue;
    weights += heldOut;
    squares += heldOut ** 2;
    sum += heldOut * z;
  }
  if (weights === 0) return { value: null, z: null, p: null, cells: judged };
  const independent = sum / Math.sqrt(squares);
  const z = isGrouped(groups) ? groupedZ(independent, parts, groups) : independent;
  return { value: sum / weights, z, p: normalCdf(z), cells: judged };
}

/** A cell that is judged: indices of its held-out images, and the distances of its images. */
interface CellPart {
  images: number[];
  synthetic: Float64Array;
  heldOut: Float64Array;
}

/**
 * The standard score where held-out images come in groups. Mann & Whitney's variance takes them for independent; that of
 * the sums over groups does not (Obuchowski, Biometrics 1997), and where it is the larger, z is reduced to it. Of G
 * effective groups it has G − 1 degrees of freedom: z is that of the normal distribution with Student's p.
 */
function groupedZ(z: number, parts: readonly CellPart[], groups: readonly string[]): number {
  const weight = 1 / Math.sqrt(parts.reduce((sum, { heldOut }) => sum + heldOut.length ** 2, 0));
  const ofGroup = new Map<string, { sum: number; images: number }>();
  let [variance, total, images] = [0, 0, 0];
  for (const { images: indices, synthetic, heldOut } of parts) {
    const [m, n] = [synthetic.length, heldOut.length];
    const scale = (weight * n) / Math.sqrt((n * m * (n + m + 1)) / 12);
    // Midranks within the whole, less those within the own set: how many of the other set are below.
    const all = new Float64Array(m + n);
    all.set(synthetic);
    all.set(heldOut, m);
    const ranks = midRanks(all);
    const [own, others] = [midRanks(synthetic), midRanks(heldOut)];
    let [sum, squares] = [0, 0];
    for (let j = 0; j < m; j++) {
      const wins = ranks[j]! - own[j]!;
      sum += wins;
      squares += wins * wins;
    }
    variance += scale ** 2 * Math.max(0, squares - sum ** 2 / m);
    for (let i = 0; i < n; i++) {
      const share = scale * (m - (ranks[m + i]! - others[i]!) - m / 2);
      const found = ofGroup.get(groups[indices[i]!]!) ?? { sum: 0, images: 0 };
      ofGroup.set(groups[indices[i]!]!, { sum: found.sum + share, images: found.images + 1 });
      total += share;
    }
    images += n;
  }
  const size = ofGroup.size;
  const effective = effectiveSize([...ofGroup.values()].map((one) => one.images));
  if (size < 2 || effective <= 1) return 0;
  let between = 0;
  for (const { sum, images: count } of ofGroup.values()) between += (sum - (total * count) / images) ** 2;
  const deviation = Math.sqrt((between * size) / (size - 1) + variance);
  return asNormal(z / Math.max(1, deviation), effective - 1);
}

/** The normal score with the p-value of Student's t, to the same side; t itself where p is too small to tell. */
function asNormal(t: number, degreesOfFreedom: number): number {
  const p = tCdf(-Math.abs(t), degreesOfFreedom);
  return Math.sign(t) * (p > 1e-300 ? -normalQuantile(p) : Math.min(Math.abs(t), 37));
}

/**
 * Mann & Whitney's U of `first` over `second` (ties count a half) as a standard score, with the continuity correction of
 * the authors' code, which adds a half at either side.
 */
export function mannWhitneyZ(first: Float64Array, second: Float64Array): number {
  const [m, n] = [first.length, second.length];
  const all = new Float64Array(m + n);
  all.set(first);
  all.set(second, m);
  const ranks = midRanks(all);
  let rankSum = 0;
  for (let i = 0; i < m; i++) rankSum += ranks[i]!;
  const u = rankSum - (m * (m + 1)) / 2;
  return (u - (n * m) / 2 + 0.5) / Math.sqrt((n * m * (n + m + 1)) / 12);
}
