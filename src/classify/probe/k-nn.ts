/**
 * Class shares among the nearest rows: what features know before anything is fitted to them.
 *
 * Votes are uniform (scikit-learn's `KNeighborsClassifier` with weights='uniform', metric='cosine'), or weigh
 * exp(similarity / temperature), as in the evaluation of DINO: Caron et al., "Emerging Properties in Self-Supervised Vision
 * Transformers", ICCV 2021; Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", 2018.
 *
 * Rows that are equally near share the last places: if two places are left for five such rows, each has 2/5 of its vote. The
 * answer does not hang on the order of rows, then. (scikit-learn takes whichever of them its partition leaves in front.)
 */
import { aten, noGrad, type Tensor, tensor, tidy, zeros } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { firstNonFiniteRow } from '../../metrics/distribution/index.js';
import { checkRows, onCpu } from './logistic.js';

const f64 = { dtype: 'float64' } as const;
/** Similarities that are held at once: 64 MB, of which there are some three. */
const CHUNK_SIMILARITIES = 2 ** 23;
/** Similarities as near as this are one: the same row twice differs by its rounding. */
const TIE = 1e-12;

export interface NearestOptions {
  /** Default: 20. */
  k?: number;
  /** Cosine similarity alone, so far. A row of zeros has no direction: similarity 0 to all. */
  metric?: 'cosine';
  /** How much a neighbour's vote weighs; default: 'similarity'. */
  votes?: 'similarity' | 'uniform';
  /** Of `votes: 'similarity'`, > 0; default: 0.07. */
  temperature?: number;
  /** Default: the largest target + 1, at least 2. */
  classes?: number;
}

/**
 * @param features `[N, D]`, of known classes
 * @param targets classes 0…K − 1 of the N rows
 * @param options.queries `[M, D]`
 * @returns float64 `[M, K]`: shares of the votes; rows sum to 1. It belongs to the scope around
 * @throws DataError for rows that cannot be used (names the row); ConfigError for a k or temperature of no use
 */
export function kNearest(
  features: Tensor,
  targets: ArrayLike<number>,
  options: NearestOptions & { queries: Tensor },
): Tensor {
  const { queries, k = 20, votes = 'similarity', temperature = 0.07 } = options;
  const classes = checkRows(features, targets, options);
  const [rows, width] = features.shape as [number, number];
  if (queries.shape.length !== 2 || queries.shape[1] !== width)
    throw new DataError(
      `k-NN: queries [${queries.shape.join(', ')}] must be as wide as features [N, ${width}]`,
    );
  const bad = queries.shape[0]! > 0 ? firstNonFiniteRow(queries) : -1;
  if (bad >= 0) throw new DataError(`k-NN: row ${bad} (counted from 0) of the queries is not finite`);
  if (!Number.isInteger(k) || k < 1 || k > rows)
    throw new ConfigError(`k-NN: k = ${k}: expected a whole number from 1 to the ${rows} rows there are`);
  if (!(temperature > 0))
    throw new ConfigError(`k-NN: temperature ${temperature}: expected a number above 0`);
  return tidy(() =>
    noGrad(() => {
      const known = directions(features).t();
      const index = tensor(Array.from(targets), [rows], { dtype: 'int64' });
      const is = aten.one_hot(index, classes).to(f64); // [N, K]
      const count = queries.shape[0]!;
      const shares = zeros([count, classes], f64);
      const most = Math.max(1, Math.floor(CHUNK_SIMILARITIES / rows));
      for (let start = 0; start < count; start += most) {
        const length = Math.min(most, count - start);
        tidy(() => {
          const similarity = directions(queries.narrow(0, start, length)).matmul(known);
          const weights = voteWeights(similarity, k, votes === 'uniform' ? null : temperature);
          const sums = weights.matmul(is);
          shares.narrow(0, start, length).copy_(sums.div(sums.sum(1, true)));
        });
      }
      return shares;
    }),
  );
}

/** Rows of length 1. */
const directions = (features: Tensor): Tensor =>
  tidy(() => {
    const x = onCpu(features);
    return x.div(x.square().sum(1, true).sqrt().clamp({ min: 1e-300 }));
  });

/**
 * @param similarity `[M, N]`
 * @returns `[M, N]`: 0 for rows that are not among the k nearest
 */
function voteWeights(similarity: Tensor, k: number, temperature: number | null): Tensor {
  return tidy(() => {
    const [nearest] = aten.topk(similarity, k, 1);
    const last = nearest.narrow(1, k - 1, 1);
    const isNearer = similarity.gt(last.add(TIE)).to(f64);
    const isTied = similarity.sub(last).abs().le(TIE).to(f64);
    const places = isNearer.sum(1, true).neg().add(k);
    const votes = isNearer.add(isTied.mul(places.div(isTied.sum(1, true))));
    if (temperature === null) return votes;
    // Relative to the nearest: exp of large numbers would overflow, and shares stay the same.
    const weight = similarity
      .sub(nearest.narrow(1, 0, 1))
      .clamp({ max: 0 })
      .div(temperature)
      .exp();
    return votes.mul(weight);
  });
}
