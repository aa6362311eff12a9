/** `graft data import`: a folder of images with labels becomes a dataset. */
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import { parseFractions } from '../data/dataset/index.js';
import { type ImportOptions, importDataset, importSchema } from '../data/import/index.js';
import { examples } from './common.js';
import { making, printMade } from './data-making.js';
import { addSchemaOptions, schemaOptions } from './schema-options.js';

/** Without a positive the labels are listed that there are to choose from. */
const commandSchema = importSchema.extend({ positive: importSchema.shape.positive.default('') });

export function registerImport(data: Command): void {
  const command = data
    .command('import')
    .description('make a dataset of a folder of images with labels')
    .argument('<dir>', 'images, in any depth of folders')
    .requiredOption('--out <dataset>', 'dataset folder to make');
  addSchemaOptions(command, commandSchema).action(
    async (dir: string, { out }: { out: string }, self: Command) => importCommand(dir, out, self),
  );
  examples(command, [
    [
      'ISIC 2017: melanoma against the rest, lesions kept together',
      'graft data import isic2017 --metadata metadata.csv --id-column isic_id --label-column diagnosis \\\n' +
        '    --positive melanoma --group-column lesion_id --out datasets/isic2017',
    ],
    [
      'a folder for each class',
      'graft data import photos --label-from-folders --positive malignant --out datasets/photos',
    ],
    [
      'MR or CT slices: values of 12 bits in 16-bit files, Hounsfield units from −1000 to 400',
      'graft data import slices --label-from-folders --positive tumour --intensity -1000:400 --out datasets/slices',
    ],
    [
      'HAM10000: three diagnoses put together',
      'graft data import ham10000 --metadata HAM10000_metadata.csv --label-column dx --rename mel=malignant \\\n' +
        '    --rename bcc=malignant --rename akiec=malignant --positive malignant --out datasets/ham10000',
    ],
  ]);
}

/** `--rename mel=malignant` and so on. */
function renames(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1 || at === pair.length - 1) throw new ConfigError(`--rename ${pair}: expected old=new`);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

async function importCommand(dir: string, out: string, command: Command): Promise<void> {
  const options = schemaOptions(command, commandSchema, {
    fractions: parseFractions,
    renameLabels: renames,
  });
  if (options === null) return;
  if (options.positive === '') throw await positiveMissing(dir, out, options);
  const { dataset, report } = await making(
    command,
    { labels: { survey: 'looking at values', read: 'reading', compare: 'looking for duplicates' } },
    (hooks) =>
      importDataset(dir, out, { ...options, ...hooks, importer: `graft ${graftVersion()} data import` }),
  );
  await printMade(dataset, report, command);
}

/** What can be said without a positive: which labels there are to choose from. */
async function positiveMissing(dir: string, out: string, options: ImportOptions): Promise<Error> {
  try {
    await importDataset(dir, out, options);
  } catch (error) {
    if (error instanceof ConfigError && error.message.startsWith('--positive')) return error;
  }
  return new ConfigError("required option '--positive <label>' not specified");
}
