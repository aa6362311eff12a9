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
import { noGrad, type Tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { assignFolds } from '../../data/dataset/index.js';
import { checkRows, type Design, designOf } from './logistic.js';
import {
  type Criterion,
  type CurvePoint,
  missingClasses,
  type ScoredPoint,
  scoredAlong,
  type Validation,
  type ValidationOptions,
  validationOf,
} from './out-of-fold.js';

/** Of the grid: half a power of ten. */
const STEP = Math.sqrt(10);
const STEPS_DOWN = 5;
const STEPS_UP = 3;
/** Values that an edge is moved out by, and how often. */
const EXTENSION = 3;
const EXTENSIONS = 6;
/** Gain of an edge over its neighbour, as a part of the whole curve's span, below which the curve is flat there. */
const FLAT = 1e-3;

export interface StrengthOptions extends ValidationOptions {
  /** Patient or lesion of each row: no group is in two folds. */
  groups: readonly string[];
  /**
   * Rows that are held out and scored; the others (synthetic images) are in every fit, and no score looks at them. Default:
   * all.
   */
  scored?: readonly boolean[];
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
}

export interface ChosenStrength {
  /** C. */
  strength: number;
  /** By ascending C. */
  curve: CurvePoint[];
  /**
   * float64 `[N, 1]` for two classes, `[N, K]` for more: logits of each row from the fit that did not see its group; 0 where a
   * row is not scored.
   */
  outOfFold: Tensor;
  /** Fold of each row, 1…k; 0 where it is not scored. */
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
  const held = groups.flatMap((_, i) => (options.scored?.[i] === false ? [] : [i]));
  const folded = assignFolds(
    held.map((i) => ({ group: groups[i]!, label: labels[i]! })),
    folds,
    seed,
  );
  const foldOf = new Array<number>(groups.length).fill(0);
  held.forEach((row, i) => {
    foldOf[row] = folded[i]!;
  });
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
    const isFlat = neighbour && Math.abs(neighbour.mean - best.mean) <= FLAT * spanOf(points);
    if (!isEdge || isFlat || turn === EXTENSIONS) return { best, atEdge: isEdge };
    const factor = at === 0 ? 1 / STEP : STEP;
    const further = Array.from({ length: EXTENSION }, (_, i) => best.strength * factor ** (i + 1));
    points.push(...scoredAlong(further, validation, criterion));
    points.sort((a, b) => a.strength - b.strength);
  }
}

function spanOf(points: readonly CurvePoint[]): number {
  const means = points.map(({ mean }) => mean);
  return Math.max(...means) - Math.min(...means);
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
