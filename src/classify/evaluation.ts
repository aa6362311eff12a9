/**
 * Everything that is said of a classifier's scores on one split, as plain data: scores with intervals, the confusion
 * matrix, calibration before and after temperature scaling, subgroups.
 *
 * An evaluation is views of one class against the rest and a rule by which a class is called. Of two classes one view
 * counts, the positive class's, and a threshold decides (`evaluateScores`); several classes are a view each, and the
 * likeliest is called (`evaluateClasses`).
 *
 * What is fitted (threshold, temperature) is fitted on validation images and used on these as it is. Intervals are over the
 * choice of images, whole groups (patients, lesions) at a time: DeLong's for the AUC, Wilson's by group for shares of
 * images, the percentile bootstrap over groups for the rest; where no replicate differs, the exact bound for the number of
 * groups (../stats/bounded-interval.ts).
 */
import { DataError, Random } from 'graft-torch/base';
import type { Partition } from '../data/dataset/index.js';
import {
  type BinaryScores,
  binaryScorer,
  type CalibrationBin,
  type Confusion,
  calibrationBins,
  calibrationError,
  calibrationFloor,
  chooseThreshold,
  classDraw,
  confusion,
  confusionMatrix,
  effectiveGroups,
  fitSoftmaxTemperature,
  fitTemperature,
  groupDraw,
  groupsBehind,
  type Interval,
  LARGEST_LOG_LOSS,
  likeliest,
  logit,
  logProbability,
  multiClassScorer,
  type OneClassScores,
  type OverallScores,
  proportion,
  replicateInterval,
  type Temperature,
  temper,
  temperSoftmax,
} from '../stats/index.js';
import { type ClassSubgroup, classSubgroupTables } from './class-subgroups.js';
import { aucIntervalOf, type ClassScoreRow, oneAgainstRest, type ScoreRow } from './scores.js';
import { type SubgroupTable, subgroupTables } from './subgroups.js';

export type ScoreName = keyof BinaryScores;
export type OverallScoreName = keyof OverallScores;
export type OneClassScoreName = keyof OneClassScores;
export type IntervalMethod = 'delong' | 'wilson' | 'bootstrap';

export interface Score {
  /** Null where it is not defined, such as the precision where nothing is called positive. */
  value: number | null;
  /** 95 %; null where it cannot be estimated. */
  interval: Interval | null;
  method: IntervalMethod;
}

export interface Calibration {
  bins: CalibrationBin[];
  /** Expected calibration error over 10 bins of equal width. */
  error: number;
  /** The error that these probabilities would have if they were true: mean, and what 95 % of draws stay below. */
  floor: { mean: number; high: number };
  brier: number;
  logLoss: number;
}

/** Calibration before and after temperature scaling. */
export interface Calibrated {
  /** Of the positive class's probability; of several classes, of that of the class that is called: is it right as often? */
  calibration: Calibration;
  /** After temperature scaling; null where no temperature could be fitted. */
  tempered: Calibration | null;
  temperature: Temperature & { validationImages: number };
}

/** What every evaluation says, whatever the rule. */
export interface EvaluationFrame extends Calibrated {
  images: number;
  groups: number;
  protocol: { interval: string; replicates: number; seed: number; calibrationBins: number };
}

/** The positive class against the rest, called from a threshold on. */
export interface Evaluation extends EvaluationFrame {
  positives: number;
  threshold: number;
  scores: Record<ScoreName, Score>;
  confusion: Confusion;
  subgroups: SubgroupTable[];
  protocol: EvaluationFrame['protocol'] & { threshold: string };
}

/** One class against all others. */
export interface OneClassEvaluation {
  name: string;
  images: number;
  /** Groups with an image of it. */
  groups: number;
  /** Images that are called so. */
  called: number;
  /** Null for a class without images. */
  scores: Record<OneClassScoreName, Score> | null;
}

