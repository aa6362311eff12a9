/**
 * What a run has learned from, and which images of another dataset it therefore knows. A dataset that was imported anew
 * deals its images into other splits, so "test" there says nothing about this run: only the images themselves do.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, type DatasetRow, datasetFile, openDataset } from '../data/dataset.js';
import { type SharedPicture, sharedPictures } from '../data/shared-pictures.js';
import { readTable, writeTable } from '../data/table.js';
import { readRun } from '../run/run-reader.js';
import { type ClassifierSummary, readClassifierConfig } from './result.js';

/** An image that weights or threshold come from. */
export type LearnedRow = Pick<DatasetRow, 'id' | 'group' | 'sha256'> & { split: 'train' | 'val' };

export interface Learned {
  rows: LearnedRow[];
  /** Where their pictures are; null where the dataset is gone, or another one by now. */
  dataset: Dataset | null;
}

const learnedPath = (runDir: string): string => join(runDir, 'learned.csv');
const columns = ['id', 'group', 'split', 'sha256'] as const;

const isLearned = <Row extends Pick<DatasetRow, 'split'>>(
  row: Row,
): row is Row & { split: 'train' | 'val' } => row.split !== 'test';

/** Writes down what the run learns from, for its dataset may be made anew, or be gone, when that is asked. */
export function writeLearned(runDir: string, { rows }: Dataset): void {
  writeTable(
    learnedPath(runDir),
    columns,
    rows.filter(isLearned).map(({ id, group, split, sha256 }) => ({ id, group, split, sha256 })),
  );
}

/**
 * What a run has learned from: as it wrote down, else as its dataset says, if that is still the same.
 * @returns null where nobody knows
 */
export function readLearned(runDir: string): Learned | null {
  const { data } = readClassifierConfig(runDir);
  const { summary } = readRun(runDir);
  const hash = (summary as Partial<ClassifierSummary> | undefined)?.dataset?.hash;
  const there = existsSync(join(data, datasetFile)) ? openDataset(data) : null;
  const path = learnedPath(runDir);
  if (!existsSync(path)) {
    if (!there || (hash !== undefined && there.hash !== hash)) return null;
    return { rows: there.rows.filter(isLearned), dataset: there };
  }
  const rows = readTable(path).rows.map(({ cells }) => cells as unknown as LearnedRow);
  const bySha = new Map(there?.rows.map(({ sha256 }) => [sha256, true]));
  const isSame = there !== null && rows.every(({ sha256 }) => bySha.has(sha256));
  return { rows, dataset: isSame ? there : null };
}

/** Images that a run knows. */
export interface Known {
  /** Images that show a picture it learned from, by id. */
  pictures: Map<string, Pick<SharedPicture, 'kind' | 'correlation'> & { twin: LearnedRow }>;
  /** Ids of others whose patient or lesion it learned from, going by the groups' names. */
  groups: string[];
  /** Ids of others that bear the id of an image it learned from, but show another picture. */
  ids: string[];
  /** Pictures were compared, too; else files, ids and groups alone. */
  compared: boolean;
}

/**
 * @param images of `dataset` that are to be scored
 * @param options.onProgress images decoded and compared, of how many
 */
export async function findKnown(
  learned: Learned,
  { dataset, images }: { dataset: Dataset; images: readonly DatasetRow[] },
  options: Parameters<typeof sharedPictures>[2] = {},
): Promise<Known> {
  const pictures: Known['pictures'] = new Map();
  const bySha = new Map(learned.rows.map((row) => [row.sha256, row]));
  for (const { id, sha256 } of images) {
    const twin = bySha.get(sha256);
    if (twin) pictures.set(id, { twin, kind: 'exact', correlation: 1 });
  }
  const rest = images.filter(({ id }) => !pictures.has(id));
  if (learned.dataset && rest.length > 0) {
    const there = {
      dir: learned.dataset.dir,
      rows: learned.dataset.rows.filter((row) => bySha.has(row.sha256)),
    };
    for (const { image, twin, kind, correlation } of await sharedPictures(
      { dir: dataset.dir, rows: rest },
      there,
      options,
    ))
      pictures.set(image.id, { twin: bySha.get(twin.sha256)!, kind, correlation });
  }
  const seen = { groups: new Set<string>(), ids: new Set<string>() };
  for (const { group, id } of learned.rows) {
    seen.groups.add(group);
    seen.ids.add(id);
  }
  const others = rest.filter(({ id }) => !pictures.has(id));
  const idsWhere = (isOne: (row: DatasetRow) => boolean): string[] =>
    others.filter(isOne).map(({ id }) => id);
  return {
    pictures,
    // Where each image is its own group the group's name is the image's.
    groups: dataset.groupedBy === 'image' ? [] : idsWhere(({ group }) => seen.groups.has(group)),
    ids: idsWhere(({ id }) => seen.ids.has(id)),
    compared: learned.dataset !== null,
  };
}

/** '286 for training, 57 for validation' */
export function knownWords({ pictures }: Pick<Known, 'pictures'>): string {
  const count = (split: LearnedRow['split']): number =>
    [...pictures.values()].filter(({ twin }) => twin.split === split).length;
  return [
    ...(count('train') > 0 ? [`${count('train')} for training`] : []),
    ...(count('val') > 0 ? [`${count('val')} for validation`] : []),
  ].join(', ');
}
