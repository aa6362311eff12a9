/**
 * A mapping's columns as SQL over one source, and the checks that name file and line where a cell is not what the
 * mapping says.
 */
import { ConfigError, DataError } from 'graft-torch/base';
import {
  type Engine,
  fileColumn,
  lineColumn,
  markColumns,
  query,
  quoteName,
  quoteText,
  rowColumn,
  type SqlTable,
  sqlNames,
} from './duckdb.js';
import type { Source } from './formats/index.js';
import type { ColumnSpec, FromColumns, Mapping } from './mapping.js';

interface Canonical {
  sql: string;
  /** The source has a column of that name that says something else in some row: it stays as `source_<name>`. */
  keepsSource: boolean;
}

/** What a column's SQL is made from. */
interface Scope {
  engine: Engine;
  source: Source;
  /** `recipes/metadata/x.yaml: tables.t.columns.c`, for messages. */
  key: string;
  /** Column's name → its SQL: canonical columns so far, else those of the source. */
  sqlOf(column: string): string | undefined;
  /** The source with missing cells made '', and the canonical columns so far. */
  from: string;
}

/**
 * Adds the canonical columns of a mapping's table to a source; every column of the source is kept.
 * @throws ConfigError when the mapping names a column that is not there; DataError for the first cell that breaks it
 */
export async function mapSource(
  engine: Engine,
  source: Source,
  use: { mapping: Mapping; table: string },
): Promise<SqlTable> {
  try {
    return await mapColumns(engine, source, use);
  } catch (cause) {
    if (cause instanceof DataError || cause instanceof ConfigError) throw cause;
    // What an expression runs into may show only when it meets the rows.
    const [first] = (cause as Error).message.split('\n');
    throw new ConfigError(`${use.mapping.path}: tables.${use.table}: ${first}; correct its sql`, { cause });
  }
}

async function mapColumns(
  engine: Engine,
  source: Source,
  use: { mapping: Mapping; table: string },
): Promise<SqlTable> {
  const { mapping, table } = use;
  const spec = mapping.tables[table]!;
  const where = `${mapping.path}: tables.${table}`;
  // A mapping's SQL calls the source's columns by their names; canonical ones are `graft:0` and so on.
  const own = sqlNames(source.columns);
  const cleaned = source.sql.map((column, i) => `${blank(`trim(${column})`, mapping.missing)} AS ${own[i]}`);
  const marks = markColumns.join(', ');
  const base = `(SELECT ${marks}, ${cleaned.join(', ')} FROM ${source.name})`;
  requireColumns(source, [spec.id ?? spec.per!], `${where}.${spec.id === undefined ? 'per' : 'id'}`);
  await checkRequired(engine, source, { columns: spec.required ?? [], base, own, key: `${where}.required` });

  const canonical = new Map<string, Canonical>();
  let from = base;
  for (const [name, column] of Object.entries(spec.columns)) {
    const expression = await columnSql(column, {
      engine,
      source,
      key: `${where}.columns.${name}`,
      sqlOf: (asked) => canonical.get(asked)?.sql ?? own[source.columns.indexOf(asked)],
      from,
    });
    if (expression === undefined) continue;
    const sql = quoteName(`graft:${canonical.size}`);
    from = `(SELECT *, ${expression} AS ${sql} FROM ${from})`;
    const before = isSameColumn(name, column) ? undefined : own[source.columns.indexOf(name)];
    const changed =
      before && (await firstRow(engine, from, { columns: `''`, where: `${before} NOT IN ('', ${sql})` }));
    canonical.set(name, { sql, keepsSource: changed !== undefined });
  }

  const output = outputColumns(source.columns, own, canonical);
  const name = quoteName(`mapped ${source.name}`);
  const selected = output.map(({ sql }, i) => `${sql} AS ${quoteName(`c${i}`)}`);
  await engine.connection.run(`CREATE TABLE ${name} AS SELECT ${marks}, ${selected.join(', ')} FROM ${from}`);
  const [[rows]] = (await query(engine, `SELECT count(*)::INTEGER FROM ${name}`)) as [[number]];
  if (rows !== source.rows)
    throw new ConfigError(
      `${where}: makes ${rows} rows of the ${source.rows} of ${source.path}; an sql expression must give one value a row`,
    );
  return {
    name,
    columns: output.map((column) => column.name),
    sql: output.map((_, i) => quoteName(`c${i}`)),
  };
}

