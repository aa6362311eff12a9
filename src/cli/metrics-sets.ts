/** What `graft metrics …` compares: the real images and the synthetic ones, read alike. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { ImageSet } from '../metrics/image.js';
import { globalOptions, integer } from './common.js';

export interface SetFlags {
  real: string;
  synthetic: string;
  class?: string;
  size: number;
  fit: 'cover' | 'fill';
}

/** The options that name the two sets and how their frames become squares. */
export const addSetOptions = (command: Command): Command =>
  command
    .requiredOption('--real <dir>', 'dataset (its training images of the class) or any folder of real images')
    .requiredOption('--synthetic <dir>', 'folder of synthetic images')
    .option('--class <label>', 'class of a dataset to compare with (default: the one in lineage.json)')
    .option('--size <pixels>', 'resize both to this square', integer({ min: 11, max: 1024 }), 64)
    .addOption(
      new Option('--fit <how>', 'how a frame becomes square').choices(['cover', 'fill']).default('fill'),
    );

const kernel = 'lanczos3' as const;

/** Reads both sets, with progress. */
export async function loadSets(
  flags: SetFlags,
  command: Command,
): Promise<{ real: ImageSet; synthetic: ImageSet; protocol: object }> {
  const { listImages, loadFolder } = await import('../image/folder.js');
  const { decoderId } = await import('../image/decode.js');
  const { withProgress } = await import('../run/progress.js');
  const { size: sizePx, fit } = flags;
  const { quiet } = globalOptions(command);
  const load = (label: string, dir: string, files: string[]): Promise<ImageSet> =>
    withProgress({ label, total: files.length, unit: 'images', quiet }, (progress) =>
      loadFolder(dir, { sizePx, fit, kernel, files, onProgress: (done) => progress.update(done) }),
    );
  const realFiles = await realImages(flags);
  const real = await load('reading real images', flags.real, realFiles);
  const synthetic = await load(
    'reading synthetic images',
    flags.synthetic,
    await listImages(flags.synthetic),
  );
  const resize = { sizePx, fit, kernel, decoder: decoderId };
  return { real, synthetic, protocol: { resize, realDir: flags.real, syntheticDir: flags.synthetic } };
}

/** The images to compare with: those a GAN of this class may have seen, where the folder is a dataset. */
async function realImages({ real, synthetic, class: wanted }: SetFlags): Promise<string[]> {
  const { datasetFile, imagePath, openDataset } = await import('../data/dataset.js');
  const { ConfigError } = await import('../errors.js');
  if (!existsSync(join(real, datasetFile))) {
    if (wanted !== undefined)
      throw new ConfigError(`--class ${wanted}: ${real} is no dataset; leave --class out`);
    const { listImages } = await import('../image/folder.js');
    return listImages(real);
  }
  const { LINEAGE_FILE, readLineage } = await import('../data/lineage.js');
  const label =
    wanted ?? (existsSync(join(synthetic, LINEAGE_FILE)) ? readLineage(synthetic).class : undefined);
  const dataset = openDataset(real);
  const classes = dataset.classes.join(', ');
  if (label === undefined) {
    throw new ConfigError(
      `${synthetic} has no ${LINEAGE_FILE}: say with --class which class of ${real} it shows (${classes})`,
    );
  }
  if (!dataset.classes.includes(label))
    throw new ConfigError(`${real}: no class '${label}'; the classes are ${classes}`);
  const rows = dataset.rows.filter((row) => row.split === 'train' && row.label === label);
  return rows.map((row) => imagePath(dataset, row));
}
