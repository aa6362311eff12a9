/** What a model card is made from: a finished run, and of its dataset what is still there. */
import { basename, resolve } from 'node:path';
import { DataError } from 'graft-torch/base';
import { partitionsOf, reopenDataset } from '../data/dataset/index.js';
import { readLineage } from '../data/lineage/index.js';
import { readRun } from '../run/index.js';
import { evaluateScores } from './evaluation.js';
import type { ModelCardInput } from './model-card.js';
import { readClassifierConfig, readClassifierResult } from './result.js';

/** What is no longer there, or no longer readable, is unknown to the card. */
const orNull = <T>(read: () => T): T | null => {
  try {
    return read();
  } catch (error) {
    if (error instanceof DataError) return null;
    throw error;
  }
};

/**
 * @param options.data where the run's dataset is now; default where the run says, and without it the card goes without
 * @throws DataError for a run that has not finished, and a named dataset that is not the run's
 */
export function readCardInput(run: string, options: { data?: string } = {}): ModelCardInput {
  const config = readClassifierConfig(run);
  const { testScores, valScores, curve: _, ...summary } = readClassifierResult(run);
  const reopen = (path: string) => reopenDataset(path, { name: run, hash: summary.dataset.hash });
  const dataset = options.data === undefined ? orNull(() => reopen(config.data)) : reopen(options.data);
  const extras = new Map(dataset?.rows.map(({ id, extra }) => [id, extra]));
  const partitions = partitionsOf(testScores.map(({ id }) => extras.get(id) ?? {}));
  const { graft, summary: record } = readRun(run);
  return {
    run: basename(resolve(run)),
    graft,
    config,
    summary,
    finished: typeof record?.finished === 'string' ? record.finished : null,
    dataset,
    synthetic: config.synthetic.map((folder) => ({ folder, lineage: orNull(() => readLineage(folder)) })),
    evaluation: orNull(() => evaluateScores(testScores, { validation: valScores, partitions })),
  };
}
