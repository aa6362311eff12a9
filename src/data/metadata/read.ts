/**
 * Metadata of every vintage as one table: archive API v1 and v2, the challenges' CSVs, any table with a mapping file.
 *
 * The files are read strictly into DuckDB (in memory), the mapping's columns are made there in SQL, tables are
 * appended and joined there, and the rows come out in the order of the files.
 */
import { ConfigError, DataError } from 'graft-torch/base';
import { chosenName, columnKey, numberOf } from '../table/cell.js';
import { mapSource } from './columns.js';
import { appendTables, type Combined, joinTables, rowOrder } from './combine.js';
import {
  type Engine,
  fileColumn,
  lineColumn,
  lockEngine,
  openEngine,
  queryBatches,
  quoteName,
  type SqlTable,
  sourceColumn,
} from './duckdb.js';
import { readSource, type Source } from './formats/index.js';
import { readGuarded } from './guarded.js';
import { loadMapping, type Mapping } from './mapping.js';
import type { Metadata, MetadataRow } from './metadata.js';
import { type Recognised, recognise } from './recognise.js';

/**
 * Reads metadata tables.
 * @param paths CSV, TSV, JSON, JSON lines, Parquet, or a folder of JSON files; several are parts of one table (ISIC
 * 2017's training and test), or tables that the mapping joins (ISIC 2019's ground truth and metadata)
 * @param options.mapping name of a shipped mapping, path of a mapping file, or `plain` for the tables as they are;
 * default: the shipped one that knows them, else `plain`
 * @throws DataError, ConfigError in one line naming file, line, column and remedy
 */
export async function readMetadata(
  paths: readonly string[],
  options: { mapping?: string } = {},
): Promise<Metadata> {
  const { mapping } = options;
  const isForeign = mapping !== undefined && runsSql(mapping);
  return (isForeign && (await readGuarded(paths, mapping))) || readHere(paths, options);
}

/** Whether a mapping that is not shipped has SQL of its own. */
function runsSql(nameOrPath: string): boolean {
  if (nameOrPath === 'plain') return false;
  const mapping = loadMapping(nameOrPath);
  return (
    !mapping.isShipped &&
    Object.values(mapping.tables).some(({ columns }) =>
      Object.values(columns).some((column) => typeof column === 'object' && 'sql' in column),
    )
  );
}

/** {@link readMetadata} in this process, whatever the mapping is. */
export async function readHere(
  paths: readonly string[],
  options: { mapping?: string } = {},
): Promise<Metadata> {
  if (paths.length === 0) throw new ConfigError('no metadata: name a table, or a folder of JSON files');
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  if (twice !== undefined) throw new ConfigError(`${twice}: given twice`);
  const engine = await openEngine();
  try {
    const read: Source[] = [];
    for (const [i, path] of paths.entries()) read.push(await readSource(engine, { path, index: i }));
    await lockEngine(engine);
    const recognised = recognise(read, options.mapping);
    const sources = recognised ? await withHeaders(engine, read, recognised) : read;
    for (const source of sources) checkColumns(source);
    const { table, roles } = recognised
      ? await mapped(engine, sources, recognised)
      : await plain(engine, sources);
    return {
      columns: table.columns,
      rows: await fetchRows(engine, table, sources),
      mapping: recognised?.mapping.name ?? 'plain',
      roles,
      sources: sources.map(({ path, sha256, rows }) => ({ path, sha256, rows })),
      ...changedOf(sources),
    };
  } finally {
    engine.close();
  }
}

function changedOf(sources: readonly Source[]): Pick<Metadata, 'changed'> {
  const changed = sources.flatMap(({ odd, files }) =>
    odd.map(
      ({ column, count, line, file }) =>
        `${column}: ${count} cells lost outer spaces or invisible characters, the first in ${files[file]}, line ${line}`,
    ),
  );
  return changed.length > 0 ? { changed } : {};
}

interface Read {
  table: Combined;
  roles: Metadata['roles'];
}

async function plain(engine: Engine, sources: readonly Source[]): Promise<Read> {
  const [first, ...others] = sources;
  for (const other of others) {
    const extra =
      other.columns.find((column) => !first!.columns.includes(column)) ??
      first!.columns.find((column) => !other.columns.includes(column));
    if (extra !== undefined)
      throw new DataError(
        `${other.path}: not the columns of ${first!.path} ('${extra}' is in one only); say with a mapping file how to join them`,
      );
  }
  const table = await appendTables(engine, sources, { name: 'all', table: 0 });
  return { table, roles: usualRoles(table.columns) };
}