/** Several classes, of which the likeliest is called. */
export interface ClassEvaluation extends EvaluationFrame {
  /** In the order of the logits, the positive one first. */
  classes: string[];
  /** Means are over the classes that have images; Brier score and log loss are of all classes. */
  scores: Record<OverallScoreName, Score>;
  byClass: OneClassEvaluation[];
  /** Images, `[what it is][what it is called]`. */
  confusion: number[][];
  subgroups: SubgroupTable<ClassSubgroup>[];
  protocol: EvaluationFrame['protocol'] & { calls: string };
}

export interface EvaluateOptions<Row> {
  /** Scores of validation images, made as those under test were; for the temperature, and the threshold unless given. */
  validation: readonly Row[];
  partitions?: readonly Partition[];
  /** Of the bootstrap; default 2000. */
  replicates?: number;
  seed?: number;
}

export const CALIBRATION_BINS = 10;

const labelsOf = (rows: readonly ScoreRow[]): number[] => rows.map(({ label }) => label);
const scoresOf = (rows: readonly ScoreRow[]): number[] => rows.map(({ score }) => score);
const groupsOf = (rows: readonly { group: string }[]): string[] => rows.map(({ group }) => group);

/**
 * Two classes, or one against the rest.
 * @param rows images of one split, all of them
 * @param options.threshold instead of the one with the best balanced accuracy on the validation images
 * @throws DataError where a class is missing among `rows` or the validation images
 */
export function evaluateScores(
  rows: readonly ScoreRow[],
  options: EvaluateOptions<ScoreRow> & { threshold?: number },
): Evaluation {
  const { validation, partitions = [] } = options;
  requireBothClasses(rows, 'images under test');
  requireBothClasses(validation, 'validation images');
  const threshold = options.threshold ?? chooseThreshold(labelsOf(validation), scoresOf(validation));
  const score = binaryScorer(labelsOf(rows), scoresOf(rows), threshold);
  const { frame, scores } = evaluate(rows, options, {
    truths: rows.map(({ label }) => 1 - label),
    calls: rows.map((row) => (row.score >= threshold ? 0 : 1)),
    views: [rows],
    scorer: (weights) => [null, score(weights)],
    draw: groupDraw(labelsOf(rows), groupsOf(rows)),
    fit: (of) => fitTemperature(labelsOf(of), scoresOf(of).map(logit)),
    temper: (row, temperature) => ({ ...row, score: temper(row.score, temperature) }),
    confidence: (of) => {
      const [labels, probabilities] = [labelsOf(of), scoresOf(of)];
      return { labels, probabilities, ...binaryScorer(labels, probabilities, 0.5)() };
    },
  });
  return {
    ...frame,
    positives: rows.filter(({ label }) => label === 1).length,
    threshold,
    scores: scores[1] as Evaluation['scores'],
    confusion: confusion(labelsOf(rows), scoresOf(rows), threshold),
    subgroups: subgroupTables(rows, threshold, partitions),
    protocol: {
      threshold: options.threshold === undefined ? 'best balanced accuracy on the validation split' : 'given',
      ...frame.protocol,
    },
  };
}

function requireBothClasses(rows: readonly ScoreRow[], what: string): void {
  const positives = rows.filter(({ label }) => label === 1).length;
  if (positives === 0 || positives === rows.length) {
    throw new DataError(
      `the ${what} are ${rows.length}, ${positives} of them positive; scores need both classes: use a larger split`,
    );
  }
}

/**
 * @param rows images of one split, all of them
 * @param classes in the order of the probabilities; those without images have no scores and are in no mean
 * @throws DataError where an image's class is none of them, or fewer than two have images
 */
