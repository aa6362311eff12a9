/**
 * Scores of single images: what everything after training works from (intervals, ROC curves, paired tests), as CSV files
 * with full precision, one a split: `scores-test.csv`, of several classes `scores-test-classes.csv` as well.
 *
 * Several classes are scored one against the rest. A class's score is its probability; the macro AUC is the mean over
 * classes of the AUC against the rest, every class with the same weight (Hand & Till 2001 average over pairs instead; one
 * against the rest is what scikit-learn calls `ovr`). The class that is called is the likeliest one.
 */
import { DataError, writeFileAtomic } from 'graft-torch/base';
import type { DatasetRow, Split } from '../data/dataset/index.js';
import { csvText, readTable, writeTable } from '../data/table/index.js';
import {
  auc,
  aucCovariance,
  aucInterval,
  boundedInterval,
  chooseThreshold,
  effectiveGroups,
  type Interval,
  likeliest,
  type SplitScores,
  splitScores,
} from '../stats/index.js';

/** One image, the positive class against the rest. */
export interface ScoreRow {
  id: string;
  group: string;
  /** 1: of the positive class. */
  label: 0 | 1;
  /** Probability of the positive class. */
  score: number;
}

export type EvaluationSplit = 'val' | 'test';
/** Which images of a dataset are scored together. */
export type ScoredSplit = Split | 'all';

/** 'the test split of' a dataset, or 'all images of' it. */
export const splitWords = (split: string): string =>
  split === 'all' ? 'all images of' : `the ${split} split of`;

export const isOf = (split: ScoredSplit, row: Pick<DatasetRow, 'split'>): boolean =>
  split === 'all' || row.split === split;

const labelsOf = (rows: readonly ScoreRow[]): number[] => rows.map((row) => row.label);
const scoresOf = (rows: readonly ScoreRow[]): number[] => rows.map((row) => row.score);

/** Area under the ROC curve of all rows at once. */
export const aucOf = (rows: readonly ScoreRow[]): number => auc(labelsOf(rows), scoresOf(rows));

/**
 * 95 % interval of the AUC over the choice of test images (DeLong, groups kept together); null where a class has
 * fewer than two groups.
 */
export function aucIntervalOf(rows: readonly ScoreRow[]): Interval | null {
  const groups = rows.map((row) => row.group);
  const groupsOf = (label: 0 | 1): number =>
    new Set(rows.filter((row) => row.label === label).map((row) => row.group)).size;
  if (Math.min(groupsOf(0), groupsOf(1)) < 2) return null;
  const { aucs, covariance } = aucCovariance(labelsOf(rows), [scoresOf(rows)], { groups });
  const { positives, negatives } = effectiveGroups(labelsOf(rows), groups);
  const smallerClass = Math.min(positives, negatives);
  // Where all scores are equal the variance is zero in the middle of the range, too.
  return boundedInterval(aucInterval(aucs[0]!, covariance[0]![0]!, { smallerClass }), {
    value: aucs[0]!,
    groups: smallerClass,
  });
}

/** Scores of a split at a threshold; without one, at the best of these rows themselves: for validation only. */
export function scoreSummary(rows: readonly ScoreRow[], threshold?: number): SplitScores {
  const labels = labelsOf(rows);
  const scores = scoresOf(rows);
  return splitScores(labels, scores, threshold ?? chooseThreshold(labels, scores));
}

/** Writes rows as CSV: id, group, label, score. */
export function writeScores(path: string, rows: readonly ScoreRow[]): void {
  writeTable(
    path,
    ['id', 'group', 'label', 'score'],
    rows.map(({ id, group, label, score }) => ({ id, group, label, score })),
  );
}

/** @throws DataError naming file and line when it is missing or no score file. */
export function readScores(path: string): ScoreRow[] {
  return readTable(path).rows.map(({ line, cells: { id, group, label, score } }) => {
    const row = { id: id ?? '', group: group ?? '', label: Number(label), score: Number(score) };
    if (!row.id || (row.label !== 0 && row.label !== 1) || !score || !Number.isFinite(row.score)) {
      throw new DataError(`${path}, line ${line}: expected id, group, label (0 or 1) and score`);
    }
    return row as ScoreRow;
  });
}

