/** `graft data import`: a folder of images with labels becomes a dataset. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError, readText } from 'graft-torch/base';
import { graftVersion } from '../base/index.js';
import { parseFractions } from '../data/dataset/index.js';
import { importDataset } from '../data/import/index.js';
import { parseIntensity, parsePage } from '../image/index.js';
import { collect, examples, globalOptions, number } from './common.js';
import { making, printMade } from './data-making.js';

interface ImportFlags {
  out: string;
  metadata: string[];
  mapping?: string;
  labelFromFolders?: boolean;
  idColumn?: string;
  labelColumn?: string;
  positive?: string;
  negativeName?: string;
  groupColumn?: string;
  patientColumn?: string;
  splitColumn?: string;
  masks: 'aside' | 'keep' | 'pictures';
  leaks: 'refuse' | 'drop';
  stratify?: string[];
  require: string[];
  knownDuplicates?: string;
  exactDuplicates: 'remove' | 'group';
  nearDuplicates: 'remove' | 'group' | 'keep';
  nearEvidence?: number;
  partial?: boolean;
  oneClass?: boolean;
  keepIdentifiers?: boolean;
  pseudonymKeyFile?: string;
  rename: string[];
  classes?: string[];
  split: string;
  skipUnreadable?: boolean;
  acceptWarnings?: boolean;
  link?: boolean;
  name?: string;
  licence?: string;
  intensity: string;
  channels?: 1 | 3;
  page?: string;
}

export function registerImport(data: Command): void {
  const command = data
    .command('import')
    .description('make a dataset of a folder of images with labels')
    .argument('<dir>', 'images, in any depth of folders')
    .requiredOption('--out <dataset>', 'dataset folder to make')
    .option('--positive <label>', 'label of the class whose detection is at stake')
    .option(
      '--metadata <table>',
      'CSV, TSV, JSON or Parquet with a row an image, or a folder of JSON; repeatable; [train|val|test]=TABLE gives its split',
      collect,
      [],
    )
    .option(
      '--mapping <name>',
      'how the tables are read: a name from `graft data mappings`, or a YAML file (default: recognised)',
    )
    .option(
      '--label-from-folders',
      'labels are the names of the folders: DIR/<class>/*.jpg; also DIR/train/<class>/…, DIR/<class>/train/…, whose split is kept',
    )
    .option('--id-column <name>', 'column with the images’ names (default: the one that matches the files)')
    .option('--label-column <name>', 'column with the labels (default: the one that holds the positive)')
    .option('--group-column <name>', 'column with the lesion (default: lesion_id if there is one; or none)')
    .option(
      '--patient-column <name>',
      'column with the patient (default: patient_id if there is one; or none)',
    )
    .option(
      '--split-column <name>',
      'column with a given split, which is kept (default: split anew); none passes over split folders',
    )
    .addOption(
      new Option(
        '--masks <what>',
        'masks beside the images (x_mask.png, masks/x.png): left out, stored, or pictures too',
      )
        .choices(['aside', 'keep', 'pictures'])
        .default('aside'),
    )
    .addOption(
      new Option('--leaks <what>', 'when a given split tears a group apart')
        .choices(['refuse', 'drop'])
        .default('refuse'),
    )
    .option(
      '--require <column>',
      'leave out rows where it is empty, unknown or other; repeatable',
      collect,
      [],
    )
    .option(
      '--stratify <a,b>',
      'columns to share out evenly over the splits, such as site and age',
      commaList,
    )
    .addOption(
      new Option('--exact-duplicates <what>', 'copies of a file')
        .choices(['remove', 'group'])
        .default('remove'),
    )
    .addOption(
      new Option(
        '--near-duplicates <what>',
        'images of one picture: in one group; all but one removed; or only named',
      )
        .choices(['group', 'remove', 'keep'])
        .default('group'),
    )
    .option(
      '--near-evidence <x>',
      'least evidence that two images show one picture, 0.3…3 (default: 0.65; higher joins less)',
      number({ min: 0.3, max: 3 }),
    )
    .option('--known-duplicates <csv>', 'table of pairs of ids that show one picture')
    .option('--one-class', 'allow a dataset of the positive class alone, for a GAN')
    .option(
      '--keep-identifiers',
      'DICOM: keep patient ids, UIDs, study dates and file names (default: pseudonyms)',
    )
    .option(
      '--pseudonym-key-file <file>',
      'DICOM: key of the pseudonyms, for the same ones in a later import',
    )
    .option('--partial', 'accept that most rows and most images do not meet, instead of failing')
    .option('--negative-name <label>', 'what all other labels together are called')
    .option('--rename <old=new>', 'rename a label, or put several together; repeatable', collect, [])
    .option('--classes <a,b>', 'leave out every other label', commaList)
    .option('--split <train/val/test>', 'per cent of the images, class by class', '70/15/15')
    .option(
      '--intensity <range>',
      'which stored values become black and white, for 12- and 16-bit, signed and float files: auto, full, bits=12, 0:4095 or percentile=0.5 (the same for all images)',
      'auto',
    )
    .option(
      '--page <page>',
      'of TIFFs that hold several pictures: first, middle, last or a number (default: the largest, where it is one)',
    )
    .addOption(
      new Option(
        '--channels <number>',
        'of what learns from the images (default: 1 where all are grey, else 3)',
      )
        .choices(['1', '3'])
        .argParser((text) => channels(text)),
    )
    .option('--skip-unreadable', 'leave out images that cannot be decoded, instead of failing')
    .option(
      '--accept-warnings',
      'take damaged images that decode in spite of it, with a warning; never those cut off',
    )
    .option('--link', 'link the images instead of copying them')
    .option('--name <name>', 'name of the dataset (default: the folder’s)')
    .option('--licence <licence>', 'licence of the images, for reports')
    .action(async (dir: string, flags: ImportFlags, self: Command) => importCommand(dir, flags, self));
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

function channels(text: string): 1 | 3 {
  if (text !== '1' && text !== '3') throw new InvalidArgumentError('Expected 1 or 3.');
  return text === '1' ? 1 : 3;
}

export function commaList(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === ''))
    throw new InvalidArgumentError('Expected names with commas between.');
  return parts;
}

/** `--rename mel=malignant` and so on. */
async function renames(pairs: readonly string[]): Promise<Record<string, string> | undefined> {
  if (pairs.length === 0) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1 || at === pair.length - 1) throw new ConfigError(`--rename ${pair}: expected old=new`);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

