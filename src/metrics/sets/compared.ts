/**
 * Which images a comparison takes, before any is decoded: of a dataset those that the generator learned from, and those
 * it never saw; at which size, in which framing. Everything that training decided is taken from the lineage.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError } from 'graft-torch/base';
import {
  type Dataset,
  type DatasetRow,
  datasetFile,
  imagePath,
  openDataset,
} from '../../data/dataset/index.js';
import { LINEAGE_FILE, type Lineage, readLineage } from '../../data/lineage/index.js';
import { chosenName } from '../../data/table/index.js';
import type { Fit } from '../../image/index.js';
import { listImages, type Surveyed, surveyImages } from '../../image/index.js';
import { chooseFraming, type FramingChoice } from './framing.js';

export interface ComparedOptions {
  /** Dataset, or any folder of real images. */
  real: string;
  /** Folder of synthetic images. */
  synthetic: string;
  /** Class of the dataset; default: the one in the lineage. */
  class?: string;
  /** Side of the squares; default: the synthetic images' own. */
  size?: number;
  /** Default: as the lineage says. */
  fit?: Fit;
  /** Folder of real images that the generator did not see; default: of a dataset the rest of its images. */
  heldOut?: string;
  /** All framings in which a copy may be found. */
  everyFraming?: boolean;
}

/** Some images of a folder. */
export interface Chosen {
  dir: string;
  files: string[];
  groups?: string[];
}

export interface Compared {
  real: Chosen;
  synthetic: Chosen;
  /** Null where the real images are a plain folder and none is named. */
  heldOut: Chosen | null;
  /** Class compared; null where the folders bear no labels. */
  label: string | null;
  sizePx: number;
  /** One, unless all were asked for. */
  framings: FramingChoice[];
  /** What the user should know, a line each. */
  warnings: string[];
}

/** Metrics take squares of these sides. */
export const SIDES_PX = { least: 11, most: 1024 };

/**
 * @throws DataError, ConfigError naming the folder or file that is too few, transparent, or of another size than the
 * rest, and a choice that nobody has made
 */
export async function chooseCompared(options: ComparedOptions): Promise<Compared> {
  const lineage = existsSync(join(options.synthetic, LINEAGE_FILE)) ? readLineage(options.synthetic) : null;
  const { warnings, made, ...sets } = await realImages(options, lineage);
  const synthetic = { dir: options.synthetic, files: await listImages(options.synthetic) };
  requireSome(sets.real, 'real');
  requireSome(synthetic, 'synthetic');
  const heldOut =
    options.heldOut === undefined
      ? sets.heldOut
      : { dir: options.heldOut, files: await listImages(options.heldOut) };
  const surveyed = {
    real: await opaqueImages(sets.real.files),
    synthetic: await opaqueImages(synthetic.files),
    heldOut: options.heldOut === undefined ? [] : await opaqueImages(heldOut!.files),
  };
  const sizePx = commonSize(options, surveyed.synthetic);
  if (lineage && lineage.imageSize !== sizePx)
    warnings.push(
      `${options.synthetic}: its generator draws ${lineage.imageSize} px, and images are compared at ${sizePx} px: what was enlarged has no detail of its own`,
    );
  const framing = chooseFraming(
    {
      synthetic: options.synthetic,
      seen: lineage?.framing ?? null,
      asked: options.fit,
      odd: Object.values(surveyed)
        .flat()
        .find(({ width, height }) => width !== height),
      made,
    },
    { every: options.everyFraming },
  );
  return {
    ...sets,
    synthetic,
    heldOut,
    sizePx,
    framings: framing.choices,
    warnings: [...warnings, ...framing.warnings],
  };
}

/** @throws DataError where a set is too small to measure anything */
export function requireSome({ dir, files }: Chosen, which: string): void {
  if (files.length >= 2) return;
  const found = files.length === 0 ? 'no images' : 'a single image';
  throw new DataError(`${dir}: ${found} to take for the ${which} set; metrics need two or more`);
}

/** What the headers say of files none of which is transparent. @throws DataError naming the one that is */
async function opaqueImages(files: readonly string[]): Promise<Surveyed[]> {
  const found = await surveyImages(files);
  const seeThrough = found.find(({ transparent }) => transparent);
  if (!seeThrough) return found;
  throw new DataError(
    `${seeThrough.file}: has transparent pixels, which would count as black: lay it on a background first (ImageMagick: mogrify -background white -flatten FILE)`,
  );
}

