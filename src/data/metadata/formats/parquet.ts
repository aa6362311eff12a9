/** Parquet, read by the engine itself. */
import { resolve } from 'node:path';
import { DataError, sha256File } from 'graft-torch/base';
import { plainText } from '../../table/cell.js';
import {
  type Engine,
  lineColumn,
  markColumns,
  type OddCells,
  query,
  quoteName,
  quoteText,
  type SqlTable,
  sqlNames,
} from '../duckdb.js';
import type { Given, Source, TableFormat } from './format.js';
import { loadJson } from './json.js';

export const parquet: TableFormat = {
  name: 'Parquet',
  extensions: ['.parquet'],
  begins: (start) => start.startsWith('PAR1'),
  read: readParquet,
};

/** @throws DataError with what DuckDB says of a file that is no Parquet, or not a whole one */
async function readParquet(engine: Engine, { path, index }: Given): Promise<Source> {
  try {
    return await loadParquet(engine, { path, index });
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const [first] = (cause as Error).message.split('\n');
    throw new DataError(`${path}: ${first}; not a whole Parquet file: fetch or export it again`, { cause });
  }
}

/** Rows are numbered from 1: Parquet has no lines. Structs are flattened like JSON. */
async function loadParquet(engine: Engine, { path, index }: Given): Promise<Source> {
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
