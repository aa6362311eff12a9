/** The `summary.json` of a verdict on a table, read back. */
import { DataError, parseJson, readText } from 'graft-torch/base';
import type { ScoreTable } from '../table.js';

export const TABLE_FORMAT = 'graft-verdict-1';

/**
 * What it was made from: scores, subgroups, notes.
 * @returns null where the file is the summary of something else
 * @throws DataError where it says that it is one and holds no scores
 */
export function readTableSummary(path: string): Omit<ScoreTable, 'kind' | 'shape'> | null {
  const content = parseJson(readText(path), path) as Partial<ScoreTable> & { format?: unknown };
  if (content?.format !== TABLE_FORMAT) return null;
  const { scores, subgroups = [], isProbability = false, notes = [] } = content;
  if (!scores?.runs || !scores.folds || !scores.comparisons)
    throw new DataError(`${path}: holds no scores; write it anew with graft verdict SCORES.csv --out`);
  return { scores, subgroups, isProbability, notes };
}
