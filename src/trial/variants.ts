/**
 * The datasets that a trial trains on: the one it was given, its folds, and parts of its training split. Each but the
 * given one itself is a dataset folder inside the trial's, with a manifest of its own and a link to the same images, so
 * that everything downstream (GAN, lineage, classifier) sees an ordinary dataset and cannot look past its split.
 */
import { existsSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DataError, ensureFolder, Random, writeFileAtomic } from 'graft-torch/base';
import { stringify as toYaml } from 'yaml';
import {
  assignFolds,
  assignSplits,
  type Dataset,
  type DatasetRow,
  datasetFile,
  manifestColumns,
  manifestFile,
  openDataset,
  type Split,
  splits,
} from '../data/dataset/index.js';
import { writeTable } from '../data/table/index.js';

/** One dataset of a trial. */
export interface Variant {
  /** From 1; a trial without folds has one, which is the dataset's own split. */
  fold: number;
  /** Of the training groups. */
  realFraction: number;
}

/** A trial's dataset, and in how many folds it is dealt. */
export interface Folded {
  dataset: Dataset;
  /** 1: its own split. */
  folds: number;
}

/** `fold-1`, `fold-1-real-25`: part of folder names. */
export const variantName = ({ fold, realFraction }: Variant): string =>
  `fold-${fold}${realFraction < 1 ? `-real-${Number((100 * realFraction).toFixed(4))}` : ''}`;

/**
 * The rows of a variant, with their split. Smaller fractions are parts of larger ones, so that a learning curve adds
 * groups and never swaps them; each class gives its share. Validation and test stay whole.
 * @param folds 1: the dataset's own split
 * @throws ConfigError when there are fewer groups than folds
 */
export function variantRows(dataset: Dataset, folds: number, { fold, realFraction }: Variant): DatasetRow[] {
  const rows = folds === 1 ? dataset.rows : foldRows(dataset, folds, fold);
  if (realFraction === 1) return rows;
  const kept = nestedGroups(
    rows.filter((row) => row.split === 'train'),
    realFraction,
    dataset.seed,
  );
  return rows.filter((row) => row.split !== 'train' || kept.has(row.group));
}

/** Fold `fold` is tested; the rest is dealt into training and validation as the dataset was. */
function foldRows(dataset: Dataset, folds: number, fold: number): DatasetRow[] {
  const { rows, seed, fractions } = dataset;
  const foldOf = assignFolds(rows, folds, seed);
  const rest = rows.filter((_, i) => foldOf[i] !== fold);
  const learned = fractions.train + fractions.val;
  // A dataset whose split was given may have no validation of its own.
  const val = fractions.val > 0 ? fractions.val / learned : 0.15;
  const split = assignSplits(rest, { train: 1 - val, val, test: 0 }, seed);
  const splitOf = new Map(rest.map((row, i) => [row.id, split[i]!]));
  return rows.map((row) => ({ ...row, split: splitOf.get(row.id) ?? 'test' }));
}

/** The groups of a fraction of the training split: the first ones of each class, in an order that the seed decides. */
function nestedGroups(rows: readonly DatasetRow[], fraction: number, seed: number): Set<string> {
  const groups = new Map<string, Set<string>>();
  for (const { label, group } of rows) {
    const own = groups.get(label) ?? new Set();
    own.add(group);
    groups.set(label, own);
  }
  const kept = new Set<string>();
  for (const [label, own] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const order = new Random(seed).fork(`real fraction ${label}`).shuffle([...own].sort());
    for (const group of order.slice(0, Math.ceil(fraction * order.length))) kept.add(group);
  }
  return kept;
}

/** Training images of a variant: all, and of the positive class. */
export function trainingCounts(
  dataset: Dataset,
  rows: readonly DatasetRow[],
): { all: number; positives: number } {
  const train = rows.filter((row) => row.split === 'train');
  return { all: train.length, positives: train.filter((row) => row.label === dataset.positive).length };
}

/**
 * Opens a variant's dataset, and writes its folder first where it is missing.
 * @param dir where it lies, or is to lie; not used for the dataset itself
 */
export function openVariant(of: Folded, variant: Variant, dir: string): Dataset {
  const { dataset, folds } = of;
  if (folds === 1 && variant.realFraction === 1) return dataset;
  if (!existsSync(join(dir, datasetFile))) writeVariant(of, variant, dir);
  // The dataset, or the trial, may have moved since.
  for (const top of topsOf(dataset))
    if (!leadsTo(join(dir, top), join(dataset.dir, top))) linkTop(dataset, top, dir);
  const opened = openDataset(dir);
  const { of: source } = opened.provenance as { of?: { hash?: string } };
  if (source?.hash !== dataset.hash) {
    throw new DataError(
      `${dir}: was made from another version of ${dataset.dir}; put the dataset back as it was, or start a new trial`,
    );
  }
  return opened;
}

/** Every image's path begins with one of these. */
const topsOf = (dataset: Dataset): Set<string> => new Set(dataset.rows.map((row) => row.file.split('/')[0]!));

function leadsTo(link: string, target: string): boolean {
  try {
    return realpathSync(link) === realpathSync(target);
  } catch {
    return false;
  }
}

/** Relative, so that a trial may move together with its dataset. Several processes may link at once: each puts it in place whole. */
function linkTop(dataset: Dataset, top: string, dir: string): void {
  const temporary = join(dir, `.${top}.${process.pid}.link`);
  rmSync(temporary, { force: true });
  const target = realpathSync(join(dataset.dir, top));
  const isWindows = process.platform === 'win32'; // whose junctions are whole paths
  symlinkSync(isWindows ? target : relative(realpathSync(dir), target), temporary, 'junction');
  renameSync(temporary, join(dir, top));
}

function writeVariant({ dataset, folds }: Folded, variant: Variant, dir: string): void {
  const rows = variantRows(dataset, folds, variant);
  ensureFolder(dir);
  for (const top of topsOf(dataset)) linkTop(dataset, top, dir);
  const extra = Object.keys(rows[0]?.extra ?? {});
  writeTable(
    join(dir, manifestFile),
    [...manifestColumns, ...extra],
    rows.map(({ extra: metadata, ...row }) => ({ ...metadata, ...row })),
  );
  const byClass = (split: Split): Record<string, number> =>
    Object.fromEntries(
      dataset.classes.map((label) => [
        label,
        rows.filter((row) => row.split === split && row.label === label).length,
      ]),
    );
  const share = (split: Split): number => rows.filter((row) => row.split === split).length / rows.length;
  const { dir: _dir, rows: _rows, hash, provenance, ...description } = dataset;
  const content = {
    ...description,
    name: `${dataset.name}, ${variantName(variant)}${folds > 1 ? ` of ${folds}` : ''}`,
    splitBy: 'dealt',
    fractions: Object.fromEntries(splits.map((split) => [split, share(split)])),
    counts: {
      ...description.counts,
      images: rows.length,
      groups: new Set(rows.map((row) => row.group)).size,
      ...Object.fromEntries(splits.map((split) => [split, byClass(split)])),
    },
    provenance: { of: { name: dataset.name, hash }, folds, ...variant, source: provenance },
  };
  // Last: a folder that has its description is complete.
  writeFileAtomic(join(dir, datasetFile), toYaml(content, { lineWidth: 0 }));
}
