/** `graft data import | phantoms | describe`: datasets are made and looked at. */
import Table from 'cli-table3';
import { type Command, InvalidArgumentError } from 'commander';
import type { CreateProgress, ImportReport } from '../data/create.js';
import type { Dataset } from '../data/dataset.js';
import type { DatasetSummary } from '../data/describe.js';
import { collect, examples, globalOptions, integer, notice, number, output } from './common.js';

interface ImportFlags {
  out: string;
  metadata?: string;
  labelFromFolders?: boolean;
  idColumn?: string;
  labelColumn?: string;
  positive: string;
  negativeName?: string;
  groupColumn?: string;
  patientColumn?: string;
  rename: string[];
  classes?: string[];
  split: string;
  skipUnreadable?: boolean;
  link?: boolean;
  name?: string;
  licence?: string;
}

interface PhantomFlags {
  out: string;
  count: number;
  size: number;
  prevalence: number;
  split: string;
  name?: string;
}

export function register(program: Command): void {
  const data = program.command('data').description('make datasets, and look at what is in them');
  registerImport(data);
  registerPhantoms(data);
  const describe = data
    .command('describe')
    .description('count what a dataset holds: splits, classes, groups, duplicates, sizes, missing metadata')
    .argument('<dataset>', 'dataset folder')
    .action(async (dir: string, _flags, command: Command) => {
      const { openDataset } = await import('../data/dataset.js');
      const { describeDataset } = await import('../data/describe.js');
      const summary = describeDataset(openDataset(dir));
      output(command, { json: summary, text: () => describeText(summary) });
    });
  examples(describe, [['what was imported', 'graft data describe isic2017']]);
}

function registerImport(data: Command): void {
  const command = data
    .command('import')
    .description('make a dataset of a folder of images with labels')
    .argument('<dir>', 'images, in any depth of folders')
    .requiredOption('--out <dataset>', 'dataset folder to make')
    .requiredOption('--positive <label>', 'label of the class whose detection is at stake')
    .option('--metadata <csv>', 'table with a row an image')
    .option('--label-from-folders', 'labels are the names of the folders: DIR/<class>/*.jpg')
    .option('--id-column <name>', 'column with the images’ names (default: the one that matches the files)')
    .option('--label-column <name>', 'column with the labels (default: the one that holds the positive)')
    .option('--group-column <name>', 'column with the lesion (default: lesion_id if there is one; or none)')
    .option(
      '--patient-column <name>',
      'column with the patient (default: patient_id if there is one; or none)',
    )
    .option('--negative-name <label>', 'what all other labels together are called')
    .option('--rename <old=new>', 'rename a label, or put several together; repeatable', collect, [])
    .option('--classes <a,b>', 'leave out every other label', commaList)
    .option('--split <train/val/test>', 'per cent of the images, class by class', '70/15/15')
    .option('--skip-unreadable', 'leave out images that cannot be decoded, instead of failing')
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
      'HAM10000: three diagnoses put together',
      'graft data import ham10000 --metadata HAM10000_metadata.csv --label-column dx --rename mel=malignant \\\n' +
        '    --rename bcc=malignant --rename akiec=malignant --positive malignant --out datasets/ham10000',
    ],
  ]);
}

function registerPhantoms(data: Command): void {
  const command = data
    .command('phantoms')
    .description('make a dataset of procedural dermoscopy, whose best possible AUC is known')
    .requiredOption('--out <dataset>', 'dataset folder to make')
    .option('--count <n>', 'how many images', integer({ min: 2 }), 2000)
    .option('--size <pixels>', 'side of the images', integer({ min: 16, max: 1024 }), 64)
    .option('--prevalence <share>', 'probability of malignant', number({ min: 0, max: 1 }), 0.3)
    .option('--split <train/val/test>', 'per cent of the images, class by class', '70/15/15')
    .option('--name <name>', 'name of the dataset', 'phantoms')
    .action(async (flags: PhantomFlags, self: Command) => phantomsCommand(flags, self));
  examples(command, [
    [
      '2,000 images, 30 per cent malignant',
      'graft data phantoms --count 2000 --seed 1 --out datasets/phantoms',
    ],
  ]);
}

