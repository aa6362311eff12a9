/** Delimited tables (RFC 4180; comma, semicolon or tab) with a header, read strictly and written whole. */
import { stringify } from 'csv-stringify/sync';
import { DataError } from '../errors.js';
import { readText, writeFileAtomic } from '../files.js';
import { delimitedRecords } from './delimited.js';

export interface Table {
  columns: string[];
  rows: {
    /** That it begins on, from 1; the header is line 1. */ line: number;
    cells: Record<string, string>;
  }[];
}

/**
 * Reads a table; cells are trimmed unless quoted.
 * @throws DataError naming file and line when it is missing, empty, not UTF-8, has a column twice or a row of another
 * length
 */
export function readTable(path: string): Table {
  const records = delimitedRecords(readText(path), path);
  const header = records.next();
  if (header.done) throw new DataError(`${path}: empty; expected a header with column names`);
  const columns = header.value.cells;
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) throw new DataError(`${path}: column '${twice}' stands twice in the header`);
  const rows = Array.from(records, ({ line, cells }) => ({
    line,
    cells: Object.fromEntries(columns.map((column, i) => [column, cells[i]!])),
  }));
  return { columns, rows };
}

/** Writes a comma-separated table atomically. */
export function writeTable(
  path: string,
  columns: readonly string[],
  rows: readonly Readonly<Record<string, string | number>>[],
): void {
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? '')));
  writeFileAtomic(path, stringify([[...columns], ...cells]));
}
