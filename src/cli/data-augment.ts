/** `graft data augment-sheet`: what an augmentation does to an image, transform by transform. */
import { type Command, Option } from 'commander';
import { tensor } from 'graft-torch';
import { ConfigError } from 'graft-torch/base';
import { augmentationNames, drawSheet, RAND_AUGMENT, sheetRows } from '../data/augment/index.js';
import { showingOf } from '../data/import/index.js';
import { listImages, loadFolder, trainingFraming, writeGridPng } from '../image/index.js';
import { examples, globalOptions, integer, notice, number, output } from './common.js';

interface AugmentFlags {
  out: string;
  augmentation: 'flips' | 'standard' | 'siim' | 'randaugment';
  draws: number;
  size: number;
  image: number;
  operations: number;
  magnitude: number;
}

export function registerAugmentSheet(data: Command): void {
  const command = data
    .command('augment-sheet')
    .description('draw what an augmentation does to an image: one row a transform, then all of them together')
    .argument('<images>', 'folder of images, such as a dataset')
    .requiredOption('--out <file.png>', 'picture to write')
    .addOption(
      new Option('--augmentation <name>', 'as classifiers name it')
        .choices(augmentationNames.filter((name) => name !== 'none'))
        .default('siim'),
    )
    .option('--draws <n>', 'how many of each', integer({ min: 1, max: 64 }), 7)
    .option('--size <pixels>', 'side that classifiers would train at', integer({ min: 32, max: 512 }), 128)
    .option('--image <n>', 'which image of the folder, from 0', integer({ min: 0 }), 0)
    .option('--operations <n>', 'of randaugment: N', integer({ min: 1, max: 14 }), RAND_AUGMENT.operations)
    .option('--magnitude <m>', 'of randaugment: M', number({ min: 0, max: 30 }), RAND_AUGMENT.magnitude)
    .action(async (dir: string, flags: AugmentFlags, self: Command) => sheetCommand(dir, flags, self));
  examples(command, [
    ['the SIIM winners’ list', 'graft data augment-sheet isic2017 --out siim.png'],
    [
      'a strong RandAugment at the size of a larger classifier',
      'graft data augment-sheet isic2017 --augmentation randaugment --magnitude 20 --size 224 --out rand.png',
    ],
  ]);
}

async function sheetCommand(dir: string, flags: AugmentFlags, command: Command): Promise<void> {
  const files = await listImages(dir);
  const file = files[flags.image];
  if (files.length > 0 && file === undefined) {
    throw new ConfigError(
      `--image ${flags.image}: ${dir} holds ${files.length} images; give 0 to ${files.length - 1}`,
    );
  }
  const chosen = file ? [file] : [];
  const showing = await showingOf(chosen);
  const { data } = await loadFolder(dir, { sizePx: flags.size, ...trainingFraming, files: chosen, showing });
  const image = tensor(data, [1, 3, flags.size, flags.size]);
  const rows = sheetRows(flags.augmentation, flags);
  const seed = globalOptions(command).seed ?? 0;
  const sheet = drawSheet(image, rows, { draws: flags.draws, seed });
  image.dispose();
  await writeGridPng(sheet, flags.out, {
    columns: 1 + flags.draws,
    rowLabels: rows.map(({ title }) => title),
    columnTitles: ['as it is', ...Array.from({ length: flags.draws }, (_, k) => `draw ${k + 1}`)],
    breakAfter: [0],
    title: `${flags.augmentation}, seed ${seed}, ${flags.size} px`,
  });
  output(command, {
    json: {
      image: file,
      augmentation: flags.augmentation,
      seed,
      rows: rows.map(({ title }) => title),
      sheet: flags.out,
    },
    text: rows.map(({ title }) => title).join('\n'),
  });
  notice(command, `wrote ${flags.out}`);
}
