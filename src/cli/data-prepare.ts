/** `graft data prepare`: a smaller, resized, cleaned or newly split dataset of an old one. */

import type { Command } from 'commander';
import { graftVersion } from '../base/index.js';
import { openDataset, parseFractions } from '../data/dataset/index.js';
import { type Prepared, prepareDataset, prepareSchema } from '../data/prepare/index.js';
import { examples, notice, output } from './common.js';
import { madeText, making } from './data-making.js';
import { addSchemaOptions, schemaOptions } from './schema-options.js';

export function registerPrepare(data: Command): void {
  const command = data
    .command('prepare')
    .description(
      'make a dataset of another: fewer images, none that a third one has, other sizes, no hair, a new split or folds',
    )
    .argument('<dataset>', 'dataset folder')
    .requiredOption('--out <folder>', 'dataset to make; with several sizes or folds, a folder of datasets');
  addSchemaOptions(command, prepareSchema).action(
    async (dir: string, { out }: { out: string }, self: Command) => prepareCommand(dir, out, self),
  );
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

async function prepareCommand(dir: string, out: string, command: Command): Promise<void> {
  const options = schemaOptions(command, prepareSchema, { fractions: parseFractions });
  if (options === null) return;
  const source = openDataset(dir);
  const made = await making(
    command,
    {
      labels: {
        shared: 'looking for shared pictures',
        mask: 'reading masks',
        prepare: 'preparing',
        read: 'reading',
        compare: 'looking for duplicates',
      },
      advice: 'the same command goes on from here',
    },
    (hooks) =>
      prepareDataset(source, out, {
        ...options,
        ...hooks,
        importer: `graft ${graftVersion()} data prepare`,
      }),
  );
  await printPrepared(made, command);
  const { images } = made[0]!.report;
  const { reduceTo = 0 } = options;
  if (images < reduceTo)
    notice(
      command,
      `--reduce ${reduceTo}: there are no more than ${images} images to choose from; all are kept`,
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
