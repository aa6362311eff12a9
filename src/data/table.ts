/** Delimited tables (RFC 4180; comma, semicolon or tab) with a header, read strictly and written whole. */
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { DataError } from '../errors.js';
import { readText, writeFileAtomic } from '../files.js';

export interface Table {
  columns: string[];
  rows: { /** In the file, from 1; the header is line 1. */ line: number; cells: Record<string, string> }[];
}

/** The separator that the header holds most often. */
function sniffDelimiter(header: string): string {
  const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, n: header.split(delimiter).length }));
  return counted.reduce((best, one) => (one.n > best.n ? one : best)).delimiter;
}

/**
 * Reads a table; cells are trimmed.
 * @throws DataError naming file and line when it is missing, empty, has a column twice or a row of another length
 */
export function readTable(path: string): Table {
  const text = readText(path);
  const delimiter = sniffDelimiter(text.slice(0, text.search(/\r?\n|$/)));
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, {
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'], // files that were appended to hold several
      trim: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
    }) as unknown as typeof records;
  } catch (cause) {
    throw new DataError(`${path}: not a valid table (${(cause as Error).message.split('\n')[0]})`, { cause });
  }
  const columns = records[0]?.record;
  if (!columns) throw new DataError(`${path}: empty; expected a header with column names`);
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) throw new DataError(`${path}: column '${twice}' stands twice in the header`);
  const rows = records.slice(1).map(({ record, info }) => {
    if (record.length !== columns.length)
      throw new DataError(
        `${path}, line ${info.lines}: ${record.length} cells, but the header has ${columns.length}`,
      );
    return {
      line: info.lines,
      cells: Object.fromEntries(columns.map((column, i) => [column, record[i]!])),
    };
  });
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
