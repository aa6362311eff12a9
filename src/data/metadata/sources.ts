/**
 * What the paths given to `readMetadata` hold: delimited tables, JSON (also a folder of it), Parquet. Each becomes a
 * table of texts in DuckDB that knows the file and line of each row.
 */
import { readdirSync, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { DataError, readBytes, readStart, requireFile, sha256, sha256File } from 'graft-torch/base';
import { plainText } from '../table/cell.js';
import { decodeText, delimitedRecords, refuseZeros } from '../table/delimited.js';
import {
  type Engine,
  lineColumn,
  loadTable,
  markColumns,
  type OddCells,
  query,
  quoteName,
  quoteText,
  type SqlTable,
  sqlNames,
} from './duckdb.js';
import { flattenRecords } from './flatten.js';
import { type JsonRecord, jsonRecords } from './json.js';

/** One of the paths given, read. */
export interface Source extends SqlTable {
  /** As given. */
  path: string;
  /** Of the file; of a folder, of its files' names and digests. */
  sha256: string;
  rows: number;
  /** What was not plain text, by column. */
  odd: OddCells[];
  /** What `graft:file` counts: the file itself, or those of a folder. */
  files: string[];
  /** Where the columns' names are the first record of a file: that record, as the table may have no header. */
  header?: { line: number; cells: string[] };
}

/**
 * Reads one path into the engine.
 * @throws DataError in one line for whatever is not a whole table
 */
export async function readSource(engine: Engine, path: string, index: number): Promise<Source> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new DataError(`${path}: no such file`);
  if (stat.isDirectory()) return readJsonFolder(engine, path, index);
  requireFile(path);
  if (stat.size === 0) throw new DataError(`${path}: empty; expected a table with a header, or JSON`);
  switch (kindOf(path)) {
    case 'parquet':
      return readParquet(engine, path, index);
    case 'json':
      return readJsonFile(engine, path, index);
    default:
      return readDelimited(engine, path, index);
  }
}