export function evaluateClasses(
  rows: readonly ClassScoreRow[],
  classes: readonly string[],
  options: EvaluateOptions<ClassScoreRow>,
): ClassEvaluation {
  const { partitions = [], replicates = 2000 } = options;
  const truths = truthsOf(rows, classes);
  const calls = rows.map(({ probabilities }) => likeliest(probabilities));
  const score = multiClassScorer(
    truths,
    rows.map(({ probabilities }) => probabilities),
  );
  const { frame, scores, random } = evaluate(rows, options, {
    truths,
    calls,
    views: classes.map((_, k) => oneAgainstRest(rows, classes, k)),
    scorer: (weights) => {
      const { overall, byClass } = score(weights);
      return [overall, ...byClass];
    },
    draw: classDraw(truths, groupsOf(rows)),
    fit: (of) =>
      fitSoftmaxTemperature(
        truthsOf(of, classes),
        of.map(({ probabilities }) => probabilities.map(logProbability)),
      ),
    temper: (row, temperature) => ({ ...row, probabilities: temperSoftmax(row.probabilities, temperature) }),
    confidence: (of) => {
      const probabilities = of.map((row) => row.probabilities);
      const called = probabilities.map(likeliest);
      return {
        labels: called.map((call, i) => (call === truths[i] ? 1 : 0)),
        // The sum of a softmax may pass 1 by a rounding.
        probabilities: probabilities.map((row, i) => Math.min(1, row[called[i]!]!)),
        ...multiClassScorer(truths, probabilities)().overall,
      };
    },
  });
  return {
    ...frame,
    classes: [...classes],
    scores: scores[0] as ClassEvaluation['scores'],
    byClass: classes.map((name, k) => ({
      name,
      images: truths.filter((truth) => truth === k).length,
      groups: new Set(groupsOf(rows.filter(({ label }) => label === name))).size,
      called: calls.filter((call) => call === k).length,
      scores: scores[k + 1] as OneClassEvaluation['scores'],
    })),
    confusion: confusionMatrix(truths, calls, { classes: classes.length }),
    subgroups: classSubgroupTables(rows, partitions, {
      ...{ classes: classes.length, truths, calls, replicates },
      random: random.fork('subgroups'),
    }),
    protocol: { calls: 'the likeliest class', ...frame.protocol },
  };
}

function truthsOf(rows: readonly ClassScoreRow[], classes: readonly string[]): number[] {
  return rows.map(({ id, label }) => {
    const k = classes.indexOf(label);
    if (k >= 0) return k;
    throw new DataError(
      `image '${id}' is '${label}', which is none of the run's classes: ${classes.join(', ')}`,
    );
  });
}

/** Over all classes, then of each view, by name; null where there are none. */
type Scored<Scores extends object> = (Scores | null)[];

/** A decision and what belongs to it. */
interface Decision<Row> {
  /** Class of each image, and the one that it is called, as places among the classes. */
  truths: readonly number[];
  calls: readonly number[];
  /** Of each class that counts, from the first on, all images against the rest. */
  views: readonly (readonly ScoreRow[])[];
  scorer: (weights?: ArrayLike<number>) => Scored<object>;
  draw: (random: Random) => Float64Array;
  fit: (validation: readonly Row[]) => Temperature;
  temper: (row: Row, temperature: number) => Row;
  /** Which probabilities are to be true, and of what. */
  confidence: (rows: readonly Row[]) => {
    labels: number[];
    probabilities: number[];
    brier: number;
    logLoss: number;
  };
}