/** What can be said without a positive: which labels there are to choose from. */
async function positiveMissing(dir: string, flags: ImportFlags): Promise<Error> {
  const missing = "required option '--positive <label>' not specified";
  try {
    await importDataset(dir, flags.out, {
      positive: '',
      metadata: flags.metadata,
      mapping: flags.mapping,
      labelFromFolders: flags.labelFromFolders,
      labelColumn: flags.labelColumn,
    });
  } catch (error) {
    if (error instanceof ConfigError && error.message.startsWith('--positive')) return error;
  }
  return new ConfigError(missing);
}

async function importCommand(dir: string, flags: ImportFlags, command: Command): Promise<void> {
  const { positive } = flags;
  if (positive === undefined) throw await positiveMissing(dir, flags);
  const fractions = parseFractions(flags.split);
  const renameLabels = await renames(flags.rename);
  const pseudonymKey =
    flags.pseudonymKeyFile === undefined ? undefined : readText(flags.pseudonymKeyFile).trim();
  const intensity = parseIntensity(flags.intensity);
  const page = flags.page === undefined ? undefined : parsePage(flags.page);
  const { dataset, report } = await making(
    command,
    { survey: 'looking at values', read: 'reading', compare: 'looking for duplicates' },
    (hooks) =>
      importDataset(dir, flags.out, {
        ...hooks,
        intensity,
        page,
        channels: flags.channels,
        positive,
        negative: flags.negativeName,
        metadata: flags.metadata,
        mapping: flags.mapping,
        splitColumn: flags.splitColumn,
        masks: flags.masks,
        leaks: flags.leaks,
        required: flags.require,
        strata: flags.stratify,
        knownDuplicates: flags.knownDuplicates,
        duplicates: { exact: flags.exactDuplicates, near: flags.nearDuplicates },
        nearEvidence: flags.nearEvidence,
        partial: flags.partial,
        oneClass: flags.oneClass,
        keepIdentifiers: flags.keepIdentifiers,
        pseudonymKey,
        labelFromFolders: flags.labelFromFolders,
        idColumn: flags.idColumn,
        labelColumn: flags.labelColumn,
        lesionColumn: flags.groupColumn,
        patientColumn: flags.patientColumn,
        renameLabels,
        classes: flags.classes,
        fractions,
        seed: globalOptions(command).seed,
        skipUnreadable: flags.skipUnreadable,
        acceptWarnings: flags.acceptWarnings,
        images: flags.link ? 'link' : 'copy',
        name: flags.name,
        licence: flags.licence,
        importer: `graft ${graftVersion()} data import`,
      }),
  );
  await printMade(dataset, report, command);
}
