/**
 * Logistic regression with an L2 penalty, as scikit-learn's `LogisticRegression`: one logit for two classes, one a class
 * (softmax) for more.
 *
 *   min over w, b:  ½ ‖w‖² + C Σ_i s_i · loss(x_i · w + b, y_i)
 *
 * The intercept is not penalised. s_i is the row's weight times its class's. Balanced classes weigh Σ s / (K · Σ s of the
 * class): without weights of rows, N / (K · n_k). All in float64, on the CPU.
 */
import { aten, noGrad, ones, type Tensor, tensor, tidy, zeros } from 'graft-torch';
import { ConfigError, DataError, GraftError } from 'graft-torch/base';
import { firstNonFiniteRow } from '../../metrics/distribution/index.js';
import { solveLogistic } from './solver.js';

const f64 = { dtype: 'float64' } as const;
/** Rows whose squares are held at once. */
const CHUNK_ROWS = 4096;

/** What a classifier is fitted with, besides its strength. */
export interface WeightingOptions {
  /** Default: the largest target + 1, at least 2. */
  classes?: number;
  /** Factors of the classes; default: none. */
  classWeights?: 'none' | 'balanced' | readonly number[];
  /** Of each row, ≥ 0; default: 1. A row of weight 2 counts as two rows. */
  sampleWeights?: ArrayLike<number>;
  /**
   * Columns to mean 0 and deviation 1 (over the rows by their `sampleWeights`) before the penalty sees them; default:
   * false. The model takes features as they are all the same.
   */
  standardise?: boolean;
}

export interface LogisticOptions extends WeightingOptions {
  /** C, > 0: the larger, the weaker the penalty; default: 1. */
  strength?: number;
  /** Largest entry of the gradient over C · Σ s · deviation of the columns; default: 1e-10. */
  tolerance?: number;
  maxIterations?: number;
}

/** `logits = x · weights + bias` on features as they are: the last Linear layer of a network. */
export interface LogisticModel {
  /** float64 `[D, 1]` for two classes, `[D, K]` for more. */
  weights: Tensor;
  /** float64 `[1]` or `[K]`; of more than two classes, its mean is 0. */
  bias: Tensor;
  classes: number;
  strength: number;
  /** Of the columns, float64 `[1, D]`, where they were standardised; folded into the weights already. */
  standardisation: { mean: Tensor; deviation: Tensor } | null;
  iterations: number;
  /** Largest entry of the gradient, in the tolerance's units. */
  gradient: number;
}

/**
 * @param features `[N, D]`
 * @param targets classes 0…K − 1 of the rows; each must be there
 * @returns a model whose tensors belong to the scope around
 * @throws DataError for features that are not finite (names the row), targets that are no classes, a class without rows
 * @throws GraftError where the fit has not converged
 */
export function fitLogistic(
  features: Tensor,
  targets: ArrayLike<number>,
  options: LogisticOptions = {},
): LogisticModel {
  const { strength = 1, tolerance = 1e-10, maxIterations = 2000, standardise = false } = options;
  if (!(strength > 0 && Number.isFinite(strength)))
    throw new ConfigError(`probe: strength ${strength}: expected a finite number above 0`);
  const classes = checkRows(features, targets, options);
  const rowWeights = rowWeightsOf(targets, classes, options);
  requireClasses(targets, rowWeights, classes);
  return tidy(() =>
    noGrad(() => {
      const design = designOf(features, options.sampleWeights, { standardise });
      const total = rowWeights.reduce((sum, weight) => sum + weight, 0);
      const unit = strength * total * design.constant;
      const { weights, iterations, gradients } = solveLogistic({
        x: design.x,
        targets: targetsOf(targets, classes),
        rowWeights: tensor(rowWeights, [rowWeights.length, 1, 1]).mul(strength),
        penalty: penaltyOf(design),
        tolerances: [tolerance * unit],
        maxIterations,
      });
      requireConverged(gradients[0]! / unit, { tolerance, iterations: iterations[0]!, strength });
      const { mean, deviation } = design;
      return {
        ...unfold(weights.select(1, 0), design),
        classes,
        strength,
        standardisation: standardise ? { mean, deviation } : null,
        iterations: iterations[0]!,
        gradient: gradients[0]! / unit,
      };
    }),
  );
}

