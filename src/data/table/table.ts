/** Delimited tables (RFC 4180; comma, semicolon or tab) with a header, read strictly and written whole. */
import { stringify } from 'csv-stringify/sync';
import { DataError, readBytes, writeFileAtomic } from 'graft-torch/base';
import { decodeText, delimitedRecords } from './delimited.js';
import { guardFormula } from './formula.js';

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
  const records = delimitedRecords(decodeText(readBytes(path), path), path);
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

/** What has to be quoted besides commas, quotes and line breaks, so that a reader gives it back as it is. */
const quoted = /^\s|\s$|^\ufeff|^sep=|[;|\t\r]|[^\P{Cc}\n]/iu;

/**
 * Rows of cells as comma-separated lines, each ended: whatever the texts are, {@link readTable} gives them back, and no
 * spreadsheet runs them.
 */
export function csvText(rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? String(cell) : guardFormula(cell))),
  );
  // A line of one empty cell would be an empty line, which is no row.
  return stringify(cells, { quoted_match: quoted, quoted_empty: cells[0]?.length === 1 });
}

/** Writes a comma-separated table atomically. */
export function writeTable(
  path: string,
  columns: readonly string[],
  rows: readonly Readonly<Record<string, string | number>>[],
): void {
  writeFileAtomic(path, csvText([columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))]));
}