/** One image and every class. */
export interface ClassScoreRow {
  id: string;
  group: string;
  /** Name of its class. */
  label: string;
  /** Of every class, in their order; they sum to 1. */
  probabilities: number[];
}

export interface ClassSummary {
  /** Means over the classes. */
  macroAuc: number;
  /** Mean sensitivity: the share found of each class. */
  balancedAccuracy: number;
  accuracy: number;
  /** Mean negative log-likelihood of the right class, in nats. */
  logLoss: number;
  classes: {
    name: string;
    images: number;
    /** Against all others. */
    auc: number;
    /** 95 %, DeLong over groups; null where it has fewer than two groups. */
    aucInterval: Interval | null;
    /** Share of its images that are called so. */
    sensitivity: number;
    /** Share of the images called so that are; null where none is. */
    precision: number | null;
  }[];
}

/**
 * Log-odds of one class against all others, log p / (1 − p), from logits: zₖ − log Σ exp zⱼ over j ≠ k. In double
 * precision, where probabilities would round to 0 or 1.
 * @param logits of all classes, two or more
 */
export function logOdds(logits: ArrayLike<number>, k: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < logits.length; j++) if (j !== k) largest = Math.max(largest, logits[j]!);
  let sum = 0;
  for (let j = 0; j < logits.length; j++) if (j !== k) sum += Math.exp(logits[j]! - largest);
  return logits[k]! - largest - Math.log(sum);
}

/** The rows as those of a binary classifier: class k against all others. */
export const oneAgainstRest = (
  rows: readonly ClassScoreRow[],
  classes: readonly string[],
  k: number,
): ScoreRow[] =>
  rows.map(({ id, group, label, probabilities }) => ({
    id,
    group,
    label: label === classes[k] ? 1 : 0,
    score: probabilities[k]!,
  }));

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** @throws DataError when a class has no row, or there is no other */
export function classSummary(rows: readonly ClassScoreRow[], classes: readonly string[]): ClassSummary {
  const calls = rows.map(({ probabilities }) => likeliest(probabilities));
  const truths = rows.map(({ label }) => classes.indexOf(label));
  const byClass = classes.map((name, k) => {
    const against = oneAgainstRest(rows, classes, k);
    const images = truths.filter((truth) => truth === k).length;
    const right = truths.filter((truth, i) => truth === k && calls[i] === k).length;
    const calledSo = calls.filter((call) => call === k).length;
    return {
      name,
      images,
      auc: aucOf(against),
      aucInterval: aucIntervalOf(against),
      sensitivity: right / images,
      precision: calledSo > 0 ? right / calledSo : null,
    };
  });
  return {
    macroAuc: mean(byClass.map(({ auc }) => auc)),
    balancedAccuracy: mean(byClass.map(({ sensitivity }) => sensitivity)),
    accuracy: mean(truths.map((truth, i) => (truth === calls[i] ? 1 : 0))),
    logLoss: mean(rows.map(({ probabilities }, i) => -Math.log(Math.max(1e-15, probabilities[truths[i]!]!)))),
    classes: byClass,
  };
}

/** Column of a class's probability. */
export const columnOf = (name: string): string => `p:${name}`;

/** Writes rows as CSV: id, group, label, and a column `p:<class>` for each class, with full precision. */
export function writeClassScores(
  path: string,
  rows: readonly ClassScoreRow[],
  classes: readonly string[],
): void {
  const records = rows.map(({ id, group, label, probabilities }) => [id, group, label, ...probabilities]);
  const columns = ['id', 'group', 'label', ...classes.map(columnOf)];
  writeFileAtomic(path, csvText([columns, ...records]));
}

/** @throws DataError naming file and line when it is missing or no such file */
export function readClassScores(path: string, classes: readonly string[]): ClassScoreRow[] {
  return readTable(path).rows.map(({ line, cells }) => {
    const { id, group, label } = cells;
    const texts = classes.map((name) => cells[columnOf(name)]);
    const probabilities = texts.map(Number);
    if (
      !id ||
      !label ||
      !classes.includes(label) ||
      texts.some((text) => !text) ||
      probabilities.some(Number.isNaN)
    ) {
      throw new DataError(
        `${path}, line ${line}: expected id, group, label and ${classes.map(columnOf).join(', ')}`,
      );
    }
    return { id, group: group ?? '', label, probabilities };
  });
}