/**
 * @param features `[N, D]`
 * @returns float64 `[N, 1]` for two classes, `[N, K]` for more
 */
export const logitsOf = ({ weights, bias }: LogisticModel, features: Tensor): Tensor =>
  tidy(() => noGrad(() => onCpu(features).matmul(weights).add(bias)));

/** @returns float64 `[N, K]`; rows sum to 1 */
export const classProbabilities = (model: LogisticModel, features: Tensor): Tensor =>
  tidy(() => {
    const z = logitsOf(model, features);
    return model.classes === 2 ? aten.cat([z.neg(), z], 1).sigmoid() : aten.softmax.int(z, 1);
  });

/** Detached, float64, on the CPU. */
export const onCpu = (features: Tensor): Tensor => features.detach().to({ device: 'cpu', ...f64 });

/** @throws GraftError unless the gradient is as small as asked for */
export function requireConverged(
  gradient: number,
  { tolerance, iterations, strength }: { tolerance: number; iterations: number; strength: number },
): void {
  if (gradient <= tolerance) return;
  throw new GraftError(
    `probe: the fit at C = ${strength.toPrecision(3)} has not converged after ${iterations} iterations (gradient ${gradient.toExponential(1)}, asked for ${tolerance.toExponential(1)}): standardise the features, take a smaller C, or allow more iterations`,
  );
}

/** @returns the number of classes */
export function checkRows(
  features: Tensor,
  targets: ArrayLike<number>,
  { classes, classWeights, sampleWeights }: WeightingOptions,
): number {
  const shape = features.shape;
  const rows = targets.length;
  if (shape.length !== 2 || shape[0] !== rows || rows === 0 || shape[1] === 0)
    throw new DataError(`probe: ${rows} targets need features [${rows}, D], not [${shape.join(', ')}]`);
  const bad = firstNonFiniteRow(features);
  if (bad >= 0)
    throw new DataError(
      `probe: row ${bad} (counted from 0) of the features is not finite; leave that image out, or mend what made its features`,
    );
  const largest = Math.max(1, ...new Set(Array.from(targets)));
  const count = classes ?? largest + 1;
  const odd = Array.from(targets).findIndex((it) => !Number.isInteger(it) || it < 0 || it >= count);
  if (odd >= 0)
    throw new DataError(`probe: target ${odd} is ${targets[odd]}: expected a class, 0…${count - 1}`);
  if (sampleWeights && sampleWeights.length !== rows)
    throw new DataError(`probe: ${sampleWeights.length} sample weights for ${rows} rows`);
  const wrong = Array.from(sampleWeights ?? []).findIndex((it) => !(it >= 0 && Number.isFinite(it)));
  if (wrong >= 0)
    throw new DataError(
      `probe: sample weight ${wrong} is ${sampleWeights![wrong]}: expected a number of 0 or more`,
    );
  if (
    Array.isArray(classWeights) &&
    (classWeights.length !== count || classWeights.some((it) => !(it > 0 && Number.isFinite(it))))
  )
    throw new ConfigError(
      `probe: classWeights ${classWeights.join(', ')}: expected ${count} numbers above 0`,
    );
  return count;
}

function requireClasses(targets: ArrayLike<number>, rowWeights: Float64Array, classes: number): void {
  const there = new Set(Array.from(targets).filter((_, i) => rowWeights[i]! > 0));
  const missing = Array.from({ length: classes }, (_, k) => k).find((k) => !there.has(k));
  if (missing !== undefined)
    throw new DataError(
      `probe: class ${missing} of ${classes} has no row (of a weight above 0); it takes rows of every class`,
    );
}

/** s: each row's weight times its class's. Rows where `held` is true weigh 0, and do not count for their class. */
export function rowWeightsOf(
  targets: ArrayLike<number>,
  classes: number,
  { classWeights = 'none', sampleWeights, held }: WeightingOptions & { held?: (row: number) => boolean },
): Float64Array {
  const weights = Float64Array.from(targets, (_, i) => (held?.(i) ? 0 : (sampleWeights?.[i] ?? 1)));
  if (classWeights === 'none') return weights;
  const sums = new Float64Array(classes);
  weights.forEach((weight, i) => {
    sums[targets[i]!]! += weight;
  });
  const total = sums.reduce((sum, it) => sum + it, 0);
  const present = sums.filter((sum) => sum > 0).length;
  return weights.map((weight, i) => {
    const k = targets[i]!;
    if (weight === 0) return 0;
    return weight * (classWeights === 'balanced' ? total / (present * sums[k]!) : classWeights[k]!);
  });
}

