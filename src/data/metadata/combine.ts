/**
 * Sources of one mapping put together: those that are the same table one after the other, different tables joined by
 * id, or by something that several images have in common (a lesion, a patient).
 *
 * The k-th row of an id in one table goes with its k-th in the other, so that each row read is in exactly one row of
 * the result, none multiplied and none lost: an id that is in one table only, or more often in one, shows as a row
 * with its own file and line. A row of a table per lesion goes with every row of that lesion, and shows by itself, the
 * lesion for its id, where there is none.
 */
import { DataError } from 'graft-torch/base';
import {
  type Engine,
  fileColumn,
  lineColumn,
  markColumns,
  query,
  quoteName,
  rowColumn,
  sourceColumn,
} from './duckdb.js';
import type { Source } from './formats/index.js';

/** A table with its columns called `c0`, `c1` … in SQL. */
export interface Combined {
  name: string;
  columns: string[];
}

const columnName = (i: number): string => quoteName(`c${i}`);
const tableColumn = quoteName('graft:table');
const marks = [tableColumn, ...markColumns];

/** The order of rows: table by table as the mapping has them, sources as given, rows as they stand. */
export const rowOrder = `${tableColumn}, ${sourceColumn}, ${rowColumn}`;

/** Appends tables; a column that one of them lacks is '' there. */
export async function appendTables(
  engine: Engine,
  parts: readonly { name: string; columns: readonly string[]; sql: readonly string[] }[],
  as: { name: string; table: number },
): Promise<Combined> {
  const columns = [...new Set(parts.flatMap((part) => part.columns))];
  const selects = parts.map((part) => {
    const cells = columns.map((column, i) => {
      const at = part.columns.indexOf(column);
      return `${at < 0 ? `''` : part.sql[at]} AS ${columnName(i)}`;
    });
    return `SELECT ${as.table}::INTEGER AS ${tableColumn}, ${markColumns.join(', ')}, ${cells.join(', ')} FROM ${part.name}`;
  });
  const name = quoteName(as.name);
  await engine.connection.run(`CREATE TABLE ${name} AS ${selects.join(' UNION ALL ')}`);
  return { name, columns };
}

/**
 * Joins two tables by id, or by a column of the first, keeping every row of both. A column that both have is taken from
 * where it is not missing.
 * @throws DataError naming both places where they contradict each other, or where two rows tell of one lesion
 */
export async function joinTables(
  engine: Engine,
  [left, right]: readonly [Combined & { id: string }, Combined & ({ id: string } | { per: string })],
  options: { name: string; sources: readonly Source[] },
): Promise<Combined & { id: string }> {
  const isPer = 'per' in right;
  const leftId = left.columns.indexOf(left.id);
  const leftKey = isPer ? left.columns.indexOf(right.per) : leftId;
  const rightKey = right.columns.indexOf(isPer ? right.per : right.id);
  const numbered = (table: Combined, id: number): string =>
    `(SELECT *, nullif(${idKeySql(columnName(id))}, '') AS "graft:key", row_number() OVER (PARTITION BY ${idKeySql(columnName(id))} ORDER BY ${rowOrder}) AS "graft:nth" FROM ${table.name})`;
  if (isPer)
    await checkOnce(engine, numbered(right, rightKey), { column: right.per, sources: options.sources });
  const nth = isPer ? '' : ' AND a."graft:nth" = b."graft:nth"';
  const joined = `${numbered(left, leftKey)} a FULL OUTER JOIN ${numbered(right, rightKey)} b ON a."graft:key" = b."graft:key"${nth}`;

  const columns = [...left.columns];
  const cells = left.columns.map((_, i) => `coalesce(a.${columnName(i)}, '')`);
  for (const [i, column] of right.columns.entries()) {
    const theirs = `b.${columnName(i)}`;
    const at = i === rightKey ? leftKey : left.columns.indexOf(column);
    if (at < 0) {
      columns.push(column);
      cells.push(`coalesce(${theirs}, '')`);
      continue;
    }
    const ours = `a.${columnName(at)}`;
    cells[at] = `coalesce(nullif(${ours}, ''), ${theirs}, '')`;
    if (i !== rightKey) await checkAgree(engine, joined, { ours, theirs, column, sources: options.sources });
  }
  if (isPer) cells[leftId] = `coalesce(a.${columnName(leftId)}, b.${columnName(rightKey)}, '')`;
  const first = marks.map((mark) => `coalesce(a.${mark}, b.${mark}) AS ${mark}`);
  const name = quoteName(options.name);
  await engine.connection.run(
    `CREATE TABLE ${name} AS SELECT ${first.join(', ')}, ${cells.map((cell, i) => `${cell} AS ${columnName(i)}`).join(', ')} FROM ${joined}`,
  );
  return { name, columns, id: left.id };
}

async function checkOnce(
  engine: Engine,
  numbered: string,
  { column, sources }: { column: string; sources: readonly Source[] },
): Promise<void> {
  const [row] = await query(
    engine,
    `SELECT b.${sourceColumn}, b.${fileColumn}, b.${lineColumn}, b."graft:key", a.${sourceColumn}, a.${fileColumn}, a.${lineColumn}
     FROM ${numbered} a JOIN ${numbered} b ON a."graft:key" = b."graft:key" AND a."graft:nth" = 1 AND b."graft:nth" = 2
     ORDER BY b.${sourceColumn}, b.${rowColumn} LIMIT 1`,
  );
  if (!row) return;
  throw new DataError(
    `${placeIn(sources, row, 0)}: ${column} '${row[3]}' stands in ${placeIn(sources, row, 4)} already; leave one of them`,
  );
}

/** File and line, of three cells from `at` on. */
const placeIn = (sources: readonly Source[], row: readonly unknown[], at: number): string =>
  `${sources[row[at] as number]!.files[row[at + 1] as number]}, line ${row[at + 2]}`;

/** As idKey (cell.ts) compares ids, of plain texts: in any case, and without the `.0` that spreadsheets add to numbers. */
const idKeySql = (id: string): string => `regexp_replace(lower(${id}), '^0*(\\d+)(\\.0{0,2})?$', '\\1')`;

async function checkAgree(
  engine: Engine,
  joined: string,
  shared: { ours: string; theirs: string; column: string; sources: readonly Source[] },
): Promise<void> {
  const { ours, theirs, column, sources } = shared;
  const [row] = await query(
    engine,
    `SELECT a.${sourceColumn}, a.${fileColumn}, a.${lineColumn}, ${ours}, b.${sourceColumn}, b.${fileColumn}, b.${lineColumn}, ${theirs}
     FROM ${joined}
     WHERE ${ours} <> '' AND ${theirs} <> '' AND ${ours} <> ${theirs}
       AND NOT coalesce(TRY_CAST(${ours} AS DOUBLE) = TRY_CAST(${theirs} AS DOUBLE), false)
     ORDER BY a.${sourceColumn}, a.${rowColumn} LIMIT 1`,
  );
  if (!row) return;
  throw new DataError(
    `${placeIn(sources, row, 0)}: ${column} is '${row[3]}', but '${row[7]}' in ${placeIn(sources, row, 4)}; correct one of them`,
  );
}