/** Source columns in their places, then the canonical ones that bear a new name, and what they took the place of. */
function outputColumns(
  columns: readonly string[],
  own: readonly string[],
  canonical: ReadonlyMap<string, Canonical>,
): { name: string; sql: string }[] {
  const output = columns.map((name, i) => ({ name, sql: canonical.get(name)?.sql ?? own[i]! }));
  for (const [name, { sql, keepsSource }] of canonical) {
    const at = columns.indexOf(name);
    if (at < 0) output.push({ name, sql });
    else if (keepsSource && !columns.includes(`source_${name}`))
      output.push({ name: `source_${name}`, sql: own[at]! });
  }
  return output;
}

function isSameColumn(name: string, spec: ColumnSpec): boolean {
  if (typeof spec === 'string') return spec === name;
  if (Array.isArray(spec) || !('from' in spec)) return false;
  return spec.from === name && spec.values === undefined;
}

/** A column's text, or '' where it is one of the spellings (in any case). */
function blank(sql: string, spellings: readonly string[]): string {
  const some = spellings.filter((spelling) => spelling !== '').map((spelling) => spelling.toLowerCase());
  if (some.length === 0) return sql;
  return `CASE WHEN lower(${sql}) IN (${some.map(quoteText).join(', ')}) THEN '' ELSE ${sql} END`;
}

function requireColumns(source: Source, columns: readonly string[], key: string): void {
  const absent = columns.find((column) => !source.columns.includes(column));
  if (absent !== undefined) throw noColumn(source, absent, key);
}

const noColumn = (source: Source, column: string, key: string): ConfigError =>
  new ConfigError(`${key}: ${source.path} has no column '${column}'; it has: ${source.columns.join(', ')}`);

/** `file, line 7`. */
const place = (source: Source, file: number, line: number): string => `${source.files[file]}, line ${line}`;

/** The first row that meets a condition: its file and line, and what else was selected. */
async function firstRow(
  engine: Engine,
  from: string,
  select: { columns: string; where: string },
): Promise<{ file: number; line: number; cells: string[] } | undefined> {
  const [row] = await query(
    engine,
    `SELECT ${fileColumn}, ${lineColumn}, ${select.columns} FROM ${from} WHERE ${select.where} ORDER BY ${rowColumn} LIMIT 1`,
  );
  return row && { file: row[0] as number, line: row[1] as number, cells: row.slice(2) as string[] };
}

async function checkRequired(
  engine: Engine,
  source: Source,
  asked: { columns: readonly string[]; base: string; own: readonly string[]; key: string },
): Promise<void> {
  requireColumns(source, asked.columns, asked.key);
  for (const column of asked.columns) {
    const sql = asked.own[source.columns.indexOf(column)]!;
    const row = await firstRow(engine, asked.base, { columns: `''`, where: `${sql} = ''` });
    if (row)
      throw new DataError(
        `${place(source, row.file, row.line)}: no '${column}', which every record needs; complete or remove it`,
      );
  }
}

/** SQL for one column; undefined where the source has nothing to make it from and need not. */
async function columnSql(spec: ColumnSpec, scope: Scope): Promise<string | undefined> {
  if (typeof spec === 'string' || Array.isArray(spec)) return copiedSql({ from: spec }, scope);
  if ('from' in spec) return copiedSql(spec, scope);
  if ('one-hot' in spec) return oneHotSql(spec['one-hot'], spec.none, scope);
  if ('sql' in spec) return expressionSql(spec.sql, scope);
  return fileNameSql(spec['file-name'], scope);
}

async function copiedSql(spec: FromColumns, scope: Scope): Promise<string | undefined> {
  const { source, key } = scope;
  const asked = Array.isArray(spec.from) ? spec.from : [spec.from];
  const found = asked.map((column) => scope.sqlOf(column)).filter((sql) => sql !== undefined);
  if (found.length === 0) {
    if (spec.optional) return undefined;
    throw noColumn(source, asked[0]!, `${key}.from`);
  }
  const cleaned = found.map((sql) => blank(sql, spec.missing ?? []));
  const first =
    cleaned.length === 1
      ? cleaned[0]!
      : `coalesce(${cleaned.map((sql) => `nullif(${sql}, '')`).join(', ')}, '')`;
  if (spec.values === undefined) return first;
  const values = Object.entries(spec.values).map(([from, to]) => [from.toLowerCase(), to] as const);
  if (spec.others === 'error') {
    const known = values.map(([from]) => quoteText(from)).join(', ');
    const row = await firstRow(scope.engine, scope.from, {
      columns: first,
      where: `${first} <> '' AND lower(${first}) NOT IN (${known})`,
    });
    if (row)
      throw new DataError(
        `${place(source, row.file, row.line)}: '${row.cells[0]}' in ${asked.join(', ')} is none of ${Object.keys(spec.values!).join(', ')}; add it to ${key}.values`,
      );
  }
  const cases = values.map(([from, to]) => `WHEN ${quoteText(from)} THEN ${quoteText(to)}`).join(' ');
  return `CASE lower(${first}) ${cases} ELSE ${spec.others === 'missing' ? `''` : first} END`;
}