function commaList(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.some((part) => part === ''))
    throw new InvalidArgumentError('Expected names with commas between.');
  return parts;
}

/** `--rename mel=malignant` and so on. */
async function renames(pairs: readonly string[]): Promise<Record<string, string> | undefined> {
  if (pairs.length === 0) return undefined;
  const { ConfigError } = await import('../errors.js');
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1 || at === pair.length - 1) throw new ConfigError(`--rename ${pair}: expected old=new`);
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

/** Runs what makes a dataset with a bar for each phase; Ctrl-C stops it and leaves nothing behind. */
async function making<Result>(
  command: Command,
  labels: Record<Parameters<CreateProgress>[0], string>,
  work: (hooks: { onProgress: CreateProgress; signal: AbortSignal }) => Promise<Result>,
): Promise<Result> {
  const { Progress } = await import('../run/progress.js');
  const { InterruptedError, withInterrupt } = await import('../run/interrupt.js');
  const { quiet } = globalOptions(command);
  const bars = new Map<string, InstanceType<typeof Progress>>();
  const stopped = new AbortController();
  try {
    return await withInterrupt(async (interrupt) => {
      const onProgress: CreateProgress = (phase, done, total) => {
        if (interrupt.requested && !stopped.signal.aborted)
          stopped.abort(new InterruptedError('stopped; no dataset was made, run it again to start anew'));
        let bar = bars.get(phase);
        if (!bar) {
          bar = new Progress({ label: labels[phase], total, unit: 'images', quiet });
          bars.set(phase, bar);
        }
        bar.update(done);
        if (done === total) bar.stop();
      };
      return work({ onProgress, signal: stopped.signal });
    }, 'stopping; nothing is kept of an unfinished dataset');
  } finally {
    for (const bar of bars.values()) bar.stop();
  }
}

async function importCommand(dir: string, flags: ImportFlags, command: Command): Promise<void> {
  const { importDataset } = await import('../data/import.js');
  const { parseFractions } = await import('../data/split.js');
  const { graftVersion } = await import('../run/package.js');
  const fractions = parseFractions(flags.split);
  const renameLabels = await renames(flags.rename);
  const { dataset, report } = await making(
    command,
    { read: 'reading', compare: 'looking for duplicates' },
    (hooks) =>
      importDataset(dir, flags.out, {
        ...hooks,
        positive: flags.positive,
        negative: flags.negativeName,
        metadata: flags.metadata,
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
        images: flags.link ? 'link' : 'copy',
        name: flags.name,
        licence: flags.licence,
        importer: `graft ${graftVersion()} data import`,
      }),
  );
  await printMade(dataset, report, command);
}

async function phantomsCommand(flags: PhantomFlags, command: Command): Promise<void> {
  const { createPhantomDataset } = await import('../data/phantom/dataset.js');
  const { parseFractions } = await import('../data/split.js');
  const { graftVersion } = await import('../run/package.js');
  const fractions = parseFractions(flags.split);
  const { dataset, report } = await making(
    command,
    { read: 'drawing phantoms', compare: 'looking for duplicates' },
    (hooks) =>
      createPhantomDataset(flags.out, {
        onProgress: (done, total) => hooks.onProgress('read', done, total),
        signal: hooks.signal,
        count: flags.count,
        sizePx: flags.size,
        prevalence: flags.prevalence,
        seed: globalOptions(command).seed,
        name: flags.name,
        fractions,
        importer: `graft ${graftVersion()} data phantoms`,
      }),
  );
  await printMade(dataset, report, command);
}