/** By the name's ending, else by the first bytes. */
function kindOf(path: string): 'parquet' | 'json' | 'delimited' {
  const extension = extname(path).toLowerCase();
  if (extension === '.parquet') return 'parquet';
  if (['.json', '.jsonl', '.ndjson'].includes(extension)) return 'json';
  const start = readStart(path, 64).toString('latin1');
  if (/^\.(xls[xmb]?|ods|numbers)$/.test(extension) || start.startsWith('\u00d0\u00cf\u0011\u00e0'))
    throw new DataError(
      `${path}: a spreadsheet; save its sheet as CSV (in Excel: Save As, CSV UTF-8; with LibreOffice: soffice --headless --convert-to csv '${path}')`,
    );
  if (start.startsWith('PK\u0003\u0004'))
    throw new DataError(`${path}: a spreadsheet or an archive; export the table as CSV, or unpack it first`);
  if (start.startsWith('\u001f\u008b')) throw new DataError(`${path}: compressed; unpack it first (gunzip)`);
  if (['.csv', '.tsv', '.txt'].includes(extension)) return 'delimited';
  if (start.startsWith('PAR1')) return 'parquet';
  return /^(\u00ef\u00bb\u00bf)?\s*[[{]/.test(start) ? 'json' : 'delimited';
}

async function readDelimited(engine: Engine, path: string, index: number): Promise<Source> {
  const bytes = readBytes(path);
  const text = decodeText(bytes, path);
  refuseZeros(text, path);
  const records = delimitedRecords(text, path);
  const header = records.next();
  if (header.done) throw new DataError(`${path}: empty; expected a header with column names`);
  // Tables written with a row index begin with a column without a name.
  const columns = header.value.cells.map((cell, i) => plainText(cell) || `column_${i + 1}`);
  const table = await loadTable(
    engine,
    { name: `source ${index}`, columns, source: index },
    (function* () {
      for (const { line, cells } of records) yield { line, file: 0, cells };
    })(),
  );
  return { ...table, path, sha256: sha256(bytes), files: [path], header: header.value };
}

async function readJsonFile(engine: Engine, path: string, index: number): Promise<Source> {
  const bytes = readBytes(path);
  const records = await jsonRecords(decodeText(bytes, path), path);
  return loadJson(engine, { path, sha256: sha256(bytes), files: [path], index }, [records]);
}

/** A folder of descriptions, as downloaders of the archive leave it: `*.json`, or files without an ending. */
async function readJsonFolder(engine: Engine, path: string, index: number): Promise<Source> {
  const names = readdirSync(path, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .filter((name) => ['', '.json', '.jsonl', '.ndjson'].includes(extname(name).toLowerCase()))
    .sort();
  if (names.length === 0)
    throw new DataError(
      `${path}: a folder without *.json; name the table itself, or the descriptions' folder`,
    );
  const files = names.map((name) => join(path, name));
  const records: JsonRecord[][] = [];
  let digests = '';
  for (const [i, file] of files.entries()) {
    const bytes = readBytes(file);
    digests += `${sha256(bytes)}  ${names[i]}\n`;
    records.push(await jsonRecords(decodeText(bytes, file), file));
  }
  return loadJson(engine, { path, sha256: sha256(digests), files, index }, records);
}

async function loadJson(
  engine: Engine,
  source: { path: string; sha256: string; files: string[]; index: number },
  records: readonly (readonly JsonRecord[])[],
): Promise<Source> {
  const { index, ...rest } = source;
  const all = records.flatMap((list, file) => list.map(({ line }) => ({ line, file })));
  const { columns: names, rows } = flattenRecords(
    (function* () {
      for (const list of records) for (const { value } of list) yield value;
    })(),
  );
  const columns = names.map(plainText);
  if (columns.length === 0) throw new DataError(`${source.path}: no records; expected one a picture`);
  const table = await loadTable(
    engine,
    { name: `source ${index}`, columns, source: index },
    (function* () {
      for (const [i, cells] of rows.entries()) yield { ...all[i]!, cells };
    })(),
  );
  return { ...rest, ...table };
}

/** @throws DataError with what DuckDB says of a file that is no Parquet, or not a whole one */
async function readParquet(engine: Engine, path: string, index: number): Promise<Source> {
  try {
    return await loadParquet(engine, path, index);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const [first] = (cause as Error).message.split('\n');
    throw new DataError(`${path}: ${first}; not a whole Parquet file: fetch or export it again`, { cause });
  }
}

/** Rows are numbered from 1: Parquet has no lines. Structs are flattened like JSON. */
async function loadParquet(engine: Engine, path: string, index: number): Promise<Source> {
  // In a path for DuckDB *, ? and [ are wildcards.
  const file = quoteText(resolve(path).replace(/[[*?]/g, '[$&]'));
  const described = await query(
    engine,
    `SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet(${file}))`,
  );
  const digest = await sha256File(path);
  const from = `read_parquet(${file}, file_row_number = true)`;
  if (described.some(([, type]) => (type as string).startsWith('STRUCT'))) {
    const json = await query(
      engine,
      `SELECT to_json(t)::VARCHAR FROM (SELECT * EXCLUDE file_row_number FROM ${from} ORDER BY file_row_number) t`,
    );
    const records = json.map(([text], i) => ({ line: i + 1, value: JSON.parse(text as string) as object }));
    return loadJson(engine, { path, sha256: digest, files: [path], index }, [records]);
  }
  const columns = described.map(([column]) => plainText(column as string));
  const sql = sqlNames(columns);
  const cells = described.map(
    ([column], i) => `coalesce(${quoteName(column as string)}::VARCHAR, '') AS ${sql[i]}`,
  );
  const name = quoteName(`source ${index}`);
  const row = 'file_row_number + 1';
  const marks = [index, row, 0, row].map((value, i) => `(${value})::INTEGER AS ${markColumns[i]}`);
  await engine.connection.run(
    `CREATE TABLE ${name} AS SELECT ${marks.join(', ')}, ${cells.join(', ')} FROM ${from}`,
  );
  const table = { name, columns, sql };
  const odd = await makePlain(engine, table);
  const [[rows]] = (await query(engine, `SELECT count(*)::INTEGER FROM ${name}`)) as [[number]];
  return { ...table, rows, odd, path, sha256: digest, files: [path] };
}

/** What {@link loadTable} does to every text, for a table that never left the engine. */
async function makePlain(engine: Engine, { name, columns, sql }: SqlTable): Promise<OddCells[]> {
  const odd: OddCells[] = [];
  for (const [i, cell] of sql.entries()) {
    const suspects = await query(
      engine,
      `SELECT ${cell}, count(*)::INTEGER, min(${lineColumn})::INTEGER FROM ${name} WHERE regexp_matches(${cell}, '[^\\x21-\\x7e]') GROUP BY 1`,
    );
    const changed = (suspects as [string, number, number][]).filter(([text]) => plainText(text) !== text);
    if (changed.length === 0) continue;
    for (const [text] of changed)
      await engine.connection.run(`UPDATE ${name} SET ${cell} = $1 WHERE ${cell} = $2`, [
        plainText(text),
        text,
      ]);
    odd.push({
      column: columns[i]!,
      count: changed.reduce((sum, [, count]) => sum + count, 0),
      line: Math.min(...changed.map(([, , line]) => line)),
      file: 0,
    });
  }
  return odd;
}
