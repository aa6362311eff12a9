/**
 * Records out of JSON text, each with the line it begins on: one object (API v1: a file a picture), an array, pages
 * of API v2 (`{"results": […]}`), what pandas writes in any of its orients, or one of these a line (JSON lines).
 *
 * Numbers that JavaScript cannot hold keep every digit, and become texts: an id above 2⁵³ is another picture's
 * otherwise. `NaN` and `Infinity`, which Python writes although they are no JSON, are missing values.
 */
import { DataError, parseJson } from 'graft-torch/base';
import { malformedJsonAt } from './duckdb.js';
import { pandasRecords } from './pandas.js';

export interface JsonRecord {
  line: number;
  value: object;
}

/**
 * @throws DataError naming file, line and column where the text is not JSON, and the line where a record is not an
 * object
 */
export async function jsonRecords(text: string, path: string): Promise<JsonRecord[]> {
  if (text.trim() === '') throw new DataError(`${path}: empty; expected JSON`);
  const json = withExactNumbers(text);
  try {
    return expand(parseJson(json, path, { uniqueKeys: true }), path, topLines(json));
  } catch (error) {
    if (isJson(json)) throw error;
    const lines = json.split(/\r\n|\n|\r/);
    if (!isJsonLines(lines)) throw await notJson(json, { path }, error as Error);
    return jsonLines(lines, path);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Strings, and the numbers and words outside of them. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|-?\b(?:NaN|Infinity)\b/g;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The text with long numbers in quotes, and `null` for what is none; lines stay where they are. */
function withExactNumbers(text: string): string {
  if (!/\d{16}|NaN|Infinity/.test(text)) return text;
  return text.replace(tokens, (token) => {
    if (token.startsWith('"')) return token;
    if (token.endsWith('NaN') || token.endsWith('Infinity')) return 'null';
    return /\d{16}/.test(token) && jsonNumber.test(token) ? `"${token}"` : token;
  });
}

/** Whether the first line that is not empty is a record by itself and not the only one. */
function isJsonLines(lines: readonly string[]): boolean {
  const filled = lines.filter((line) => line.trim() !== '');
  if (filled.length < 2) return false;
  try {
    return typeof JSON.parse(filled[0]!) === 'object';
  } catch {
    return false;
  }
}

async function jsonLines(lines: readonly string[], path: string): Promise<JsonRecord[]> {
  const records: JsonRecord[] = [];
  for (const [i, text] of lines.entries()) {
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = parseJson(text, path, { uniqueKeys: true });
    } catch (error) {
      if (isJson(text)) throw error;
      throw await notJson(text, { path, linesBefore: i }, error as Error);
    }
    records.push(...expand(value, path, () => i + 1));
  }
  return records;
}

async function notJson(
  text: string,
  { path, linesBefore = 0 }: { path: string; linesBefore?: number },
  error: Error,
): Promise<DataError> {
  const at = await malformedJsonAt(text);
  if (at === undefined)
    return error instanceof DataError
      ? error
      : new DataError(`${path}: not valid JSON (${error.message}); fetch or export it again`);
  const before = text.slice(0, at).split(/\r\n|\n|\r/);
  const line = linesBefore + before.length;
  const column = before.at(-1)!.length + 1;
  const what =
    at >= text.trimEnd().length
      ? 'it ends too early'
      : /[\r\n]/.test(text[at]!)
        ? 'a string must end before the line does'
        : `unexpected '${text[at]}'`;
  return new DataError(
    `${path}, line ${line}, column ${column}: not valid JSON: ${what}; fetch or export it again`,
  );
}

/** The records of a parsed value; `lineOf` gives the line of the n-th. */
function expand(value: unknown, path: string, lineOf: (n: number) => number): JsonRecord[] {
  const results = isObject(value) ? listIn(value) : undefined;
  const table = isObject(value) && results === undefined ? pandasRecords(value, path) : undefined;
  // Such tables have no line a record: rows are counted, as those of Parquet are.
  if (table) return table.map((record, n) => ({ line: n + 1, value: record }));
  const list = Array.isArray(value) ? value : (results ?? [value]);
  return list.map((record, n) => {
    if (!isObject(record))
      throw new DataError(
        `${path}, line ${lineOf(n)}: ${JSON.stringify(record)?.slice(0, 40)} where a record, {…}, is expected`,
      );
    return { line: lineOf(n), value: record };
  });
}

/** Names under which services and exports put the list of their records. */
const listNames = ['results', 'data', 'records', 'rows', 'items'];

/** The list of records within an object that has one and says little else. */
function listIn(value: Record<string, unknown>): unknown[] | undefined {
  if (Array.isArray(value.results)) return value.results;
  const lists = Object.keys(value).filter((key) => Array.isArray(value[key]));
  const list =
    lists.length === 1 && listNames.includes(lists[0]!) ? (value[lists[0]!] as unknown[]) : undefined;
  return list !== undefined && list.length > 0 && list.every(isObject) ? list : undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Line of the n-th record in valid JSON: of the elements of the array at the top, or in `results` at the top. Counted
 * when the first is asked for.
 */
function topLines(text: string): (n: number) => number {
  let lines: number[] | undefined;
  return (n) => {
    lines ??= recordLines(text);
    return lines[n] ?? 1;
  };
}

function recordLines(text: string): number[] {
  const token = /"(?:[^"\\]|\\.)*"|[[\]{},]|\r\n|\n|\r|[^"[\]{},\s]+/g;
  const lines: number[] = [];
  const open: string[] = [];
  let line = 1;
  let key = '';
  let inResults = false;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [part] = match;
    if (part === '\n' || part === '\r' || part === '\r\n') {
      line++;
      continue;
    }
    const depth = open.length;
    const inList = (depth === 1 && open[0] === '[') || (depth === 2 && inResults);
    if (part === '{' || part === '[') {
      if (depth === 0 && part === '{') lines.push(line);
      if (inList) lines.push(line);
      if (depth === 1 && part === '[' && listNames.some((name) => key === `"${name}"`)) {
        inResults = true;
        lines.length = 0;
      }
      open.push(part);
    } else if (part === '}' || part === ']') {
      open.pop();
      if (open.length === 1) inResults = false;
    } else if (part !== ',' && part !== ':') {
      if (inList) lines.push(line);
      // The last string before a value at depth 1 is its key.
      if (depth === 1 && part.startsWith('"')) key = part;
    }
  }
  return lines;
}
