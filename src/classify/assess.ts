/** A split's scores, whether the network tells two classes apart or several. */

import type { Tensor } from 'graft-torch';
import type { Module } from 'graft-torch/nn';
import type { PixelCache } from '../data/pixels/index.js';
import { type EvaluateOptions, outputsOf, rowsOf, toClassScores, toScores } from './evaluate.js';
import {
  type ClassScoreRow,
  type ClassSummary,
  classSummary,
  type EvaluationSplit,
  oneAgainstRest,
  type ScoreRow,
  scoreSummary,
} from './scores.js';

/** What is scored; `classes`: empty for the positive class against the rest, else all, the positive one first. */
export interface AssessedData {
  images: Tensor;
  rows: PixelCache['rows'];
  positive: string;
  classes: readonly string[];
}

export interface Assessment {
  /** The positive class against the rest. */
  rows: ScoreRow[];
  /** Every class; null where there is one logit. */
  byClass: { rows: ClassScoreRow[]; summary: ClassSummary } | null;
  /** With several classes the macro average. NaN where a score is. */
  auc: number;
  logLoss: number;
}

export async function assess(
  network: Module,
  data: AssessedData,
  options: EvaluateOptions & { split: EvaluationSplit },
): Promise<Assessment> {
  const indices = rowsOf(data.rows, options.split);
  const outputs = await outputsOf(network, data.images, { ...options, indices });
  return assessOutputs(outputs, indices, data);
}

/**
 * The same from what a network has given already.
 * @param outputs `[N · K]`, logits of the rows at `indices`
 */
export function assessOutputs(
  outputs: Float64Array,
  indices: readonly number[],
  { rows: all, positive, classes }: Omit<AssessedData, 'images'>,
): Assessment {
  const own = indices.map((index) => all[index]!);
  if (classes.length === 0) {
    const rows = toScores(outputs, own, positive);
    if (rows.some(({ score }) => Number.isNaN(score))) return { rows, byClass: null, ...notANumber };
    const { auc, logLoss } = scoreSummary(rows, 0.5);
    return { rows, byClass: null, auc, logLoss };
  }
  const classRows = toClassScores(outputs, own, classes.length);
  const rows = oneAgainstRest(classRows, classes, 0);
  if (rows.some(({ score }) => Number.isNaN(score))) return { rows, byClass: null, ...notANumber };
  const summary = classSummary(classRows, classes);
  return { rows, byClass: { rows: classRows, summary }, auc: summary.macroAuc, logLoss: summary.logLoss };
}

const notANumber = { auc: Number.NaN, logLoss: Number.NaN };
