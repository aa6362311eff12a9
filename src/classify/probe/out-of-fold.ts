/**
 * Scores of rows from fits that did not see their group: every strength of a grid in every fold, solved as one batch.
 */
import { aten, type Tensor, tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { auc } from '../../stats/index.js';
import {
  columnDeviations,
  columnMeans,
  type Design,
  penaltyOf,
  requireConverged,
  rowWeightsOf,
  targetsOf,
  type WeightingOptions,
} from './logistic.js';
import { type LogisticSolution, solveLogistic } from './solver.js';

const f64 = { dtype: 'float64' } as const;
/**
 * Of a column whose deviation over all rows is 1: less is the rounding of a column that is constant in a fold's rows, and its
 * weight would go without a penalty. A rare feature that one row in 10⁹ has would be cut off; float32 features have none.
 */
const NO_VARIANCE = 1e-9;
/** Tolerance from which products in float32 are good enough. */
const COARSE = 1e-5;
/** Within which they are, or never will be. */
const COARSE_ITERATIONS = 300;

export type Criterion = 'logLoss' | 'auc';

/** One strength's score over all rows out of fold. */
export interface CurvePoint {
  strength: number;
  /** Log loss in nats, or AUC. */
  mean: number;
  /** From the folds' own scores: their deviation / √folds. NaN where fewer than two have one. */
  standardError: number;
}

export interface ValidationOptions extends WeightingOptions {
  /**
   * Of the fits, as in `fitLogistic`; default: 1e-4, which moves log losses by some 1e-4: enough to rank strengths.
   * Products are in float32 from 1e-5 on.
   */
  tolerance?: number;
  maxIterations?: number;
}

/** Everything that does not hang on C. */
export interface Validation {
  /** `[N, D + 1]`: the design's, in the precision that the tolerance needs. */
  x: Tensor;
  /** The same in float64. */
  exact: Tensor;
  constant: number;
  targets: ArrayLike<number>;
  classes: number;
  /** 1…k; 0 for rows that every fit has and no score looks at. */
  foldOf: readonly number[];
  folds: number;
  /** Of each fold's fit, `[N, F, 1]`, and their sums. */
  fitWeights: Tensor;
  fitTotals: number[];
  /** `[D + 1, F, 1]` */
  penalty: Tensor;
  /** Of rows as they are scored. */
  scoreWeights: Float64Array;
  tolerance: number;
  maxIterations: number;
}

export function validationOf(
  design: Design,
  targets: ArrayLike<number>,
  options: ValidationOptions & { foldOf: readonly number[]; folds: number; classes: number },
): Validation {
  const { foldOf, folds, classes, standardise = false, tolerance = 1e-4, maxIterations = 2000 } = options;
  const rows = targets.length;
  const each = Array.from({ length: folds }, (_, fold) => {
    const held = (row: number): boolean => foldOf[row] === fold + 1;
    const weights = rowWeightsOf(targets, classes, { ...options, held });
    const given = rowWeightsOf(targets, classes, { ...options, classWeights: 'none', held });
    return {
      total: weights.reduce((sum, it) => sum + it, 0),
      weights: tensor(weights, [rows, 1, 1]),
      penalty: standardise ? ownPenalty(design, tensor(given, [rows, 1])) : penaltyOf(design),
    };
  });
  const empty = each.findIndex(({ total }) => !(total > 0));
  if (empty >= 0)
    throw new DataError(`probe: no row outside fold ${empty + 1} has a weight above 0: ask for fewer folds`);
  return {
    x: tolerance < COARSE ? design.x : design.x.to({ dtype: 'float32' }),
    exact: design.x,
    constant: design.constant,
    targets,
    classes,
    foldOf,
    folds,
    fitWeights: aten.cat(
      each.map(({ weights }) => weights),
      1,
    ),
    fitTotals: each.map(({ total }) => total),
    penalty: aten.cat(
      each.map(({ penalty }) => penalty),
      1,
    ),
    scoreWeights: rowWeightsOf(targets, classes, options),
    tolerance,
    maxIterations,
  };
}

/**
 * A fold standardised by the rows that it is fitted to, without a matrix of its own: weights of columns that are σ wide
 * pay σ² as much.
 */
function ownPenalty(design: Design, weights: Tensor): Tensor {
  return tidy(() => {
    const width = design.x.shape[1]! - 1;
    const body = design.x.narrow(1, 0, width);
    // Columns are centred over all rows: E[x²] − E[x]² loses no digits that matter.
    const variance = columnDeviations(body, weights).square().sub(columnMeans(body, weights).square());
    const own = aten.where.self(variance.gt(NO_VARIANCE), variance, aten.ones_like(variance));
    const penalty = penaltyOf(design);
    penalty.narrow(0, 0, width).mul_(own.t().unsqueeze(2));
    return penalty;
  });
}

export interface ScoredPoint extends CurvePoint {
  outOfFold: Tensor;
}

/** Fits every strength in every fold, and scores the rows that were held out. */
export function scoredAlong(
  grid: readonly number[],
  validation: Validation,
  criterion: Criterion,
): ScoredPoint[] {
  const strengths = [...new Set(grid)].sort((a, b) => a - b);
  const { x, constant, targets, classes, folds, foldOf, fitWeights, penalty, tolerance, maxIterations } =
    validation;
  const rows = targets.length;
  const all = tidy(() => {
    const units = strengths.flatMap((C) => validation.fitTotals.map((total) => C * total * constant));
    const scale = tensor(Float64Array.from(strengths), [1, strengths.length, 1, 1]);
    const solve = (x: Tensor, maxIterations: number): LogisticSolution =>
      solveLogistic({
        x,
        targets: targetsOf(targets, classes),
        rowWeights: fitWeights.unsqueeze(1).mul(scale).view([rows, units.length, 1]),
        penalty: aten.repeat(penalty, [1, strengths.length, 1]),
        tolerances: units.map((unit) => unit * tolerance),
        maxIterations,
      });
    const within = ({ gradients }: LogisticSolution): boolean =>
      units.every((unit, p) => gradients[p]! / unit <= tolerance);
    const { x: design } = validation;
    const isCoarse = design.dtype === 'float32';
    let solution = solve(design, isCoarse ? Math.min(COARSE_ITERATIONS, maxIterations) : maxIterations);
    // Columns that are nearly alike can need more digits than float32 has.
    if (isCoarse && !within(solution)) solution = solve(validation.exact, maxIterations);
    const { weights, gradients, iterations } = solution;
    units.forEach((unit, p) => {
      const strength = strengths[Math.floor(p / folds)]!;
      requireConverged(gradients[p]! / unit, { tolerance, iterations: iterations[p]!, strength });
    });
    const isHeld = aten
      .one_hot(tensor(foldOf, [rows], { dtype: 'int64' }), folds + 1)
      .narrow(1, 1, folds)
      .to(f64);
    const logits = x.matmul(weights.view([weights.shape[0]!, -1]).to({ dtype: x.dtype })).to(f64);
    return logits
      .view([rows, strengths.length, folds, weights.shape[2]!])
      .mul(isHeld.view([rows, 1, folds, 1]))
      .sum(2); // [N, strengths, K]
  });
  return strengths.map((strength, i) => {
    const outOfFold = all.select(1, i);
    return { strength, outOfFold, ...scoreOf(outOfFold, validation, criterion) };
  });
}

function scoreOf(
  logits: Tensor,
  validation: Validation,
  criterion: Criterion,
): { mean: number; standardError: number } {
  const { targets, folds, foldOf, classes } = validation;
  const score = criterion === 'auc' ? aucScore(logits, targets, classes) : lossScore(logits, validation);
  const everybody = foldOf.flatMap((fold, row) => (fold > 0 ? [row] : []));
  const own = Array.from({ length: folds }, (_, fold) =>
    score(everybody.filter((row) => foldOf[row] === fold + 1)),
  ).filter((it) => Number.isFinite(it));
  const middle = own.reduce((sum, it) => sum + it, 0) / own.length;
  const squares = own.reduce((sum, it) => sum + (it - middle) ** 2, 0);
  return {
    mean: score(everybody),
    standardError: own.length < 2 ? Number.NaN : Math.sqrt(squares / (own.length - 1) / own.length),
  };
}

type Score = (rows: readonly number[]) => number;

/** Mean log loss of rows, by their weights; NaN where they have none. */
function lossScore(logits: Tensor, { targets, classes, scoreWeights }: Validation): Score {
  const losses = tidy(() => {
    const is = targetsOf(targets, classes).squeeze(1);
    const each =
      classes === 2
        ? aten.softplus(logits.mul(is.mul(-2).add(1)))
        : aten.log_softmax.int(logits, 1).mul(is).sum([1]).neg();
    return each.toArray();
  });
  return (rows) => {
    const total = rows.reduce((sum, i) => sum + scoreWeights[i]!, 0);
    return rows.reduce((sum, i) => sum + scoreWeights[i]! * Number(losses[i]), 0) / total;
  };
}

/** NaN where rows are all of one class. */
function aucScore(logits: Tensor, targets: ArrayLike<number>, classes: number): Score {
  const columns = classes === 2 ? 1 : classes;
  const scores = tidy(() => (classes === 2 ? logits : aten.softmax.int(logits, 1)).toArray()) as Float64Array;
  return (rows) => {
    const areas = Array.from({ length: columns }, (_, k) => {
      const labels: number[] = rows.map((i) => (targets[i] === (classes === 2 ? 1 : k) ? 1 : 0));
      if (new Set(labels).size < 2) return Number.NaN;
      return auc(
        labels,
        rows.map((i) => scores[i * columns + k]!),
      );
    }).filter((it) => Number.isFinite(it));
    return areas.reduce((sum, it) => sum + it, 0) / areas.length;
  };
}

/** What folds cannot show, a sentence a class. */
export function missingClasses(
  targets: ArrayLike<number>,
  foldOf: readonly number[],
  { classes, folds }: { classes: number; folds: number },
): string[] {
  return Array.from({ length: classes }, (_, k) => {
    const within = new Set(foldOf.filter((fold, i) => fold > 0 && targets[i] === k)).size;
    if (within === folds) return '';
    if (within === 0) return `Class ${k} has no rows.`;
    const remedy =
      within === 1
        ? 'the fit that is scored on it has never seen it'
        : `its scores rest on ${within} of ${folds} folds`;
    return `Class ${k} is in ${within} of ${folds} folds, since it has too few groups: ${remedy}. Ask for fewer folds, or add groups of it.`;
  }).filter((it) => it !== '');
}
