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
import { Random } from '../../random.js';
import { normalCdf } from '../../stats/normal.js';
import { midRanks } from '../../stats/roc.js';
import { type Tensor, tidy } from '../../torch/index.js';
import { rowsOf } from '../distribution/features.js';
import { assignCells, kMeans } from './k-means.js';
import { type DistanceMetric, nearest, type PrivacySets, requireSets } from './sets.js';

export interface CopyTestOptions {
  /** Default: as many as leave 20 held-out images a cell on average, at most 3 (Stein et al. 2023). */
  cells?: number;
  /** A cell must hold more synthetic images than this, default 20 (the authors'). */
  minimumSynthetic?: number;
  /** Distance within the cells, default euclidean. */
  metric?: DistanceMetric;
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
  const { seed = 0, minimumSynthetic, metric } = options;
  const count = options.cells ?? Math.min(3, Math.max(1, Math.floor(heldOut.shape[0]! / 20)));
  return tidy(() => {
    const partition = kMeans(sets.train, count, { random: new Random(seed).fork('cells') });
    const cells: PrivacySets<Int32Array> = {
      train: partition.cells,
      heldOut: assignCells(heldOut, partition.centres),
      synthetic: assignCells(sets.synthetic, partition.centres),
    };
    return copyTestOfCells(sets, cells, { count, minimumSynthetic, metric });
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
  options: { count: number; minimumSynthetic?: number; metric?: DistanceMetric },
): CopyTest {
  const { count, minimumSynthetic = 20, metric } = options;
  const judged = Array.from({ length: count }, (_, cell): CopyTestCell => {
    const members = (set: keyof PrivacySets): number[] =>
      [...cells[set].keys()].filter((i) => cells[set][i] === cell);
    const [train, heldOut, synthetic] = [members('train'), members('heldOut'), members('synthetic')];
    const enough = train.length > 0 && heldOut.length > 0 && synthetic.length > minimumSynthetic;
    const toTrain = (features: Tensor, indices: number[]): Float64Array =>
      tidy(() => nearest(rowsOf(features, indices), rowsOf(sets.train, train), metric).distances);
    return {
      train: train.length,
      heldOut: heldOut.length,
      synthetic: synthetic.length,
      z: enough ? mannWhitneyZ(toTrain(sets.synthetic, synthetic), toTrain(sets.heldOut, heldOut)) : null,
    };
  });
  let [weights, squares, sum] = [0, 0, 0];
  for (const { z, heldOut } of judged) {
    if (z === null) continue;
    weights += heldOut;
    squares += heldOut ** 2;
    sum += heldOut * z;
  }
  if (weights === 0) return { value: null, z: null, p: null, cells: judged };
  const z = sum / Math.sqrt(squares);
  return { value: sum / weights, z, p: normalCdf(z), cells: judged };
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
