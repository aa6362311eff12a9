/** `graft data prepare`: a smaller, resized, cleaned or newly split dataset of an old one. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import { masksFolder, openDataset, parseFractions } from '../data/dataset/index.js';
import type { Prepared } from '../data/prepare/index.js';
import { prepareDataset } from '../data/prepare/index.js';
import { collect, examples, globalOptions, integer, notice, number, output } from './common.js';
import { commaList } from './data-import.js';
import { madeText, making } from './data-making.js';

interface PrepareFlags {
  out: string;
  sizes?: number[];
  fit: 'crop' | 'squash' | 'pad';
  format: 'png' | 'jpeg';
  hair?: boolean;
  masks?: string | true;
  margin: number;
  without: string[];
  cutMajority?: number;
  cutEverywhere?: boolean;
  reduce?: number;
  split?: string;
  folds?: number;
  stratify?: string[];
  name?: string;
}

const fits = { crop: 'cover', squash: 'fill', pad: 'contain' } as const;

export function registerPrepare(data: Command): void {
  const command = data
    .command('prepare')
    .description(
      'make a dataset of another: fewer images, none that a third one has, other sizes, no hair, a new split or folds',
    )
    .argument('<dataset>', 'dataset folder')
    .requiredOption('--out <folder>', 'dataset to make; with several sizes or folds, a folder of datasets')
    .option('--sizes <a,b>', 'sides of the squares to make, in pixels; several make a dataset each', sizeList)
    .addOption(
      new Option('--fit <how>', 'how a frame becomes square').choices(Object.keys(fits)).default('crop'),
    )
    .addOption(
      new Option('--format <format>', 'of images whose pixels change')
        .choices(['png', 'jpeg'])
        .default('png'),
    )
    .option('--hair', 'remove hair: black-hat, threshold, inpainting')
    .option(
      '--masks [dir]',
      'cut every image to its lesion mask, matched by name (ID_segmentation.png …); without a folder: the masks that the dataset keeps',
    )
    .option(
      '--margin <share>',
      'left around the mask, as a share of its sides',
      number({ min: 0, max: 2 }),
      0.1,
    )
    .option(
      '--without <dataset>',
      'leave out images that show a picture of this dataset, in whatever file; repeatable',
      collect,
      [],
    )
    .option(
      '--cut-majority <ratio>',
      'at most so many images a class for each of the rarest class, in train',
      number({ min: 1 }),
    )
    .option('--cut-everywhere', 'cut the majority in val and test as well')
    .option('--reduce <n>', 'images to keep, in the ratio of classes and splits', integer({ min: 2 }))
    .option('--split <train/val/test>', 'split anew, in per cent (default: the split stays)')
    .option(
      '--folds <k>',
      'k datasets, each with another fold as its test split',
      integer({ min: 2, max: 100 }),
    )
    .option('--stratify <a,b>', 'metadata columns to share out evenly when splitting', commaList)
    .option('--name <name>', 'name of the dataset (default: the old one’s)')
    .action(async (dir: string, flags: PrepareFlags, self: Command) => prepareCommand(dir, flags, self));
  examples(command, [
    [
      'as the original did: 5,000 images in the ratio of the classes, at three sizes, squashed',
      'graft data prepare datasets/isic --reduce 5000 --sizes 80,160,240 --fit squash --out datasets/isic-5000',
    ],
    [
      'for a GAN: no hair, 64 px',
      'graft data prepare datasets/isic --hair --sizes 64 --out datasets/isic-64',
    ],
    [
      'a test set from elsewhere, without what a classifier is trained on',
      'graft data prepare datasets/ham10000 --without datasets/isic2017 --out datasets/ham10000-outside',
    ],
    [
      'five folds, sites shared out evenly',
      'graft data prepare datasets/isic --folds 5 --stratify anatom_site_general --out datasets/isic-folds',
    ],
  ]);
}

function sizeList(text: string): number[] {
  const sizes = text.split(',').map((part) => Number(part.trim()));
  if (sizes.some((size) => !Number.isInteger(size) || size < 8 || size > 4096))
    throw new InvalidArgumentError('Expected whole numbers from 8 to 4096 with commas between.');
  return sizes;
}

async function prepareCommand(dir: string, flags: PrepareFlags, command: Command): Promise<void> {
  const source = openDataset(dir);
  if (flags.masks === true && !existsSync(join(dir, masksFolder)))
    throw new ConfigError(
      `--masks: ${dir} keeps no masks; name their folder, or import again with --masks keep`,
    );
  const fractions = flags.split === undefined ? undefined : parseFractions(flags.split);
  const made = await making(
    command,
    {
      shared: 'looking for shared pictures',
      mask: 'reading masks',
      prepare: 'preparing',
      read: 'reading',
      compare: 'looking for duplicates',
    },
    (hooks) =>
      prepareDataset(source, flags.out, {
        ...hooks,
        sizesPx: flags.sizes,
        fit: fits[flags.fit],
        format: flags.format,
        hair: flags.hair,
        masks: flags.masks === true ? join(dir, masksFolder) : flags.masks,
        marginShare: flags.margin,
        ...(flags.without.length > 0 && { without: flags.without.map((other) => openDataset(other)) }),
        majorityRatio: flags.cutMajority,
        cutEverywhere: flags.cutEverywhere,
        reduceTo: flags.reduce,
        fractions,
        folds: flags.folds,
        strata: flags.stratify,
        seed: globalOptions(command).seed,
        name: flags.name,
        importer: `graft ${graftVersion()} data prepare`,
      }),
    'the same command goes on from here',
  );
  await printPrepared(made, command);
  const { images } = made[0]!.report;
  if (flags.reduce !== undefined && images < flags.reduce)
    notice(
      command,
      `--reduce ${flags.reduce}: there are no more than ${images} images to choose from; all are kept`,
    );
}

async function printPrepared(made: readonly Prepared[], command: Command): Promise<void> {
  const [first] = made as [Prepared];
  const others = made.length - 1;
  const lacking = made.slice(1).flatMap(({ dataset, report }) => {
    const details = report.problems.filter(({ kind }) => kind === 'empty-class').map(({ detail }) => detail);
    return details.map((detail) => `\n! ${dataset.dir}: ${detail}`);
  });
  const those =
    others === 1
      ? 'The other one likewise, in a folder of its own.'
      : `The other ${others} likewise, in folders of their own.`;
  const rest = others > 0 ? `\n\n${those}${lacking.join('')}` : '';
  output(command, {
    json: made.map(({ dataset, report }) => ({ ...report, dir: dataset.dir })),
    text: (await madeText(first.dataset, first.report)) + rest,
  });
  for (const { dataset } of made) notice(command, `made ${dataset.dir}`);
}