/** Features as the solver takes them. */
export interface Design {
  /** float64 `[N, D + 1]`: centred columns (and of deviation 1, where asked for), then a constant one. */
  x: Tensor;
  /** float64 `[1, D]`. */
  mean: Tensor;
  /** float64 `[1, D]`: what the columns were divided by; 1 where they were not. */
  deviation: Tensor;
  /** The last column's value: the columns' deviation, so that the intercept moves as easily as the weights. */
  constant: number;
}

/** Centring changes the intercept alone, and spares the solver the correlation of every column with it. */
export function designOf(
  features: Tensor,
  sampleWeights: ArrayLike<number> | undefined,
  { standardise }: { standardise: boolean },
): Design {
  const [rows, width] = features.shape as [number, number];
  return tidy(() => {
    const x = zeros([rows, width + 1], f64);
    const body = x.narrow(1, 0, width);
    body.copy_(features.detach());
    const weights = sampleWeights
      ? tensor(Float64Array.from(sampleWeights), [rows, 1])
      : ones([rows, 1], f64);
    const mean = columnMeans(body, weights);
    body.sub_(mean);
    const spread = columnDeviations(body, weights);
    // A column that never changes says nothing; dividing by its rounding would make it loud.
    const isConstant = spread.le(mean.abs().mul(1e-10).add(1e-300));
    const deviation = standardise
      ? aten.where.self(isConstant, ones([1, width], f64), spread)
      : ones([1, width], f64);
    if (standardise) body.div_(deviation);
    const constant = standardise ? 1 : Math.sqrt(spread.square().mean().item()) || 1;
    x.narrow(1, width, 1).fill_(constant);
    return { x, mean, deviation, constant };
  });
}

/** `[1, D]` of `x` `[N, D]` by weights `[N, 1]`. */
export const columnMeans = (x: Tensor, weights: Tensor): Tensor =>
  tidy(() => weights.t().matmul(x).div(weights.sum()));

/** `[1, D]`, around 0: of centred columns. */
export function columnDeviations(x: Tensor, weights: Tensor): Tensor {
  return tidy(() => {
    const squares = zeros([1, x.shape[1]!], f64);
    for (let start = 0; start < x.shape[0]!; start += CHUNK_ROWS) {
      const length = Math.min(CHUNK_ROWS, x.shape[0]! - start);
      tidy(() => {
        squares.add_(
          weights
            .narrow(0, start, length)
            .t()
            .matmul(x.narrow(0, start, length).square()),
        );
      });
    }
    return squares.div(weights.sum()).sqrt();
  });
}

/** λ of one problem, `[D + 1, 1, 1]`: 1, and 0 for the intercept. */
export const penaltyOf = ({ x }: Design): Tensor =>
  tidy(() => {
    const width = x.shape[1]!;
    const penalty = ones([width, 1, 1], f64);
    penalty.narrow(0, width - 1, 1).fill_(0);
    return penalty;
  });

/** `[N, 1, 1]` of 0 and 1 for two classes, one-hot `[N, 1, K]` for more. */
export const targetsOf = (targets: ArrayLike<number>, classes: number): Tensor =>
  tidy(() => {
    const index = tensor(Array.from(targets), [targets.length, 1], { dtype: 'int64' });
    return classes === 2 ? index.to(f64).unsqueeze(2) : aten.one_hot(index, classes).to(f64);
  });

/** Weights of a design, `[D + 1, K]`, as those of features as they are. */
function unfold(w: Tensor, { mean, deviation, constant }: Design): { weights: Tensor; bias: Tensor } {
  const width = w.shape[0]! - 1;
  const weights = w.narrow(0, 0, width).div(deviation.t());
  const bias = w.select(0, width).mul(constant).sub(mean.matmul(weights).flatten());
  // The same number added to every class's logit changes nothing: one choice among them.
  return { weights, bias: bias.shape[0] === 1 ? bias : bias.sub(bias.mean()) };
}