async function mapped(engine: Engine, sources: readonly Source[], found: Recognised): Promise<Read> {
  const { mapping, tables } = found;
  const parts: { name: string; mapped: SqlTable }[] = [];
  for (const [i, source] of sources.entries()) {
    const name = tables[i]!;
    parts.push({ name, mapped: await mapSource(engine, source, { mapping, table: name }) });
  }
  let joined: (Combined & { id: string }) | undefined;
  for (const [i, [name, { id, per }]] of Object.entries(mapping.tables).entries()) {
    const same = parts.filter((part) => part.name === name).map((part) => part.mapped);
    if (same.length === 0) continue;
    const next = await appendTables(engine, same, { name: `table ${i}`, table: i });
    const options = { name: `joined ${i}`, sources };
    if (id !== undefined)
      joined = joined ? await joinTables(engine, [joined, { ...next, id }], options) : { ...next, id };
    else if (joined?.columns.includes(per!))
      joined = await joinTables(engine, [joined, { ...next, per: per! }], options);
    else {
      const path = sources[tables.indexOf(name)]!.path;
      throw new DataError(
        `${path}: has a row a ${per}, and no images; give the table that has ${per} and images as well (mapping ${mapping.name})`,
      );
    }
  }
  const { id, ...table } = joined!;
  return { table, roles: { id, ...present(mapping.roles, table.columns) } };
}

/** Patients and lesions by the usual names, however they are written: `PatientID`, `lesion id`. */
function usualRoles(columns: readonly string[]): Metadata['roles'] {
  return Object.fromEntries(
    (['patient', 'lesion'] as const).flatMap((role) => {
      const column = chosenName(`${role}_id`, columns, columnKey);
      return column === undefined ? [] : [[role, column]];
    }),
  );
}

/** The roles whose column is there. */
function present(roles: Mapping['roles'], columns: readonly string[]): Metadata['roles'] {
  return Object.fromEntries(
    Object.entries(roles).filter(([, column]) => column !== undefined && columns.includes(column)),
  );
}

/** Of a table without a header, what was taken for one becomes a row, and the columns get the mapping's names. */
async function withHeaders(
  engine: Engine,
  sources: readonly Source[],
  { mapping, tables }: Recognised,
): Promise<Source[]> {
  const named: Source[] = [];
  for (const [i, source] of sources.entries()) {
    const { headerless } = mapping.tables[tables[i]!]!;
    if (headerless === undefined || source.header === undefined) {
      named.push(source);
      continue;
    }
    const row = [i, 0, 0, source.header.line, ...source.header.cells]; // rows are counted from 1: it stands first
    const places = row.map((_, n) => `$${n + 1}`);
    await engine.connection.run(`INSERT INTO ${source.name} VALUES (${places.join(', ')})`, row);
    named.push({ ...source, columns: Object.keys(headerless), rows: source.rows + 1 });
  }
  return named;
}

/** @throws DataError for a column that stands twice, and for a table without rows */
function checkColumns({ columns, path, rows }: Source): void {
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined)
    throw new DataError(
      numberOf(twice) === undefined
        ? `${path}: column '${twice}' stands twice in the header; rename one of them`
        : `${path}: no header, it seems: '${twice}' stands twice in the first line, '${columns.join(',')}'; begin the file with a line of the columns' names`,
    );
  if (rows === 0) throw new DataError(`${path}: no rows below the header; expected one a picture`);
}

async function fetchRows(
  engine: Engine,
  table: Combined,
  sources: readonly Source[],
): Promise<MetadataRow[]> {
  const { columns, name } = table;
  const cells = columns.map((_, i) => quoteName(`c${i}`));
  const sql = `SELECT ${[sourceColumn, fileColumn, lineColumn, ...cells].join(', ')} FROM ${name} ORDER BY ${rowOrder}`;
  // A copy of an object that has all columns keeps its compact form; one filled column by column would be a hash table
  // (22 columns: 1.6 kB instead of 0.2 kB a row).
  const template = JSON.parse(
    `{${columns.map((column) => `${JSON.stringify(column)}:""`).join(',')}}`,
  ) as Record<string, string>;
  const intern = columns.map(() => interner());
  const rows: MetadataRow[] = [];
  for await (const [source, file, line, ...texts] of queryBatches(engine, sql))
    for (let r = 0; r < line!.length; r++) {
      const row = { ...template };
      for (let c = 0; c < columns.length; c++) row[columns[c]!] = intern[c]!(texts[c]![r] as string);
      rows.push({
        line: line![r] as number,
        file: sources[source![r] as number]!.files[file![r] as number]!,
        cells: row,
      });
    }
  return rows;
}

/** One string for equal texts, as long as a column holds few different ones: most metadata columns do. */
function interner(limit = 4096): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const same = known.get(text);
    if (same !== undefined) return same;
    if (known.size < limit) known.set(text, text);
    return text;
  };
}
