/** `graft classify card`. */

import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { DataError, writeFileAtomic } from 'graft-torch/base';
import { evaluateScores, modelCard, readClassifierConfig, readClassifierResult } from '../classify/index.js';
import { partitionsOf, reopenDataset } from '../data/dataset/index.js';
import { readLineage } from '../data/lineage/index.js';
import { readRun } from '../run/index.js';
import { examples, output } from './common.js';

export function registerCard(classify: Command): void {
  const card = classify
    .command('card')
    .description('write a model card (Mitchell et al. 2019) of a finished run')
    .argument('<run>', 'run folder of a classifier')
    .option('--data <dataset>', 'where the run’s dataset is now, if that has moved')
    .option('--out <file>', 'file to write (default: MODEL_CARD.md in the run folder)')
    .action(async (run: string, flags: CardFlags, command: Command) => cardCommand(run, flags, command));
  examples(card, [
    ['data, split, scores with intervals, subgroups', 'graft classify card runs/first --out MODEL_CARD.md'],
  ]);
}

interface CardFlags {
  out?: string;
  data?: string;
}

async function cardCommand(run: string, flags: CardFlags, command: Command): Promise<void> {
  /** What is no longer there, or no longer readable, is unknown to the card. */
  const orNull = <T>(read: () => T): T | null => {
    try {
      return read();
    } catch (error) {
      if (error instanceof DataError) return null;
      throw error;
    }
  };
  const config = readClassifierConfig(run);
  const { testScores, valScores, curve: _, ...summary } = readClassifierResult(run);
  const reopen = (path: string) => reopenDataset(path, { name: run, hash: summary.dataset.hash });
  // A dataset that is named must be the one; where none is, the card goes without.
  const dataset = flags.data === undefined ? orNull(() => reopen(config.data)) : reopen(flags.data);
  const extras = new Map(dataset?.rows.map(({ id, extra }) => [id, extra]));
  const partitions = partitionsOf(testScores.map(({ id }) => extras.get(id) ?? {}));
  const { graft, summary: record } = readRun(run);
  const card = modelCard({
    run: basename(resolve(run)),
    graft,
    config,
    summary,
    finished: typeof record?.finished === 'string' ? record.finished : null,
    dataset,
    synthetic: config.synthetic.map((folder) => ({ folder, lineage: orNull(() => readLineage(folder)) })),
    evaluation: orNull(() => evaluateScores(testScores, { validation: valScores, partitions })),
  });
  const path = flags.out ?? join(run, 'MODEL_CARD.md');
  writeFileAtomic(path, card);
  output(command, { json: { run, card: path }, text: `Model card: ${path}` });
}
