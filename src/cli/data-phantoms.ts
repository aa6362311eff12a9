/** `graft data phantoms`: a dataset of procedural dermoscopy. */
import type { Command } from 'commander';
import { graftVersion } from '../base/index.js';
import { parseFractions } from '../data/dataset/index.js';
import { createPhantomDataset } from '../data/phantom/index.js';
import { examples, globalOptions, integer, number } from './common.js';
import { making, printMade } from './data-making.js';

interface PhantomFlags {
  out: string;
  count: number;
  size: number;
  prevalence: number;
  split: string;
  grey?: boolean;
  name?: string;
}

export function registerPhantoms(data: Command): void {
  const command = data
    .command('phantoms')
    .description('make a dataset of procedural dermoscopy, whose best possible AUC is known')
    .requiredOption('--out <dataset>', 'dataset folder to make')
    .option('--count <n>', 'how many images', integer({ min: 2 }), 2000)
    .option('--size <pixels>', 'side of the images', integer({ min: 16, max: 1024 }), 64)
    .option('--prevalence <share>', 'probability of malignant', number({ min: 0, max: 1 }), 0.3)
    .option('--split <train/val/test>', 'per cent of the images, class by class', '70/15/15')
    .option('--grey', 'grey pictures, of one channel')
    .option('--name <name>', 'name of the dataset', 'phantoms')
    .action(async (flags: PhantomFlags, self: Command) => phantomsCommand(flags, self));
  examples(command, [
    [
      '2,000 images, 30 per cent malignant',
      'graft data phantoms --count 2000 --seed 1 --out datasets/phantoms',
    ],
  ]);
}

async function phantomsCommand(flags: PhantomFlags, command: Command): Promise<void> {
  const fractions = parseFractions(flags.split);
  const { dataset, report } = await making(
    command,
    { labels: { read: 'drawing phantoms', compare: 'looking for duplicates' } },
    (hooks) =>
      createPhantomDataset(flags.out, {
        onProgress: (done, total) => hooks.onProgress('read', done, total),
        signal: hooks.signal,
        count: flags.count,
        sizePx: flags.size,
        prevalence: flags.prevalence,
        seed: globalOptions(command).seed,
        name: flags.name,
        grey: flags.grey,
        fractions,
        importer: `graft ${graftVersion()} data phantoms`,
      }),
  );
  await printMade(dataset, report, command);
}
