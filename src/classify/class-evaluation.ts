/**
 * Everything that is said of the scores of a classifier with several classes on one split, as plain data: scores over all
 * classes and of each against the rest, the confusion matrix, calibration of the class that is called, subgroups.
 *
 * As for two classes (./evaluation.ts), what is fitted is fitted on validation images, and intervals are over the choice of
 * images, whole groups at a time. The class that is called is the likeliest: there is no threshold.
 */

import { DataError, Random } from 'graft-torch/base';
import type { Partition } from '../data/dataset/index.js';
import {
  calibrationBins,
  calibrationError,
  calibrationFloor,
  classDraw,
  confusionMatrix,
  effectiveGroups,
  fitSoftmaxTemperature,
  LARGEST_LOG_LOSS,
  likeliest,
  logProbability,
  type MultiClassScores,
  multiClassScorer,
  type OneClassScores,
  type OverallScores,
  proportion,
  replicateInterval,
  type Temperature,
  temperSoftmax,
} from '../stats/index.js';
import { type ClassScoreRow, oneAgainstRest } from './class-scores.js';
import { type ClassSubgroupTable, classSubgroupTables } from './class-subgroups.js';
import { CALIBRATION_BINS, type Calibration, type Score } from './evaluation.js';
import { aucIntervalOf } from './scores.js';

export type OverallScoreName = keyof OverallScores;
export type OneClassScoreName = keyof OneClassScores;

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

export interface ClassEvaluation {
  images: number;
  groups: number;
  /** In the order of the logits, the positive one first. */
  classes: string[];
  /** Means are over the classes that have images. */
  scores: Record<OverallScoreName, Score>;
  byClass: OneClassEvaluation[];
  /** Images, `[what it is][what it is called]`. */
  confusion: number[][];
  /**
   * Of the probability of the class that is called: is it right as often as that says? Brier score and log loss are of all
   * classes.
   */
  calibration: Calibration;
  /** After temperature scaling; null where no temperature could be fitted. */
  tempered: Calibration | null;
  temperature: Temperature & { validationImages: number };
  subgroups: ClassSubgroupTable[];
  protocol: { calls: string; interval: string; replicates: number; seed: number; calibrationBins: number };
}

export interface EvaluateClassesOptions {
  /** Scores of validation images, made as those under test were; for the temperature. */
  validation: readonly ClassScoreRow[];
  partitions?: readonly Partition[];
  /** Of the bootstrap; default 2000. */
  replicates?: number;
  seed?: number;
}

/**
 * @param rows images of one split, all of them
 * @param classes in the order of the probabilities; those without images have no scores and are in no mean
 * @throws DataError where an image's class is none of them, or fewer than two have images
 */
