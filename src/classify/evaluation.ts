/**
 * Everything that is said of a classifier's scores on one split, as plain data: scores with intervals, the confusion
 * matrix, calibration before and after temperature scaling, subgroups.
 *
 * What is fitted (threshold, temperature) is fitted on validation images and used on these as it is. Intervals are over the
 * choice of images, whole groups (patients, lesions) at a time: DeLong's for the AUC, Wilson's by group for shares of
 * images, the percentile bootstrap over groups for the rest; where no replicate differs, the exact bound for the number of
 * groups (../stats/bounded-interval.ts).
 */

import { DataError, Random } from 'graft-torch/base';
import type { Partition } from '../data/dataset/index.js';
import type { Interval } from '../stats/index.js';
import {
  type BinaryScores,
  binaryScorer,
  type CalibrationBin,
  type Confusion,
  calibrationBins,
  calibrationError,
  calibrationFloor,
  chooseThreshold,
  confusion,
  effectiveGroups,
  fitTemperature,
  groupDraw,
  groupsBehind,
  LARGEST_LOG_LOSS,
  logit,
  type Proportion,
  proportion,
  replicateInterval,
  type Temperature,
  temper,
} from '../stats/index.js';
import { aucIntervalOf, type ScoreRow } from './scores.js';
import { rightShare, type SubgroupTable, subgroupTables } from './subgroups.js';

export type ScoreName = keyof BinaryScores;

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

export interface Evaluation {
  images: number;
  positives: number;
  groups: number;
  threshold: number;
  scores: Record<ScoreName, Score>;
  confusion: Confusion;
  calibration: Calibration;
  /** After temperature scaling; null where no temperature could be fitted. */
  tempered: Calibration | null;
  temperature: Temperature & { validationImages: number };
  subgroups: SubgroupTable[];
  protocol: {
    threshold: string;
    interval: string;
    replicates: number;
    seed: number;
    calibrationBins: number;
  };
}

export interface EvaluateScoresOptions {
  /** Scores of validation images, made as those under test were; for the temperature, and the threshold unless given. */
  validation: readonly ScoreRow[];
  /** Instead of the one with the best balanced accuracy on the validation images. */
  threshold?: number;
  partitions?: readonly Partition[];
  /** Of the bootstrap; default 2000. */
  replicates?: number;
  seed?: number;
}

export const CALIBRATION_BINS = 10;

const labelsOf = (rows: readonly ScoreRow[]): number[] => rows.map(({ label }) => label);
const scoresOf = (rows: readonly ScoreRow[]): number[] => rows.map(({ score }) => score);
const groupsOf = (rows: readonly ScoreRow[]): string[] => rows.map(({ group }) => group);

/**
 * @param rows images of one split, all of them
 * @throws DataError where a class is missing among `rows` or the validation images
 */
export function evaluateScores(rows: readonly ScoreRow[], options: EvaluateScoresOptions): Evaluation {
  const { validation, partitions = [], replicates = 2000, seed = 0 } = options;
  requireBothClasses(rows, 'images under test');
  requireBothClasses(validation, 'validation images');
  const threshold = options.threshold ?? chooseThreshold(labelsOf(validation), scoresOf(validation));
  const random = new Random(seed);
  const fitted = fitTemperature(labelsOf(validation), scoresOf(validation).map(logit));
  const tempered = rows.map((row) => ({ ...row, score: temper(row.score, fitted.temperature) }));
  return {
    images: rows.length,
    positives: rows.filter(({ label }) => label === 1).length,
    groups: new Set(groupsOf(rows)).size,
    threshold,
    scores: scoresWithIntervals(rows, threshold, { replicates, random: random.fork('bootstrap') }),
    confusion: confusion(labelsOf(rows), scoresOf(rows), threshold),
    calibration: calibrationOf(rows, random.fork('floor')),
    tempered: fitted.atBound ? null : calibrationOf(tempered, random.fork('tempered')),
    temperature: { ...fitted, validationImages: validation.length },
    subgroups: subgroupTables(rows, threshold, partitions),
    protocol: {
      threshold: options.threshold === undefined ? 'best balanced accuracy on the validation split' : 'given',
      interval: '95 %, over images, whole groups at a time',
      replicates,
      seed,
      calibrationBins: CALIBRATION_BINS,
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

function calibrationOf(rows: readonly ScoreRow[], random: Random): Calibration {
  const [labels, probabilities] = [labelsOf(rows), scoresOf(rows)];
  const { brier, logLoss } = binaryScorer(labels, probabilities, 0.5)();
  return {
    bins: calibrationBins(labels, probabilities, { bins: CALIBRATION_BINS }),
    error: calibrationError(labels, probabilities, { bins: CALIBRATION_BINS }),
    floor: calibrationFloor(probabilities, { bins: CALIBRATION_BINS, random }),
    brier,
    logLoss,
  };
}

/** The scores that are shares of images, and of which. */
function shares(rows: readonly ScoreRow[], threshold: number): Partial<Record<ScoreName, Proportion | null>> {
  const rightAmong = (called: boolean): Proportion | null => {
    const own = rows.filter(({ score }) => score >= threshold === called);
    return proportion(
      own.map(({ label }) => ((label === 1) === called ? 1 : 0)),
      { groups: groupsOf(own) },
    );
  };
  return {
    accuracy: proportion(
      rows.map(({ label, score }) => (score >= threshold === (label === 1) ? 1 : 0)),
      { groups: groupsOf(rows) },
    ),
    sensitivity: rightShare(rows, 1, threshold),
    specificity: rightShare(rows, 0, threshold),
    precision: rightAmong(true),
    negativePredictiveValue: rightAmong(false),
  };
}

function scoresWithIntervals(
  rows: readonly ScoreRow[],
  threshold: number,
  { replicates, random }: { replicates: number; random: Random },
): Record<ScoreName, Score> {
  const labels = labelsOf(rows);
  const scorer = binaryScorer(labels, scoresOf(rows), threshold);
  const values = scorer();
  const names = Object.keys(values) as ScoreName[];
  const draw = groupDraw(labels, groupsOf(rows));
  const drawn = new Map(names.map((name) => [name, [] as number[]]));
  for (let i = 0; i < replicates; i++) {
    const replicate = scorer(draw(random));
    for (const name of names) if (Number.isFinite(replicate[name])) drawn.get(name)!.push(replicate[name]);
  }
  const asShares = shares(rows, threshold);
  const effective = effectiveGroups(labels, groupsOf(rows));
  const score = (name: ScoreName): Score => {
    const value = Number.isFinite(values[name]) ? values[name] : null;
    if (name === 'auc') return { value, interval: aucIntervalOf(rows), method: 'delong' };
    if (name in asShares) {
      const share = asShares[name];
      return { value, interval: share ? { low: share.low, high: share.high } : null, method: 'wilson' };
    }
    const interval =
      value === null
        ? null
        : replicateInterval(drawn.get(name)!, {
            value,
            groups: groupsBehind(name, effective),
            range: name === 'logLoss' ? [0, LARGEST_LOG_LOSS] : [0, 1],
          });
    return { value, interval, method: 'bootstrap' };
  };
  return Object.fromEntries(names.map((name) => [name, score(name)])) as Record<ScoreName, Score>;
}
