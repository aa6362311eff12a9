/** What `graft metrics …` compares: the real images and the synthetic ones, read alike. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Dataset, DatasetRow } from '../data/dataset.js';
import type { Surveyed } from '../image/survey.js';
import type { ImageSet } from '../metrics/image-set.js';
import { collect, globalOptions, integer } from './common.js';

export interface SetFlags {
  real: string;
  synthetic: string;
  class?: string;
  size?: number;
  fit: 'cover' | 'fill';
}

/** The options that name the two sets and how their frames become squares. */
export const addSetOptions = (command: Command, { many = false } = {}): Command =>
  command
    .requiredOption('--real <dir>', 'dataset (its training images of the class) or any folder of real images')
    .addOption(syntheticOption(many))
    .option('--class <label>', 'class of a dataset to compare with (default: the one in lineage.json)')
    .option(
      '--size <pixels>',
      'resize both to this square (default: the synthetic images’ own size)',
      integer({ min: 11, max: 1024 }),
    )
    .addOption(
      new Option('--fit <how>', 'how a frame becomes square').choices(['cover', 'fill']).default('fill'),
    );

function syntheticOption(many: boolean): Option {
  const option = new Option(
    '--synthetic <dir>',
    `folder of synthetic images${many ? '; repeatable, a folder a class' : ''}`,
  ).makeOptionMandatory();
  // Without a default, or it would not be missed: the first call has none before it.
  return many ? option.argParser((dir, before?: string[]) => collect(dir, before ?? [])) : option;
}

const kernel = 'lanczos3' as const;

/** The two sets, read alike, and what decided their pixels. */
export interface LoadedSets {
  real: ImageSet;
  synthetic: ImageSet;
  /** Real images of the class that no generator was to see: of a dataset the validation and test split; else null. */
  heldOut: Chosen | null;
  /** The class compared, null where the folders bear no labels. */
  label: string | null;
  /** SHA-256 over the real images' pixels. */
  reference: string;
  /** Goes into every record. */
  protocol: { sizePx: number; fit: 'cover' | 'fill'; kernel: string; decoder: string };
  /** For people: which folders. */
  folders: { real: string; synthetic: string };
}

interface Chosen {
  files: string[];
  groups?: string[];
}

/**
 * Reads both sets, with progress.
 * @throws DataError, ConfigError naming the file that is too few, transparent, or of another size than the rest
 */
export async function loadSets(flags: SetFlags, command: Command): Promise<LoadedSets> {
  const { listImages } = await import('../image/folder.js');
  const { decoderId } = await import('../image/decode.js');
  const { fit } = flags;
  const { label, heldOut, ...real } = await realImages(flags);
  const synthetic = { files: await listImages(flags.synthetic) };
  await refuseFew(flags.real, 'real', real.files);
  await refuseFew(flags.synthetic, 'synthetic', synthetic.files);
  const sizePx = await commonSize(flags, real.files, synthetic.files);
  const protocol = { sizePx, fit, kernel, decoder: decoderId };
  const { hashPixels } = await import('../metrics/image-set.js');
  const realSet = await read(command, 'real', flags.real, real, protocol);
  return {
    real: realSet,
    reference: hashPixels(realSet),
    synthetic: await read(command, 'synthetic', flags.synthetic, synthetic, protocol),
    heldOut,
    label,
    protocol,
    folders: { real: flags.real, synthetic: flags.synthetic },
  };
}

/**
 * Reads a folder of synthetic images a class, each with its real images, and all of them as one set.
 * @throws as `loadSets`; ConfigError where two folders show one class, none, or images of another size
 */
export async function loadClasses(
  flags: Omit<SetFlags, 'synthetic'> & { synthetic: readonly string[] },
  command: Command,
): Promise<{ classes: LoadedSets[]; all: LoadedSets }> {
  const classes: LoadedSets[] = [];
  for (const synthetic of flags.synthetic) classes.push(await loadSets({ ...flags, synthetic }, command));
  return { classes, all: classes.length > 1 ? await pool(classes) : classes[0]! };
}

/**
 * Several classes as one set, which stands beside them.
 * @throws ConfigError where two folders show one class, none, or images of another size
 */
async function pool(loaded: readonly LoadedSets[]): Promise<LoadedSets> {
  const { ConfigError } = await import('../errors.js');
  const { concatenate, hashPixels } = await import('../metrics/image-set.js');
  const [first, ...rest] = loaded as [LoadedSets, ...LoadedSets[]];
  for (const [i, { folders, label, protocol }] of loaded.entries()) {
    if (label === null)
      throw new ConfigError(
        `${folders.real}: is no dataset; compare several folders of synthetic images with a dataset`,
      );
    const twin = loaded.find((other, k) => k < i && other.label === label);
    if (twin)
      throw new ConfigError(
        `${twin.folders.synthetic} and ${folders.synthetic} both show ${label}: give one folder a class`,
      );
    if (protocol.sizePx !== first.protocol.sizePx)
      throw new ConfigError(
        `${folders.synthetic}: ${protocol.sizePx} px, ${first.folders.synthetic} ${first.protocol.sizePx}: say with --size to which all are to be resized`,
      );
  }
  const real = concatenate(loaded.map((one) => one.real));
  return {
    ...first,
    real,
    synthetic: concatenate(loaded.map((one) => one.synthetic)),
    heldOut: null,
    label: loaded.map(({ label }) => label).join(', '),
    reference: hashPixels(real),
    folders: {
      real: first.folders.real,
      synthetic: [first, ...rest].map(({ folders }) => folders.synthetic).join(' + '),
    },
  };
}

