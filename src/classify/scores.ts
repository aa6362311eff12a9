/**
 * Scores of single images: the file that everything after training works from (intervals, ROC curves, paired
 * tests), one CSV a split, `scores-test.csv`, with full precision.
 */

import { DataError } from 'graft-torch/base';
import { readTable, writeTable } from '../data/table/index.js';
import {
  auc,
  aucCovariance,
  aucInterval,
  boundedInterval,
  chooseThreshold,
  effectiveGroups,
  type Interval,
  type SplitScores,
  splitScores,
} from '../stats/index.js';

/** One image. */
export interface ScoreRow {
  id: string;
  group: string;
  /** 1: of the positive class. */
  label: 0 | 1;
  /** Probability of the positive class. */
  score: number;
}

export type EvaluationSplit = 'val' | 'test';

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
  const { aucs, covariance } = aucCovariance(labelsOf(rows), [scoresOf(rows)], groups);
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