async function printMade(dataset: Dataset, report: ImportReport, command: Command): Promise<void> {
  const { describeDataset } = await import('../data/describe.js');
  const { nameSome, problemKinds } = await import('../data/problems.js');
  const summary = describeDataset(dataset);
  const lines = (): string[] => {
    const kinds = Object.entries(report.counts) as [keyof typeof problemKinds, number][];
    if (kinds.length === 0) return ['Nothing was left out.'];
    const table = plainTable(['found', 'n', 'which']);
    for (const [kind, n] of kinds) {
      const names = report.problems
        .filter((problem) => problem.kind === kind)
        .map(({ id, file, line, detail }) => file || id || (line ? `line ${line}` : detail));
      const { text, leftOut } = problemKinds[kind];
      table.push([leftOut ? `left out: ${text}` : text, String(n), nameSome([...new Set(names)], 3)]);
    }
    return [trimmed(table), `All of them by name: ${dataset.dir}/import-report.csv`];
  };
  output(command, {
    json: { ...report, dir: dataset.dir },
    text: () => [describeText(summary), '', ...lines()].join('\n'),
  });
  notice(command, `made ${dataset.dir}`);
}

const whole = (n: number): string => n.toLocaleString('en-US');
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A borderless table, numbers to the right. */
function plainTable(head: string[], left = 1): InstanceType<typeof Table> {
  const chars = Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
      .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'])
      .map((part) => [part, '']),
  );
  return new Table({
    head,
    chars: { ...chars, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((name, i) => (i < left || name === 'which' ? 'left' : 'right')),
  });
}

/** A table without the blanks that fill up its last column. */
const trimmed = (table: InstanceType<typeof Table>): string => table.toString().replace(/ +$/gm, '');

function describeText(summary: DatasetSummary): string {
  const { classes, positive, negative, groupedBy, duplicates, sizes, metadata } = summary;
  const cell = (images: number, groups: number): string =>
    groups === images ? whole(images) : `${whole(images)} (${whole(groups)})`;
  const splits = plainTable(['split', ...classes, 'images', `${positive}`]);
  for (const split of ['train', 'val', 'test'] as const) {
    const own = classes.map(
      (label) => summary.counts.find((one) => one.split === split && one.label === label)!,
    );
    const images = own.reduce((sum, one) => sum + one.images, 0);
    const positives = own.find((one) => one.label === positive)!.images;
    splits.push([
      split,
      ...own.map((one) => cell(one.images, one.groups)),
      whole(images),
      images === 0 ? '–' : percent(positives / images),
    ]);
  }
  const ofAll = classes.map((label) =>
    whole(summary.counts.filter((one) => one.label === label).reduce((sum, one) => sum + one.images, 0)),
  );
  splits.push(['all', ...ofAll, whole(summary.images), percent(summary.prevalence)]);

  const [common] = sizes;
  const sizeText =
    sizes.length === 1
      ? `all ${common!.width} × ${common!.height} px`
      : `${sizes.length} sizes, most often ${common!.width} × ${common!.height} px (${whole(common!.images)}); ` +
        `shorter sides ${Math.min(...sizes.map((one) => Math.min(one.width, one.height)))} to ` +
        `${Math.max(...sizes.map((one) => Math.min(one.width, one.height)))} px`;
  const lines = [
    `${summary.name}: ${whole(summary.images)} images in ${whole(summary.groups)} groups${summary.licence ? `, ${summary.licence}` : ', licence not stated (--licence)'}`,
    `target: ${positive} against ${negative} (labels from ${summary.label})`,
    '',
    trimmed(splits),
    summary.counts.some((one) => one.groups !== one.images)
      ? 'In brackets: groups, where they are fewer.'
      : '',
    '',
    `groups: by ${groupedBy}${groupedBy === 'image' ? ' (no patient or lesion known)' : ' where known, else by image'}, the largest of ${whole(summary.largestGroup)}; no group is in two splits`,
    `duplicates joined: ${whole(duplicates.exact)} exact, ${whole(duplicates.near)} near`,
    `sizes: ${sizeText}`,
    ...(summary.bayesAuc === null ? [] : [`best possible AUC: ${summary.bayesAuc.toFixed(4)}`]),
    `hash: ${summary.hash.slice(0, 16)}`,
  ];
  if (metadata.length > 0) {
    const table = plainTable(['metadata', 'missing', 'values']);
    for (const { column, missing, distinct } of metadata)
      table.push([
        column,
        missing === 0 ? '–' : `${whole(missing)} (${percent(missing / summary.images)})`,
        whole(distinct),
      ]);
    lines.push('', trimmed(table));
  }
  return lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n');
}