async function oneHotSql(
  columns: Readonly<Record<string, string>>,
  none: string | undefined,
  scope: Scope,
): Promise<string> {
  const { source, key } = scope;
  const names = Object.keys(columns);
  requireColumns(source, names, `${key}.one-hot`);
  const cells = names.map((name) => scope.sqlOf(name)!);
  const isHot = (sql: string): string => `coalesce(TRY_CAST(${sql} AS DOUBLE) = 1, false)`;
  const isCold = (sql: string): string => `coalesce(TRY_CAST(${sql} AS DOUBLE) = 0, false)`;
  const count = cells.map((sql) => `${isHot(sql)}::INTEGER`).join(' + ');
  const odd = cells.map((sql) => `NOT (${isHot(sql)} OR ${isCold(sql)})`).join(' OR ');
  const row = await firstRow(scope.engine, scope.from, {
    columns: cells.join(', '),
    where: `${odd} OR ${count} > 1${none === undefined ? ` OR ${count} = 0` : ''}`,
  });
  if (row) {
    const at = place(source, row.file, row.line);
    const bad = names.findIndex((_, i) => row.cells[i] === '' || ![0, 1].includes(Number(row.cells[i])));
    if (bad >= 0)
      throw new DataError(`${at}: '${row.cells[bad]}' in ${names[bad]} is neither 0 nor 1; correct the row`);
    const hot = names.filter((_, i) => Number(row.cells[i]) === 1);
    throw new DataError(
      hot.length === 0
        ? `${at}: none of ${names.join(', ')} is 1; correct the row, or say with ${key}.none what that means`
        : `${at}: ${hot.join(' and ')} are 1, but only one may be; correct the row`,
    );
  }
  const cases = names.map((name, i) => `WHEN ${isHot(cells[i]!)} THEN ${quoteText(columns[name]!)}`);
  return `CASE ${cases.join(' ')} ELSE ${quoteText(none ?? '')} END`;
}

/** A mapping's own SQL. The engine is locked: it can reach nothing but the tables. */
async function expressionSql(sql: string, scope: Scope): Promise<string> {
  // The line break ends a comment that the expression may end in.
  const expression = `(${sql}\n)`;
  const sought = `SELECT coalesce((${expression})::VARCHAR, '') FROM ${scope.from} LIMIT 0`;
  try {
    const statements = await scope.engine.connection.extractStatements(sought);
    if (statements.count !== 1) throw new Error('more than one statement');
    const result = await scope.engine.connection.run(sought);
    if (result.columnCount !== 1) throw new Error('more than one column');
  } catch (cause) {
    const [first] = (cause as Error).message.split('\n');
    throw new ConfigError(
      `${scope.key}.sql: ${first}; expected one DuckDB expression over the columns of ${scope.source.path}: ${scope.source.columns.join(', ')}`,
      { cause },
    );
  }
  return `coalesce((${expression})::VARCHAR, '')`;
}

/** A value by the name of the file that the row is from; patterns with `*`, in any case; the first that fits counts. */
function fileNameSql(patterns: Readonly<Record<string, string>>, scope: Scope): string | undefined {
  const tests = Object.entries(patterns).map(([pattern, value]) => ({ test: globTest(pattern), value }));
  const values = scope.source.files.map((file) => tests.find(({ test }) => test.test(baseName(file)))?.value);
  if (values.every((value) => value === undefined)) return undefined;
  const cases = values.flatMap((value, i) =>
    value === undefined ? [] : [`WHEN ${i} THEN ${quoteText(value)}`],
  );
  return `CASE ${fileColumn} ${cases.join(' ')} ELSE '' END`;
}

const baseName = (path: string): string => path.replace(/^.*[\\/]/, '');

function globTest(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i');
}
