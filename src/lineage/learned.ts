/** The images that a classifier run learned from itself, as it lists them beside its results. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from 'graft-torch/base';
import { type Dataset, type DatasetRow, datasetFile, openDataset } from '../data/dataset/index.js';
import { readTable, writeTable } from '../data/table/index.js';
import { readRun } from '../run/index.js';

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
  const { kind, config, summary, dataHash } = readRun(runDir);
  if (kind !== 'classifier') throw new DataError(`${runDir}: is a ${kind} run, expected a classifier run`);
  const data = String(config.data);
  const hash = (summary?.dataset as { hash?: string } | undefined)?.hash ?? dataHash;
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