export function evaluateClasses(
  rows: readonly ClassScoreRow[],
  classes: readonly string[],
  options: EvaluateClassesOptions,
): ClassEvaluation {
  const { validation, partitions = [], replicates = 2000, seed = 0 } = options;
  const truths = truthsOf(rows, classes);
  const calls = rows.map(({ probabilities }) => likeliest(probabilities));
  const random = new Random(seed);
  const fitted = fitSoftmaxTemperature(
    truthsOf(validation, classes),
    validation.map(({ probabilities }) => probabilities.map(logProbability)),
  );
  const tempered = rows.map((row) => ({
    ...row,
    probabilities: temperSoftmax(row.probabilities, fitted.temperature),
  }));
  const { overall, byClass } = scoresWithIntervals(
    rows,
    { classes, truths, calls },
    replicates,
    random.fork('bootstrap'),
  );
  const groupsOf = (own: readonly ClassScoreRow[]): number => new Set(own.map(({ group }) => group)).size;
  return {
    images: rows.length,
    groups: groupsOf(rows),
    classes: [...classes],
    scores: overall,
    byClass: classes.map((name, k) => ({
      name,
      images: truths.filter((truth) => truth === k).length,
      groups: groupsOf(rows.filter(({ label }) => label === name)),
      called: calls.filter((call) => call === k).length,
      scores: byClass[k]!,
    })),
    confusion: confusionMatrix(truths, calls, { classes: classes.length }),
    calibration: calibrationOf(rows, truths, random.fork('floor')),
    tempered: fitted.atBound ? null : calibrationOf(tempered, truths, random.fork('tempered')),
    temperature: { ...fitted, validationImages: validation.length },
    subgroups: classSubgroupTables(rows, { classes: classes.length, truths, calls }, partitions, {
      replicates,
      random: random.fork('subgroups'),
    }),
    protocol: {
      calls: 'the likeliest class',
      interval: '95 %, over images, whole groups at a time',
      replicates,
      seed,
      calibrationBins: CALIBRATION_BINS,
    },
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

/** Of the class that is called: labels are whether it is the right one. */
function calibrationOf(
  rows: readonly ClassScoreRow[],
  truths: readonly number[],
  random: Random,
): Calibration {
  const probabilities = rows.map((row) => row.probabilities);
  const calls = probabilities.map(likeliest);
  // The sum of a softmax may pass 1 by a rounding.
  const confidences = probabilities.map((row, i) => Math.min(1, row[calls[i]!]!));
  const right = calls.map((call, i) => (call === truths[i] ? 1 : 0));
  const { brier, logLoss } = multiClassScorer(truths, probabilities)().overall;
  const bins = { bins: CALIBRATION_BINS };
  return {
    bins: calibrationBins(right, confidences, bins),
    error: calibrationError(right, confidences, bins),
    floor: calibrationFloor(confidences, { ...bins, random }),
    brier,
    logLoss,
  };
}

interface Decision {
  classes: readonly string[];
  truths: readonly number[];
  calls: readonly number[];
}

/** Scores as one list of numbers, so that replicates of all of them are kept alike. */
const flat = ({ overall, byClass }: MultiClassScores): number[] => [
  ...Object.values(overall),
  ...byClass.flatMap((scores) => (scores === null ? [] : Object.values(scores))),
];

function scoresWithIntervals(
  rows: readonly ClassScoreRow[],
  decision: Decision,
  replicates: number,
  random: Random,
): { overall: Record<OverallScoreName, Score>; byClass: (Record<OneClassScoreName, Score> | null)[] } {
  const { classes, truths, calls } = decision;
  const groups = rows.map(({ group }) => group);
  const scorer = multiClassScorer(
    truths,
    rows.map(({ probabilities }) => probabilities),
  );
  const values = scorer();
  const draw = classDraw(truths, groups);
  const drawn: number[][] = flat(values).map(() => []);
  for (let replicate = 0; replicate < replicates; replicate++) {
    flat(scorer(draw(random))).forEach((value, j) => {
      if (Number.isFinite(value)) drawn[j]!.push(value);
    });
  }
  let at = 0;
  /** @param effective groups that the scores rest on */
  const bootstrapped = <Name extends string>(
    scores: Record<Name, number>,
    effective: number,
  ): Record<Name, Score> =>
    Object.fromEntries(
      Object.entries<number>(scores).map(([name, value]): [string, Score] => {
        const found = drawn[at++]!;
        if (!Number.isFinite(value)) return [name, { value: null, interval: null, method: 'bootstrap' }];
        const most = name === 'logLoss' ? LARGEST_LOG_LOSS : name === 'brier' ? 2 : 1;
        const interval = replicateInterval(found, { value, groups: effective, range: [0, most] });
        return [name, { value, interval, method: 'bootstrap' }];
      }),
    ) as Record<Name, Score>;
  /** Of each class: its groups, and those of the rest. */
  const effective = classes.map((_, k) =>
    effectiveGroups(
      truths.map((truth) => (truth === k ? 1 : 0)),
      groups,
    ),
  );
  /** A share of images, such as the sensitivity: those that are called rightly among some. */
  const share = (score: Score, among: (i: number) => boolean, isRight: (i: number) => boolean): Score => {
    const own = [...rows.keys()].filter(among);
    const found = proportion(
      own.map((i) => (isRight(i) ? 1 : 0)),
      { groups: own.map((i) => groups[i]!) },
    );
    return { ...score, interval: found && { low: found.low, high: found.high }, method: 'wilson' };
  };
  const isRight = (i: number): boolean => truths[i] === calls[i];
  const fewest = Math.min(...effective.flatMap(({ positives }) => (positives > 0 ? [positives] : [])));
  const overall = bootstrapped(values.overall, fewest);
  overall.accuracy = share(overall.accuracy, () => true, isRight);
  const byClass = values.byClass.map((scores, k) => {
    if (scores === null) return null;
    const own = bootstrapped(scores, Math.min(effective[k]!.positives, effective[k]!.negatives));
    const isClass = (i: number): boolean => truths[i] === k;
    const isCalled = (i: number): boolean => calls[i] === k;
    return {
      ...own,
      auc: {
        ...own.auc,
        interval: aucIntervalOf(oneAgainstRest(rows, classes, k)),
        method: 'delong' as const,
      },
      sensitivity: share(own.sensitivity, isClass, isCalled),
      specificity: share(
        own.specificity,
        (i) => !isClass(i),
        (i) => !isCalled(i),
      ),
      precision: share(own.precision, isCalled, isClass),
      negativePredictiveValue: share(
        own.negativePredictiveValue,
        (i) => !isCalled(i),
        (i) => !isClass(i),
      ),
    };
  });
  return { overall, byClass };
}
