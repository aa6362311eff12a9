/**
 * The little of DuckDB that metadata needs: an engine in memory that reaches neither files nor the network once the
 * tables are in it, tables of text, and rows out of it again.
 *
 * Loaded on first use, so that a command that reads no metadata never waits for it.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { plainText } from '../table/cell.js';

/** A table in the engine. */
export interface SqlTable {
  /** Quoted. */
  name: string;
  /** As the file has them. */
  columns: string[];
  /** What each column is called in SQL, quoted: its own name, numbered where names differ in case only. */
  sql: string[];
}

export interface Engine {
  connection: DuckDBConnection;
  close(): void;
}

/** `"a""b"`: any text as one identifier. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** `'a''b'`: any text as one string. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * Columns that every table has besides its own: the source, the row in it, the file, the line (which several records
 * of JSON may share). No other column begins so.
 */
export const sourceColumn = quoteName('graft:source');
export const rowColumn = quoteName('graft:row');
export const fileColumn = quoteName('graft:file');
export const lineColumn = quoteName('graft:line');
export const markColumns = [sourceColumn, rowColumn, fileColumn, lineColumn];

/** An empty engine. */
export async function openEngine(): Promise<Engine> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // Without it, what does not fit would be spilled into the working folder.
    temp_directory: '',
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'"); // or points in time would be written in the machine's
  return {
    connection,
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** No statement reads or writes a file from here on: a mapping may carry SQL, and it may come from someone else. */
export async function lockEngine({ connection }: Engine): Promise<void> {
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** SQL names of columns: DuckDB's names are alike when they differ in case only. */
export function sqlNames(columns: readonly string[]): string[] {
  const taken = new Set<string>();
  return columns.map((column) => {
    const base = column === '' || /^graft:/i.test(column) ? `column ${column}` : column;
    let name = base;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${base}_${n}`;
    taken.add(name.toLowerCase());
    return quoteName(name);
  });
}

const batchRows = 2048; // what DuckDB takes in one chunk

/**
 * Makes a table of texts, each in its plain form (`plainText`).
 * @param rows any number of them, taken a batch at a time; `file` counts the files of the source
 */
export async function loadTable(
  engine: Engine,
  table: { name: string; columns: readonly string[]; source: number },
  rows: Iterable<{ line: number; file: number; cells: readonly string[] }>,
): Promise<SqlTable & { rows: number; odd: OddCells[] }> {
  const { DuckDBDataChunk, INTEGER, VARCHAR } = await import('@duckdb/node-api');
  const { connection } = engine;
  const sql = sqlNames(table.columns);
  const definitions = [
    ...markColumns.map((column) => `${column} INTEGER`),
    ...sql.map((column) => `${column} VARCHAR`),
  ];
  await connection.run(`CREATE TABLE ${quoteName(table.name)} (${definitions.join(', ')})`);
  const types = [...markColumns.map(() => INTEGER), ...sql.map(() => VARCHAR)];
  const appender = await connection.createAppender(table.name);
  let batch: (string | number)[][] = types.map(() => []);
  let count = 0;
  const odd: (OddCells | undefined)[] = table.columns.map(() => undefined);
  const flush = (): void => {
    const size = batch[0]!.length;
    if (size === 0) return;
    const chunk = DuckDBDataChunk.create(types, size);
    chunk.setColumns(batch);
    appender.appendDataChunk(chunk);
    batch = types.map(() => []);
  };
  for (const { line, file, cells } of rows) {
    const marks = [table.source, ++count, file, line];
    for (const [i, mark] of marks.entries()) batch[i]!.push(mark);
    for (let i = 0; i < sql.length; i++) {
      const plain = plainText(cells[i]!);
      batch[i + marks.length]!.push(plain);
      if (plain === cells[i]) continue;
      odd[i] ??= { column: table.columns[i]!, count: 0, line, file };
      odd[i]!.count++;
    }
    if (batch[0]!.length === batchRows) flush();
  }
  flush();
  appender.closeSync();
  return {
    name: quoteName(table.name),
    columns: [...table.columns],
    sql,
    rows: count,
    odd: odd.filter((one) => one !== undefined),
  };
}

/** Cells of a column whose invisible characters or outer spaces were removed: how many, and where the first is. */
export interface OddCells {
  column: string;
  count: number;
  line: number;
  file: number;
}

/** All rows of a query whose columns are integers and texts. */
export async function query(engine: Engine, sql: string): Promise<(string | number | null)[][]> {
  const reader = await engine.connection.runAndReadAll(sql);
  return reader.getRows() as (string | number | null)[][];
}

/** The rows of a query, a batch of columns at a time, so that the result never stands in memory twice. */
export async function* queryBatches(
  engine: Engine,
  sql: string,
): AsyncGenerator<(string | number | null)[][]> {
  const result = await engine.connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    yield chunk.getColumns() as (string | number | null)[][];
  }
}

/** Index of the first character where DuckDB finds JSON wrong, which JSON.parse does not always say. */
export async function malformedJsonAt(text: string): Promise<number | undefined> {
  const engine = await openEngine();
  try {
    await engine.connection.run('SELECT $1::JSON', [text]);
    return undefined;
  } catch (error) {
    const at = /at byte (\d+)/.exec((error as Error).message);
    return at ? Buffer.from(text).subarray(0, Number(at[1])).toString().length : undefined;
  } finally {
    engine.close();
  }
}
