/** Scores images with a trained network: no gradients, large batches, and views averaged where that is asked for. */

import type { Tensor } from 'graft-torch';
import { type Device, gatherRows, noGrad, tidy } from 'graft-torch';
import type { Module } from 'graft-torch/nn';
import { symmetry, TEST_TIME_VIEWS, type TestTimeAugmentation } from '../data/augment/index.js';
import type { DatasetRow } from '../data/dataset/index.js';
import { statisticsOf, toNetworkInput } from './batch.js';
import type { ScoreRow } from './scores.js';
import { type ClassScoreRow, isOf, logOdds, type ScoredSplit } from './scores.js';

export interface EvaluateOptions {
  device: Device;
  batchSize: number;
  /**
   * Views whose logits are averaged; default none. Logits and not probabilities: where the network is sure, probabilities
   * round to ties, and the mean of logits keeps every view's vote.
   */
  tta?: TestTimeAugmentation;
  onBatch?: (done: number, total: number) => void;
}

/** Which images, and how. */
export type RowsOptions = EvaluateOptions & { indices: readonly number[] };

/** Images scored together at most, so that a batch never takes more than about 1.5 GiB at EfficientNet-B0's widest. */
export function batchSizeFor({ height, width }: { height: number; width: number }, wanted: number): number {
  return Math.max(1, Math.min(wanted, Math.floor((128 * 128 * 128) / (height * width))));
}

/**
 * Logits of the positive class for the given rows, in their order; of a network with several classes its log-odds against
 * all others. The network is left in the mode it came in.
 * @param images uint8 `[N, 3, H, W]`
 */
export async function logitsOf(network: Module, images: Tensor, options: RowsOptions): Promise<Float64Array> {
  return positiveLogits(await outputsOf(network, images, options), options.indices.length);
}

/** The log-odds of the first class in outputs `[N · K]`; of one logit itself. */
function positiveLogits(outputs: Float64Array, n: number): Float64Array {
  const classes = outputs.length / Math.max(1, n);
  if (classes <= 1) return outputs;
  return Float64Array.from({ length: n }, (_, i) =>
    logOdds(outputs.subarray(i * classes, (i + 1) * classes), 0),
  );
}

/** Of each row the probability of every class, by a network with several. */
export async function classProbabilities(
  network: Module,
  images: Tensor,
  { classes, ...options }: RowsOptions & { classes: number },
): Promise<number[][]> {
  return probabilitiesOf(await outputsOf(network, images, options), classes);
}

/** Outputs `[N · K]` as probabilities, a row each. */
function probabilitiesOf(outputs: Float64Array, classes: number): number[][] {
  return Array.from({ length: outputs.length / classes }, (_, i) => {
    const logits = outputs.subarray(i * classes, (i + 1) * classes);
    return Array.from({ length: classes }, (_, k) => probability(logOdds(logits, k)));
  });
}

/** What the network gives for each row, one row after the other: `[N · K]`. */
export async function outputsOf(
  network: Module,
  images: Tensor,
  options: RowsOptions,
): Promise<Float64Array> {
  const { indices } = options;
  let outputs = new Float64Array(0);
  const [, , height, width] = images.shape as [number, number, number, number];
  const batchSize = batchSizeFor({ height, width }, options.batchSize);
  const statistics = statisticsOf(network);
  const views = TEST_TIME_VIEWS[options.tta ?? 'none'];
  const wasTraining = network.training;
  network.eval();
  try {
    for (let start = 0; start < indices.length; start += batchSize) {
      const pixels = await gatherRows(images, indices.slice(start, start + batchSize));
      for (let view = 0; view < views; view++) {
        const values = tidy(() =>
          noGrad(() => {
            const input = toNetworkInput(symmetry(pixels, view), options.device, { statistics });
            return network.forward(input).to({ device: 'cpu' }).toFloat32Array();
          }),
        );
        const classes = values.length / pixels.shape[0]!;
        if (outputs.length === 0) outputs = new Float64Array(indices.length * classes);
        for (const [i, value] of values.entries()) outputs[start * classes + i]! += value / views;
      }
      pixels.dispose();
      options.onBatch?.(Math.min(start + batchSize, indices.length), indices.length);
    }
  } finally {
    network.train(wasTraining);
  }
  return outputs;
}

/** Probability of a logit, in double precision: a float32 sigmoid would tie what the network ranked. */
export const probability = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** Which rows of a cache are scored: those of a split. */
export type SplitOptions = EvaluateOptions & { split: ScoredSplit };

/** Places of the rows of a split. */
export const rowsOf = (rows: readonly DatasetRow[], split: ScoredSplit): number[] =>
  rows.flatMap((row, i) => (isOf(split, row) ? [i] : []));

/**
 * Scores of all rows of a split.
 * @param data.rows of the whole cache, in the order of `images`
 */
export async function scoreSplit(
  network: Module,
  data: { images: Tensor; rows: readonly DatasetRow[]; positive: string },
  { split, ...options }: SplitOptions,
): Promise<ScoreRow[]> {
  const indices = rowsOf(data.rows, split);
  const outputs = await outputsOf(network, data.images, { ...options, indices });
  return toScores(
    outputs,
    indices.map((index) => data.rows[index]!),
    data.positive,
  );
}

/** Outputs of some rows as scores of the positive class. */
export function toScores(outputs: Float64Array, rows: readonly DatasetRow[], positive: string): ScoreRow[] {
  const logits = positiveLogits(outputs, rows.length);
  return rows.map(({ id, group, label }, i) => ({
    ...{ id, group, label: label === positive ? 1 : 0, score: probability(logits[i]!) },
  }));
}

/**
 * Scores of all rows of a split by a network with several classes.
 * @param data.classes in the order of the network's logits
 */
export async function scoreClasses(
  network: Module,
  data: { images: Tensor; rows: readonly DatasetRow[]; classes: readonly string[] },
  { split, ...options }: SplitOptions,
): Promise<ClassScoreRow[]> {
  const indices = rowsOf(data.rows, split);
  const outputs = await outputsOf(network, data.images, { ...options, indices });
  return toClassScores(
    outputs,
    indices.map((index) => data.rows[index]!),
    data.classes.length,
  );
}

/** Outputs of some rows as scores of every class. */
export function toClassScores(
  outputs: Float64Array,
  rows: readonly DatasetRow[],
  classes: number,
): ClassScoreRow[] {
  const probabilities = probabilitiesOf(outputs, classes);
  return rows.map(({ id, group, label }, i) => ({ id, group, label, probabilities: probabilities[i]! }));
}
