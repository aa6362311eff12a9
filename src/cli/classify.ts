/** `graft classify …`: classifiers are trained, judged, explained and used. */
import type { Command } from 'commander';
import { registerCard } from './classify-card.js';
import { registerEvaluate } from './classify-evaluate.js';
import { registerExplain } from './classify-explain.js';
import { registerExport } from './classify-export.js';
import { registerPredict } from './classify-predict.js';
import { registerTrain } from './classify-train.js';

export function register(program: Command): void {
  const classify = program
    .command('classify')
    .description('train a classifier, evaluate it, explain it, use it');
  registerTrain(classify);
  registerEvaluate(classify);
  registerExplain(classify);
  registerPredict(classify);
  registerExport(classify);
  registerCard(classify);
}