function evaluate<Row extends { group: string }>(
  rows: readonly Row[],
  { validation, replicates = 2000, seed = 0 }: EvaluateOptions<Row>,
  decision: Decision<Row>,
): { frame: EvaluationFrame; scores: Scored<Record<string, Score>>; random: Random } {
  const random = new Random(seed);
  const fitted = decision.fit(validation);
  const calibrationOf = (of: readonly Row[], drawing: Random): Calibration => {
    const { labels, probabilities, brier, logLoss } = decision.confidence(of);
    const bins = { bins: CALIBRATION_BINS };
    return {
      bins: calibrationBins(labels, probabilities, bins),
      error: calibrationError(labels, probabilities, bins),
      floor: calibrationFloor(probabilities, { ...bins, random: drawing }),
      brier,
      logLoss,
    };
  };
  const tempered = rows.map((row) => decision.temper(row, fitted.temperature));
  const frame = {
    images: rows.length,
    groups: new Set(groupsOf(rows)).size,
    calibration: calibrationOf(rows, random.fork('floor')),
    tempered: fitted.atBound ? null : calibrationOf(tempered, random.fork('tempered')),
    temperature: { ...fitted, validationImages: validation.length },
    protocol: {
      interval: '95 %, over images, whole groups at a time',
      replicates,
      seed,
      calibrationBins: CALIBRATION_BINS,
    },
  };
  const drawing = { replicates, random: random.fork('bootstrap') };
  return { frame, scores: scoresWithIntervals(groupsOf(rows), decision, drawing), random };
}

function scoresWithIntervals<Row>(
  groups: readonly string[],
  { truths, calls, views, scorer, draw }: Decision<Row>,
  { replicates, random }: { replicates: number; random: Random },
): Scored<Record<string, Score>> {
  const values = scorer();
  const drawn = values.map(
    (scores) => new Map(Object.keys(scores ?? {}).map((name) => [name, [] as number[]])),
  );
  for (let replicate = 0; replicate < replicates; replicate++) {
    scorer(draw(random)).forEach((scores, place) => {
      for (const [name, value] of Object.entries((scores ?? {}) as Record<string, number>))
        if (Number.isFinite(value)) drawn[place]!.get(name)!.push(value);
    });
  }
  /** Of each class: its groups, and those of the rest. */
  const effective = views.map((_, k) =>
    effectiveGroups(
      truths.map((truth) => (truth === k ? 1 : 0)),
      groups,
    ),
  );
  const fewest = Math.min(...effective.flatMap(({ positives }) => (positives > 0 ? [positives] : [])));
  /** A share of images: those that are called rightly among some. */
  const share = (among: (i: number) => boolean, isRight: (i: number) => boolean): Interval | null => {
    const own = [...groups.keys()].filter(among);
    const found = proportion(
      own.map((i) => (isRight(i) ? 1 : 0)),
      { groups: own.map((i) => groups[i]!) },
    );
    return found && { low: found.low, high: found.high };
  };
  const sharesOf = (k: number): Partial<Record<string, () => Interval | null>> => {
    const isClass = (i: number): boolean => truths[i] === k;
    const isCalled = (i: number): boolean => calls[i] === k;
    const not = (is: (i: number) => boolean) => (i: number) => !is(i);
    return {
      accuracy: () =>
        share(
          () => true,
          (i) => truths[i] === calls[i],
        ),
      sensitivity: () => share(isClass, isCalled),
      specificity: () => share(not(isClass), not(isCalled)),
      precision: () => share(isCalled, isClass),
      negativePredictiveValue: () => share(not(isCalled), not(isClass)),
    };
  };
  return values.map((scores, place) => {
    if (scores === null) return null;
    const k = place - 1;
    const shares = sharesOf(k);
    const score = (name: string, found: number): Score => {
      const value = Number.isFinite(found) ? found : null;
      if (name === 'auc') return { value, interval: aucIntervalOf(views[k]!), method: 'delong' };
      if (name in shares) return { value, interval: shares[name]!(), method: 'wilson' };
      if (value === null) return { value, interval: null, method: 'bootstrap' };
      const most = name === 'logLoss' ? LARGEST_LOG_LOSS : name === 'brier' && k < 0 ? 2 : 1;
      const behind = k < 0 ? fewest : groupsBehind(name as ScoreName, effective[k]!);
      const bounds = { value, groups: behind, range: [0, most] as const };
      return { value, interval: replicateInterval(drawn[place]!.get(name)!, bounds), method: 'bootstrap' };
    };
    return Object.fromEntries(
      Object.entries(scores as Record<string, number>).map(([name, value]) => [name, score(name, value)]),
    );
  });
}
