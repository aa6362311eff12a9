/**
 * How strong a penalty? C by cross-validation inside the training rows: whole groups are held out, classes shared out
 * evenly, and all strengths of a grid times all folds are solved as one batch (solver.ts).
 *
 * The grid's centre is 1 over the mean squared length of the (centred, and where asked for standardised) features: there
 * C · ‖x‖² is 1, so that a row alone can move its own logit by about 1. It makes the choice independent of the features'
 * scale and of how many there are. The best C of a probe of some thousand rows lies within a factor of some ten of it. The
 * grid goes from 1/300 to 30 of it, since the weakest penalties take most of the time, and grows where the best lies at its
 * edge.
 *
 * C is scikit-learn's: it multiplies a sum over rows. A fold's fit has 1/k fewer rows than the last fit, at the same C.
 */
import { aten, noGrad, type Tensor, tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { assignFolds } from '../../data/dataset/index.js';
import { auc } from '../../stats/index.js';
import {
  checkRows,
  columnDeviations,
  columnMeans,
  type Design,
  designOf,
  penaltyOf,
  requireConverged,
  rowWeightsOf,
  targetsOf,
  type WeightingOptions,
} from './logistic.js';
import { solveLogistic } from './solver.js';

const f64 = { dtype: 'float64' } as const;
/** Of the grid: half a power of ten. */
const STEP = Math.sqrt(10);
const STEPS_DOWN = 5;
const STEPS_UP = 3;
/** Tolerance from which products in float32 are good enough. */
const COARSE = 1e-5;
/** Values that an edge is moved out by, and how often. */
const EXTENSION = 3;
const EXTENSIONS = 4;
/** Gain of an edge over its neighbour, as a part of its score, below which the curve is flat there. */
const FLAT = 1e-3;

export type Criterion = 'logLoss' | 'auc';

export interface StrengthOptions extends WeightingOptions {
  /** Patient or lesion of each row: no group is in two folds. */
  groups: readonly string[];
  /** Decides which group goes to which fold. */
  seed: number;
  /** Default: 5. */
  folds?: number;
  /** Values of C, > 0; default: nine, half a power of ten apart. It is extended where the best lies at an edge. */
  grid?: readonly number[];
  /**
   * Over all rows out of fold: log loss, weighted as the fit is (default), or the AUC, without weights (mean over the
   * classes against the rest where there are more than two).
   */
  criterion?: Criterion;
  /** The strongest penalty within one standard error of the best (Hastie, Tibshirani & Friedman 2009, 7.10). */
  oneStandardError?: boolean;
  /**
   * Of the fits, as in `fitLogistic`; default: 1e-4. Log losses stand to four digits then: enough to rank strengths.
   */
  tolerance?: number;
  maxIterations?: number;
}

/** One strength's score over all rows out of fold. */
export interface CurvePoint {
  strength: number;
  /** Log loss in nats, or AUC. */
  mean: number;
  /** From the folds' own scores: their deviation / √folds. NaN where fewer than two have one. */
  standardError: number;
}

export interface ChosenStrength {
  /** C. */
  strength: number;
  /** By ascending C. */
  curve: CurvePoint[];
  /** float64 `[N, 1]` for two classes, `[N, K]` for more: logits of each row from the fit that did not see its group. */
  outOfFold: Tensor;
  /** Fold of each row, 1…k. */
  foldOf: number[];
  /** A sentence each. */
  warnings: string[];
}

/**
 * @param features `[N, D]`
 * @param targets classes 0…K − 1
 * @returns a choice whose tensor belongs to the scope around
 * @throws DataError for rows that cannot be used; ConfigError for fewer groups than folds, or a grid of no use
 * @throws GraftError where a fit has not converged
 */
export function chooseStrength(
  features: Tensor,
  targets: ArrayLike<number>,
  options: StrengthOptions,
): ChosenStrength {
  const { groups, seed, folds = 5, criterion = 'logLoss', standardise = false } = options;
  const classes = checkRows(features, targets, options);
  if (groups.length !== targets.length)
    throw new DataError(`probe: ${groups.length} groups for ${targets.length} rows: give each row its group`);
  const labels = Array.from(targets, String);
  const foldOf = assignFolds(
    groups.map((group, i) => ({ group, label: labels[i]! })),
    folds,
    seed,
  );
  const warnings = missingClasses(targets, foldOf, { classes, folds });
  return tidy(() =>
    noGrad(() => {
      const design = designOf(features, options.sampleWeights, { standardise });
      const validation = validationOf(design, targets, { ...options, foldOf, folds, classes });
      const grid = options.grid ?? gridAround(1 / meanSquaredLength(design));
      requireGrid(grid);
      const points = scoredAlong(grid, validation, criterion);
      const { best, atEdge } = extended(points, validation, criterion);
      if (atEdge) warnings.push(edgeWords(best, points));
      const chosen = options.oneStandardError ? withinOneError(points, best, criterion) : best;
      const { strength, outOfFold } = chosen;
      const curve = points.map(({ strength, mean, standardError }) => ({ strength, mean, standardError }));
      return { strength, curve, outOfFold: outOfFold.clone(), foldOf, warnings };
    }),
  );
}

const gridAround = (centre: number): number[] =>
  Array.from({ length: STEPS_DOWN + 1 + STEPS_UP }, (_, i) => centre * STEP ** (i - STEPS_DOWN));

function requireGrid(grid: readonly number[]): void {
  if (grid.length === 0 || grid.some((it) => !(it > 0 && Number.isFinite(it))))
    throw new ConfigError(`probe: grid ${grid.join(', ')}: expected values of C above 0`);
}

/** Over the rows, by their weights: the constant column's value is the columns' own deviation. */
const meanSquaredLength = ({ deviation, constant }: Design): number => deviation.numel * constant ** 2;

/** Everything that does not hang on C. */
interface Validation {
  /** `[N, D + 1]`: the design's, in the precision that the tolerance needs. */
  x: Tensor;
  constant: number;
  targets: ArrayLike<number>;
  classes: number;
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

function validationOf(
  design: Design,
  targets: ArrayLike<number>,
  options: StrengthOptions & { foldOf: readonly number[]; folds: number; classes: number },
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
    const own = aten.where.self(variance.gt(1e-20), variance, aten.ones_like(variance));
    const penalty = penaltyOf(design);
    penalty.narrow(0, 0, width).mul_(own.t().unsqueeze(2));
    return penalty;
  });
}

