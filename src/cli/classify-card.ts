/** `graft classify card`. */

import { join } from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from 'graft-torch/base';
import { modelCard, readCardInput } from '../classify/index.js';
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

function cardCommand(run: string, flags: CardFlags, command: Command): void {
  const path = flags.out ?? join(run, 'MODEL_CARD.md');
  writeFileAtomic(path, modelCard(readCardInput(run, { data: flags.data })));
  output(command, { json: { run, card: path }, text: `Model card: ${path}` });
}