/**
 * Reads the real images that no generator saw, like the others.
 * @throws ConfigError where there are none to be found; DataError as `loadSets`
 */
export async function loadHeldOut(
  flags: SetFlags & { heldOut?: string },
  { heldOut, protocol }: LoadedSets,
  command: Command,
): Promise<ImageSet> {
  const { listImages } = await import('../image/folder.js');
  const { ConfigError } = await import('../errors.js');
  const chosen = flags.heldOut === undefined ? heldOut : { files: await listImages(flags.heldOut) };
  if (!chosen) {
    throw new ConfigError(
      `--held-out: ${flags.real} is a plain folder; name the folder of real images that the generator did not see`,
    );
  }
  const dir = flags.heldOut ?? flags.real;
  await refuseFew(dir, 'held-out', chosen.files);
  await refuseTransparent(chosen.files);
  return read(command, 'held-out', dir, chosen, protocol);
}

async function read(
  command: Command,
  which: string,
  dir: string,
  { files, groups }: Chosen,
  { sizePx, fit }: LoadedSets['protocol'],
): Promise<ImageSet> {
  const { loadFolder } = await import('../image/folder.js');
  const { withProgress } = await import('../run/progress.js');
  const { quiet } = globalOptions(command);
  const label = `reading ${which} images`;
  const images = await withProgress({ label, total: files.length, unit: 'images', quiet }, (progress) =>
    loadFolder(dir, { sizePx, fit, kernel, files, onProgress: (done) => progress.update(done) }),
  );
  return { ...images, ...(groups && { groups }) };
}

async function refuseFew(dir: string, which: string, files: readonly string[]): Promise<void> {
  if (files.length >= 2) return;
  const { DataError } = await import('../errors.js');
  const found = files.length === 0 ? 'no images' : 'a single image';
  throw new DataError(`${dir}: ${found} to take for the ${which} set; metrics need two or more`);
}

/** What the headers say of files none of which is transparent. @throws DataError naming the one that is */
async function refuseTransparent(files: readonly string[]): Promise<Surveyed[]> {
  const { surveyImages } = await import('../image/survey.js');
  const { DataError } = await import('../errors.js');
  const found = await surveyImages(files);
  const seeThrough = found.find(({ transparent }) => transparent);
  if (!seeThrough) return found;
  throw new DataError(
    `${seeThrough.file}: has transparent pixels, which would count as black: lay it on a background first (ImageMagick: mogrify -background white -flatten FILE)`,
  );
}

/** The side that both are brought to. @throws DataError naming the file that stands in the way, and the remedy */
async function commonSize(flags: SetFlags, real: string[], synthetic: string[]): Promise<number> {
  const { DataError } = await import('../errors.js');
  const found = await refuseTransparent([...real, ...synthetic]);
  if (flags.size !== undefined) return flags.size;
  const [first, ...rest] = found.slice(real.length);
  const { width, height, file } = first!;
  const odd = width !== height ? first! : rest.find((one) => one.width !== width || one.height !== height);
  if (odd) {
    const others = odd === first ? 'not square' : `${file} ${width}×${height}`;
    throw new DataError(
      `${odd.file}: is ${odd.width}×${odd.height} pixels, ${others}: say with --size to which square all are to be resized`,
    );
  }
  if (width < 11 || width > 1024) {
    throw new DataError(
      `${file}: ${width}×${height} pixels: metrics take 11 to 1024 a side; resize with --size`,
    );
  }
  return width;
}

/** The images to compare with: those a GAN of this class may have seen, where the folder is a dataset. */
async function realImages({
  real,
  synthetic,
  class: wanted,
}: SetFlags): Promise<Chosen & { label: string | null; heldOut: Chosen | null }> {
  const { datasetFile, imagePath, openDataset } = await import('../data/dataset.js');
  const { ConfigError } = await import('../errors.js');
  if (!existsSync(join(real, datasetFile))) {
    if (wanted !== undefined)
      throw new ConfigError(`--class ${wanted}: ${real} is no dataset; leave --class out`);
    const { listImages } = await import('../image/folder.js');
    return { files: await listImages(real), label: null, heldOut: null };
  }
  const { LINEAGE_FILE, readLineage } = await import('../data/lineage.js');
  const label =
    wanted ?? (existsSync(join(synthetic, LINEAGE_FILE)) ? readLineage(synthetic).class : undefined);
  const dataset: Dataset = openDataset(real);
  const classes = dataset.classes.join(', ');
  if (label === undefined) {
    throw new ConfigError(
      `${synthetic} has no ${LINEAGE_FILE}: say with --class which class of ${real} it shows (${classes})`,
    );
  }
  if (!dataset.classes.includes(label))
    throw new ConfigError(`${real}: no class '${label}'; the classes are ${classes}`);
  const choose = (keep: (row: DatasetRow) => boolean): Chosen => {
    const rows = dataset.rows.filter((row) => row.label === label && keep(row));
    return { files: rows.map((row) => imagePath(dataset, row)), groups: rows.map(({ group }) => group) };
  };
  return {
    ...choose(({ split }) => split === 'train'),
    label,
    heldOut: choose(({ split }) => split !== 'train'),
  };
}
