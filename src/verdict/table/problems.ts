/** What is wrong with a table, in one line: the file, the first few lines of it, how many there are, the remedy. */
import { DataError } from 'graft-torch/base';
import { whole } from '../../report/index.js';

/** Where a row stands; of Parquet `line` is the row's number. */
export interface Place {
  file: string;
  line: number;
}

const shown = 5;

/** 'scores.csv, lines 3, 7 and 12 (15 in all)' */
export function placesText(places: readonly Place[]): string {
  const sorted = [...places].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  const first = sorted.slice(0, shown);
  const byFile = new Map<string, number[]>();
  for (const { file, line } of first) byFile.set(file, [...(byFile.get(file) ?? []), line]);
  const text = [...byFile]
    .map(([file, lines]) => `${file}, ${lines.length > 1 ? 'lines' : 'line'} ${lines.join(', ')}`)
    .join('; ');
  return sorted.length > shown ? `${text} … (${whole(sorted.length)} in all)` : text;
}

/** @throws DataError where there are such rows */
export function refuse(places: readonly Place[], what: string): void {
  if (places.length > 0) throw new DataError(`${placesText(places)}: ${what}`);
}