interface ScoredPoint extends CurvePoint {
  outOfFold: Tensor;
}

/** Fits every strength in every fold, and scores the rows that were held out. */
function scoredAlong(grid: readonly number[], validation: Validation, criterion: Criterion): ScoredPoint[] {
  const strengths = [...new Set(grid)].sort((a, b) => a - b);
  const { x, constant, targets, classes, folds, foldOf, fitWeights, penalty, tolerance } = validation;
  const rows = targets.length;
  const all = tidy(() => {
    const units = strengths.flatMap((C) => validation.fitTotals.map((total) => C * total * constant));
    const scale = tensor(Float64Array.from(strengths), [1, strengths.length, 1, 1]);
    const { weights, gradients, iterations } = solveLogistic({
      x,
      targets: targetsOf(targets, classes),
      rowWeights: fitWeights.unsqueeze(1).mul(scale).view([rows, units.length, 1]),
      penalty: aten.repeat(penalty, [1, strengths.length, 1]),
      tolerances: units.map((unit) => unit * tolerance),
      maxIterations: validation.maxIterations,
    });
    units.forEach((unit, p) => {
      const strength = strengths[Math.floor(p / folds)]!;
      requireConverged(gradients[p]! / unit, { tolerance, iterations: iterations[p]!, strength });
    });
    const isHeld = aten
      .one_hot(
        tensor(
          foldOf.map((fold) => fold - 1),
          [rows],
          { dtype: 'int64' },
        ),
        folds,
      )
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
  const everybody = Array.from(foldOf.keys());
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

/** How bad: to be made small, whatever the criterion. */
const badness = ({ mean }: CurvePoint, criterion: Criterion): number => (criterion === 'auc' ? -mean : mean);

/** The best; of equals, the strongest penalty. */
const bestOf = (points: readonly ScoredPoint[], criterion: Criterion): number =>
  points.reduce(
    (best, point, i) => (badness(point, criterion) < badness(points[best]!, criterion) ? i : best),
    0,
  );

/** Adds points, in place, until the best is not at an edge, or the curve is flat there, or it has been moved enough. */
function extended(
  points: ScoredPoint[],
  validation: Validation,
  criterion: Criterion,
): { best: ScoredPoint; atEdge: boolean } {
  for (let turn = 0; ; turn++) {
    const at = bestOf(points, criterion);
    const best = points[at]!;
    const isEdge = at === 0 || at === points.length - 1;
    const neighbour = points[at === 0 ? 1 : at - 1];
    const gain = neighbour ? Math.abs(neighbour.mean - best.mean) : Number.POSITIVE_INFINITY;
    if (!isEdge || turn === EXTENSIONS || gain <= FLAT * Math.abs(best.mean)) return { best, atEdge: isEdge };
    const factor = at === 0 ? 1 / STEP : STEP;
    const further = Array.from({ length: EXTENSION }, (_, i) => best.strength * factor ** (i + 1));
    points.push(...scoredAlong(further, validation, criterion));
    points.sort((a, b) => a.strength - b.strength);
  }
}

function withinOneError(
  points: readonly ScoredPoint[],
  best: ScoredPoint,
  criterion: Criterion,
): ScoredPoint {
  const limit = badness(best, criterion) + (best.standardError || 0);
  return points.find((point) => badness(point, criterion) <= limit)!;
}

const edgeWords = (best: ScoredPoint, points: readonly ScoredPoint[]): string => {
  const strongest = best === points[0];
  return `The best C (${best.strength.toPrecision(3)}) is the ${strongest ? 'smallest' : 'largest'} that was tried: ${
    strongest ? 'the features hardly tell the classes' : 'the classes are told apart almost without fault'
  }, or the grid should go further.`;
};

/** What folds cannot show, a sentence a class. */
function missingClasses(
  targets: ArrayLike<number>,
  foldOf: readonly number[],
  { classes, folds }: { classes: number; folds: number },
): string[] {
  return Array.from({ length: classes }, (_, k) => {
    const within = new Set(foldOf.filter((_, i) => targets[i] === k)).size;
    if (within === folds) return '';
    if (within === 0) return `Class ${k} has no rows.`;
    const remedy =
      within === 1
        ? 'the fit that is scored on it has never seen it'
        : `its scores rest on ${within} of ${folds} folds`;
    return `Class ${k} is in ${within} of ${folds} folds, since it has too few groups: ${remedy}. Ask for fewer folds, or add groups of it.`;
  }).filter((it) => it !== '');
}
