/**
 * Tables as pandas writes them to JSON. `orient="records"` is an ordinary list; the others are told here by their shape:
 *
 * - `columns` (the default) and `dict`: `{"dx": {"0": "nevus", …}, "age": {"0": 45, …}}`
 * - `index`: `{"0": {"dx": "nevus", "age": 45}, …}`
 * - `split`: `{"columns": ["dx"], "index": [0], "data": [["nevus"]]}`
 * - `table`: `{"schema": {…}, "data": [{"dx": "nevus"}]}`
 * - `list`: `{"dx": ["nevus", …], "age": [45, …]}`
 *
 * An index that only counts the rows is left out; any other becomes the column `index`.
 */
import { DataError } from 'graft-torch/base';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;
const isScalars = (list: unknown): list is unknown[] => Array.isArray(list) && list.every(isScalar);

/** @returns undefined for what is no such table */
export function pandasRecords(value: Json, path: string): Json[] | undefined {
  const { columns, data, index } = value;
  if (isScalars(columns) && Array.isArray(data)) return splitRecords({ columns, data, index }, path);
  if (isObject(value.schema) && Array.isArray(data) && data.every(isObject)) return data;
  const cells = Object.values(value);
  if (cells.length === 0) return undefined;
  if (cells.length > 1 && cells.every(isScalars)) {
    const [first] = cells as [unknown[]];
    if (first.length < 2 || cells.some((list) => list.length !== first.length)) return undefined;
    return withIndex(
      first.map((_, i) => String(i)),
      (_, i) => Object.entries(value).map(([column, list]) => [column, (list as unknown[])[i]]),
    );
  }
  return cells.every(isObject) ? nestedRecords(value as Record<string, Json>, path) : undefined;
}

function splitRecords(
  { columns, data, index }: { columns: unknown[]; data: unknown[]; index: unknown },
  path: string,
): Json[] {
  const odd = data.findIndex((row) => !Array.isArray(row) || row.length !== columns.length);
  if (odd >= 0)
    throw new DataError(`${path}: row ${odd + 1} of data has not the ${columns.length} cells of columns`);
  const names = isScalars(index) && index.length === data.length ? index : [...data.keys()];
  return withIndex(names.map(String), (_, i) =>
    columns.map((column, c) => [String(column), (data[i] as unknown[])[c]]),
  );
}

const counts = (keys: readonly string[]): boolean => keys.every((key, i) => key === String(i));
const numbers = (keys: readonly string[]): boolean => keys.every((key) => /^\d+$/.test(key));

/** `columns` or `index`: both are objects of objects with the same keys in each. */
function nestedRecords(value: Record<string, Json>, path: string): Json[] | undefined {
  const outer = Object.keys(value);
  const inner = Object.keys(value[outer[0]!]!);
  const isTable = Object.values(value).every((own) => {
    const keys = Object.keys(own);
    return keys.length === inner.length && keys.every((key) => Object.hasOwn(value[outer[0]!]!, key));
  });
  const isFlat = Object.values(value).every((own) => Object.values(own).every(isScalar));
  const byColumns = (): Json[] =>
    withIndex(inner, (key) => outer.map((column) => [column, value[column]![key]]));
  const byIndex = (): Json[] => withIndex(outer, (key) => Object.entries(value[key]!));
  // Records of one index need not be flat, nor of the same keys, where numbers count them.
  if (numbers(outer) && outer.length > 1) return byIndex();
  if (!isTable || !isFlat || inner.length === 0) return undefined;
  if (numbers(inner)) return byColumns();
  if (outer.length === 1 || inner.length === 1) return undefined;
  if (outer.length === inner.length)
    throw new DataError(
      `${path}: as many names outside as inside, so that rows and columns cannot be told apart; write it with orient="records"`,
    );
  return outer.length < inner.length ? byColumns() : byIndex(); // tables are longer than they are wide
}

function withIndex(
  index: readonly string[],
  cells: (key: string, i: number) => (readonly [string, unknown])[],
): Json[] {
  const counted = counts(index);
  return index.map((key, i) => {
    const own = cells(key, i);
    return Object.fromEntries(
      counted || own.some(([column]) => column === 'index') ? own : [['index', key], ...own],
    );
  });
}
