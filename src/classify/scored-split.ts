/** Which images of a dataset are scored together. */
import type { DatasetRow, Split } from '../data/dataset/index.js';

export type ScoredSplit = Split | 'all';

/** 'the test split of' a dataset, or 'all images of' it. */
export const splitWords = (split: string): string =>
  split === 'all' ? 'all images of' : `the ${split} split of`;

export const isOf = (split: ScoredSplit, row: Pick<DatasetRow, 'split'>): boolean =>
  split === 'all' || row.split === split;
