/**
 * What a trial must not be given: a GAN that saw images it would be judged by, a test set from elsewhere that holds
 * training images. Looked for before anything is trained, and again by each job, for folders may change meanwhile.
 */
import { existsSync, statSync } from 'node:fs';
import { DataError } from 'graft-torch/base';
import { commandLine, shellQuote } from '../base/index.js';
import { type Dataset, framingOfFolder, openDataset, splits } from '../data/dataset/index.js';
import {
  fitsOfLineage,
  heldOf,
  type Lineage,
  requireSameFrames,
  requireUnseen,
  type UnknownTraining,
} from '../data/lineage/index.js';
import { nameShared, type SharedPicture, sharedPictures } from '../data/prepare/index.js';
import type { GanSummary } from '../generate/index.js';
import { readRun } from '../run/index.js';
import { type TrialConfig, usedGans } from './config.js';
import { checkIngredients } from './ingredients.js';
import { variantRows } from './variants.js';

/**
 * @returns what the trial is given of which nobody knows whether it has seen what is evaluated
 * @throws DataError naming what has, and the groups, or the test set and the images; ConfigError as `planTrial`
 */
export function checkTrial(config: TrialConfig, dataset: Dataset): UnknownTraining[] {
  if (config.folds > 1) requireBothClasses(config, dataset);
  const learned = learnedFrom(dataset, config.folds);
  for (const [name, dir] of Object.entries(config.external)) openExternal(name, dir, learned);
  const used = usedGans(config);
  for (const [name, { run }] of Object.entries(config.gans)) {
    if (run === null || !used.has(name)) continue;
    requireSameFrames(framesOf(run), { dataset }, run);
  }
  return checkIngredients(config, dataset);
}

/** @throws DataError naming each fold whose training, validation or test lacks the positive class, or every other */
function requireBothClasses(config: TrialConfig, dataset: Dataset): void {
  const groups = { true: new Set<string>(), false: new Set<string>() };
  const lacking: string[] = [];
  for (let fold = 1; fold <= config.folds; fold++) {
    const rows = variantRows(dataset, config.folds, { fold, realFraction: 1 });
    for (const { label, group } of rows) groups[`${label === dataset.positive}`].add(group);
    for (const split of splits)
      for (const isPositive of [true, false])
        if (!rows.some((row) => row.split === split && (row.label === dataset.positive) === isPositive))
          lacking.push(
            `fold ${fold}: ${split} without ${isPositive ? '' : 'other than '}'${dataset.positive}'`,
          );
  }
  if (lacking.length === 0) return;
  const fewest = Math.min(groups.true.size, groups.false.size);
  throw new DataError(
    `${dataset.dir} in ${config.folds} folds: ${lacking.join('; ')}; an AUC needs both classes, and the rarer has ${fewest} groups: ask for fewer folds`,
  );
}

/** How a finished GAN run saw the frames of its training images. */
function framesOf(run: string): Pick<Lineage, 'framing'> {
  if (existsSync(run) && statSync(run).isFile()) return { framing: null };
  const { kind, config, summary } = readRun(run);
  if (kind !== 'gan') throw new DataError(`${run}: is a ${kind} run, expected a gan run`);
  if (!summary)
    throw new DataError(
      `${run}: has not finished training; finish it with \`${commandLine`graft generator resume ${run}`}\``,
    );
  const { framing } = summary as unknown as GanSummary;
  return { framing: framing ?? framingOfFolder((config as { data: string }).data) };
}

/** The images of a dataset that runs learn from: of several folds, each image is trained on in one. */
export const learnedFrom = (dataset: Dataset, folds = 1): Dataset => ({
  ...dataset,
  rows: folds > 1 ? dataset.rows : dataset.rows.filter(({ split }) => split !== 'test'),
});

const leaveOut = (dir: string, learned: Dataset): string =>
  `leave them out: ${commandLine`graft data prepare ${dir} --without ${learned.dir} --out ${`${dir}-outside`}`}`;

/**
 * A test set from elsewhere.
 * @throws DataError where it does not have the positive class, or holds images that are learned from
 */
export function openExternal(name: string, dir: string, learned: Dataset): Dataset {
  const external = openDataset(dir);
  const { positive } = learned;
  if (external.positive !== positive) {
    throw new DataError(
      `external.${name}: the positive class of ${dir} is '${external.positive}', that of the trial '${positive}'; import it with --positive ${shellQuote(positive)}`,
    );
  }
  if (!external.rows.some(({ label }) => label !== external.positive))
    throw new DataError(
      `external.${name}: ${dir} has images of '${external.positive}' only; an AUC needs both`,
    );
  const known = new Map(learned.rows.map((row) => [row.sha256, row]));
  const shared = external.rows.flatMap((image): SharedPicture[] => {
    const twin = known.get(image.sha256);
    return twin ? [{ image, twin, kind: 'exact', correlation: 1 }] : [];
  });
  if (shared.length > 0) {
    throw new DataError(
      `external.${name}: ${shared.length} of its images are training or validation images of ${learned.dir} (${nameShared(shared)}); ${leaveOut(dir, learned)}`,
    );
  }
  return external;
}

/** What was compared, by the hashes of the datasets: it need not be done again. */
export interface PictureCheck {
  dataset: string;
  external: Record<string, string>;
}

export const pictureCheckOf = (config: TrialConfig, dataset: Dataset): PictureCheck => ({
  dataset: dataset.hash,
  external: Object.fromEntries(
    Object.entries(config.external).map(([name, dir]) => [name, openDataset(dir).hash]),
  ),
});

/**
 * Compares the pictures of external test sets with those that runs learn from, pair by pair: what was compressed anew or
 * resized has another checksum. Takes seconds for thousands of images, minutes for tens of thousands.
 * @param options.onProgress images done, of one external set after the other
 * @throws DataError naming the test set and the images
 */
export async function checkPictures(
  config: TrialConfig,
  dataset: Dataset,
  options: Parameters<typeof sharedPictures>[2] = {},
): Promise<PictureCheck> {
  const learned = learnedFrom(dataset, config.folds);
  for (const [name, dir] of Object.entries(config.external)) {
    const shared = await sharedPictures(openDataset(dir), learned, options);
    if (shared.length === 0) continue;
    throw new DataError(
      `external.${name}: ${shared.length} of its images show the pictures of training or validation images of ${dataset.dir} (${nameShared(shared)}); ${leaveOut(dir, learned)}`,
    );
  }
  return pictureCheckOf(config, dataset);
}

/** @throws DataError when the GAN learned another class, a group that is evaluated on, or frames seen otherwise */
export function checkLineage(
  lineage: Pick<Lineage, 'class' | 'framing'> & Parameters<typeof fitsOfLineage>[0],
  dataset: Dataset,
  source: string,
): void {
  if (lineage.class !== dataset.positive) {
    throw new DataError(
      `${source}: learned class '${lineage.class}', but the positive class of ${dataset.dir} is '${dataset.positive}'`,
    );
  }
  requireUnseen(fitsOfLineage(lineage), heldOf(dataset), {
    role: source,
    remedy: "train a GAN on this dataset's training split",
  });
  requireSameFrames(lineage, { dataset }, source);
}