/** The side that all are brought to. @throws DataError naming the file that stands in the way, and the remedy */
function commonSize({ size }: ComparedOptions, synthetic: readonly Surveyed[]): number {
  if (size !== undefined) return size;
  const [first, ...rest] = synthetic;
  const { width, height, file } = first!;
  const odd = width !== height ? first! : rest.find((one) => one.width !== width || one.height !== height);
  if (odd) {
    const others = odd === first ? 'not square' : `${file} ${width}×${height}`;
    throw new DataError(
      `${odd.file}: is ${odd.width}×${odd.height} pixels, ${others}: say with --size to which square all are to be resized`,
    );
  }
  if (width < SIDES_PX.least || width > SIDES_PX.most) {
    throw new DataError(
      `${file}: ${width}×${height} pixels: metrics take ${SIDES_PX.least} to ${SIDES_PX.most} a side; resize with --size`,
    );
  }
  return width;
}

type RealImages = Pick<Compared, 'real' | 'heldOut' | 'label' | 'warnings'> & { made: Dataset['framing'] };

/** The images to compare with: those a GAN of this class has seen, where the folder is a dataset. */
async function realImages(
  { real: dir, synthetic, class: wanted }: ComparedOptions,
  lineage: Lineage | null,
): Promise<RealImages> {
  if (!existsSync(join(dir, datasetFile))) {
    if (wanted !== undefined)
      throw new ConfigError(`--class ${wanted}: ${dir} is no dataset; leave --class out`);
    const real = { dir, files: await listImages(dir) };
    return { real, heldOut: null, label: null, warnings: [], made: undefined };
  }
  const dataset = openDataset(dir);
  const label = wanted ?? lineage?.class;
  if (label === undefined) {
    throw new ConfigError(
      `${synthetic} has no ${LINEAGE_FILE}: say with --class which class of ${dir} it shows (${dataset.classes.join(', ')})`,
    );
  }
  const labels = labelsOf(dataset, label);
  const { isLearned, warnings } = learnedRows(dataset, lineage, synthetic);
  if (wanted !== undefined && lineage && lineage.class !== wanted)
    warnings.push(`--class ${wanted}: ${synthetic} shows ${lineage.class}, as its lineage says`);
  const choose = (keep: (row: DatasetRow) => boolean): Chosen => {
    const rows = dataset.rows.filter((row) => labels.includes(row.label) && keep(row));
    return { dir, files: rows.map((row) => imagePath(dataset, row)), groups: rows.map(({ group }) => group) };
  };
  return {
    real: choose(isLearned),
    heldOut: choose((row) => !isLearned(row)),
    label,
    warnings,
    made: dataset.framing,
  };
}

/** A generator of several classes without labels bears all of their names: 'melanoma+nevus'. */
function labelsOf({ classes, dir }: Dataset, label: string): string[] {
  const found = chosenName(label, classes);
  const labels = found !== undefined ? [found] : label.split('+');
  if (labels.every((one) => classes.includes(one))) return labels;
  throw new ConfigError(`${dir}: no class '${label}'; the classes are ${classes.join(', ')}`);
}

/** Which rows the generator learned from: of another split of the same images, those of its own. */
function learnedRows(
  dataset: Dataset,
  lineage: Lineage | null,
  synthetic: string,
): { isLearned: (row: DatasetRow) => boolean; warnings: string[] } {
  const bySplit = { isLearned: ({ split }: DatasetRow) => split === 'train', warnings: [] };
  if (!lineage || lineage.dataset.hash === dataset.hash) return bySplit;
  const seen = new Set(lineage.trainingGroups);
  const there = new Set(dataset.rows.map(({ group }) => group));
  const found = lineage.trainingGroups.filter((group) => there.has(group)).length;
  const about = `the generator of ${synthetic} learned from another dataset or split (${lineage.dataset.name})`;
  const missing = seen.size - found;
  if (found === 0)
    return { ...bySplit, warnings: [`${about}: ${dataset.dir} has none of the groups that it saw`] };
  return {
    isLearned: ({ group }) => seen.has(group),
    warnings: [
      `${about}: of ${dataset.dir}, those groups count as training images that it saw${missing > 0 ? `; ${missing} of its ${seen.size} are not there, and copies of those cannot be found` : ''}`,
    ],
  };
}
