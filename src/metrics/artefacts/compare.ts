/**
 * Scores of two sets of images that depend on each set's mean row of figures only: a mean spectrum, a pooled histogram.
 * Then a bootstrap replicate is a matrix product, and a thousand of them take milliseconds.
 *
 * Each score comes with a 95 % interval (images, or whole groups, drawn with replacement in both sets) and with its
 * floor, the same score between random halves of the real images. Halves hold half of the images, so for sets of equal
 * size the floor of a distance is about √2 above what two equal distributions would give at full size: it errs on the
 * safe side.
 *
 * A distance cannot fall below 0 and is too high by about what chance makes of it; a bootstrap replicate is too high
 * once more. Its interval is therefore reflected at the value (the basic bootstrap; Davison & Hinkley, "Bootstrap
 * Methods and their Application", 1997, 5.2): what the replicates lie above the value is taken off it. A value that is
 * all chance may so lie above its own interval. Signed differences have the plain percentile interval.
 */

import { type Tensor, tensor, tidy } from 'graft-torch';
import type { Random } from 'graft-torch/base';
import { DataError } from 'graft-torch/base';
import { percentileInterval } from '../../stats/index.js';
import { membersOf } from '../sets/groups.js';

/** Figures of a set, one row an image. */
export interface Rows {
  /** float64 `[N, D]` on the CPU. */
  rows: Tensor;
  /** Patient, lesion or whatever binds images together, one name a row; without it each image stands alone. */
  groups?: readonly string[];
}

export interface RowSets {
  real: Rows;
  synthetic: Rows;
}

export interface CompareOptions {
  /** Decides replicates and halves; not advanced. */
  random: Random;
  /** Bootstrap replicates, default 1000. */
  replicates?: number;
  /** How often the real set is halved for the floor, default 100. */
  halvings?: number;
}

/** A score of real against real images. */
export interface Floor {
  /** Mean over the halvings. */
  value: number;
  /** The middle 95 % of the halvings. */
  low: number;
  high: number;
}

export interface Score {
  value: number;
  /** 95 %. */
  low: number;
  high: number;
  /** Null where the real set has fewer than two groups in a half. */
  floor: Floor | null;
}

/** `distance`: from 0 up, 0 for equal means. `difference`: signed, synthetic less real. */
export type ScoreKind = 'distance' | 'difference';

/** Weights of that many values in one matrix product: 64 MB. */
const VALUES_PER_CHUNK = 8_000_000;

/** Rows of each group. @throws DataError where they differ in number */
function groupsOf({ rows, groups }: Rows): number[][] {
  const n = rows.shape[0]!;
  if (groups && groups.length !== n) {
    throw new DataError(`artefacts: ${groups.length} groups for ${n} images: give one an image`);
  }
  return membersOf(n, groups);
}

/**
 * Scores of the means of two sets of rows under weights that are drawn `count` times.
 *
 * @param draw fills in the weights of both sets, which are 0
 * @returns `[draw][score]`
 */
function drawScores(
  rows: readonly [Tensor, Tensor],
  measure: (first: Tensor, second: Tensor) => Tensor,
  { count, draw }: { count: number; draw: (weights: readonly [Float64Array, Float64Array]) => void },
): Float64Array[] {
  const [n, m] = [rows[0].shape[0]!, rows[1].shape[0]!];
  const chunk = Math.max(1, Math.floor(VALUES_PER_CHUNK / Math.max(n, m)));
  const found: Float64Array[] = [];
  for (let from = 0; from < count; from += chunk) {
    const length = Math.min(chunk, count - from);
    const [first, second] = [new Float64Array(length * n), new Float64Array(length * m)];
    for (let k = 0; k < length; k++) {
      draw([first.subarray(k * n, (k + 1) * n), second.subarray(k * m, (k + 1) * m)]);
    }
    tidy(() => {
      const meansOf = (weights: Float64Array, set: Tensor): Tensor => {
        const matrix = tensor(weights, [length, set.shape[0]!]);
        return matrix.div(matrix.sum([1], true)).matmul(set);
      };
      found.push(...rowsToArrays(measure(meansOf(first, rows[0]), meansOf(second, rows[1]))));
    });
  }
  return found;
}

function rowsToArrays(values: Tensor): Float64Array[] {
  const [count, length] = values.shape as [number, number];
  const flat = values.toArray() as Float64Array;
  return Array.from({ length: count }, (_, k) => flat.slice(k * length, (k + 1) * length));
}

/**
 * @param measure mean rows of the real and the synthetic set, `[B, D]` each → `[B, K]` scores
 * @param kinds of the K scores
 * @throws DataError if groups and images differ in number
 */
export function compareMeans(
  { real, synthetic }: RowSets,
  measure: (real: Tensor, synthetic: Tensor) => Tensor,
  options: CompareOptions & { kinds: readonly ScoreKind[] },
): Score[] {
  const { random, kinds, replicates = 1000, halvings = 100 } = options;
  const members = [groupsOf(real), groupsOf(synthetic)] as const;
  return tidy(() => {
    const [values] = rowsToArrays(measure(real.rows.mean([0], true), synthetic.rows.mean([0], true)));
    const streams = [random.fork('real'), random.fork('synthetic')] as const;
    const replicated = drawScores([real.rows, synthetic.rows], measure, {
      count: replicates,
      draw: (weights) => {
        weights.forEach((own, set) => {
          const groups = members[set]!;
          for (let i = 0; i < groups.length; i++) {
            for (const row of groups[streams[set]!.int(groups.length)]!) own[row]! += 1;
          }
        });
      },
    });
    const half = Math.floor(members[0].length / 2);
    const order = [...members[0]];
    const halves = random.fork('halves');
    const halved =
      half < 2
        ? []
        : drawScores([real.rows, real.rows], measure, {
            count: halvings,
            draw: (weights) => {
              halves.shuffle(order);
              for (let i = 0; i < 2 * half; i++) {
                for (const row of order[i]!) weights[i < half ? 0 : 1][row] = 1;
              }
            },
          });
    return kinds.map((kind, k) => {
      const value = values![k]!;
      const found = halved.map((own) => own[k]!);
      return {
        value,
        ...intervalOf(
          kind,
          value,
          replicated.map((own) => own[k]!),
        ),
        floor:
          found.length === 0
            ? null
            : { value: found.reduce((a, b) => a + b) / found.length, ...percentileInterval(found) },
      };
    });
  });
}

function intervalOf(
  kind: ScoreKind,
  value: number,
  replicates: readonly number[],
): { low: number; high: number } {
  const { low, high } = percentileInterval(replicates);
  if (kind === 'difference') return { low, high };
  return { low: Math.max(0, 2 * value - high), high: Math.max(0, 2 * value - low) };
}

/** Mean of the rows and their standard deviation (n − 1), for a figure. */
export function meanAndSd(rows: Tensor): { mean: number[]; sd: number[] } {
  return tidy(() => ({
    mean: Array.from(rows.mean([0]).toArray() as Float64Array),
    sd: Array.from(rows.var([0]).sqrt().toArray() as Float64Array),
  }));
}
