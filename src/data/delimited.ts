/**
 * Delimited tables (RFC 4180), strictly, with the line that each record begins on.
 *
 * DuckDB's own CSV reader is not used: it gives no line numbers, refuses mixed line ends, and reads a table whose
 * quotation mark is never closed as an empty one, without a word.
 */
import { isUtf8 } from 'node:buffer';
import { DataError } from '../errors.js';

export interface DelimitedRecord {
  /** The line it begins on, from 1. */
  line: number;
  /** Trimmed, unless quoted. */
  cells: string[];
}

const lineEnd = /\r\n|\n|\r/g;

/**
 * Text of a table or of JSON, from bytes.
 * @throws DataError for everything that is not UTF-8, with the line and the remedy
 */
export function decodeText(bytes: Uint8Array, path: string): string {
  const [a, b, c] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff))
    throw new DataError(`${path}: UTF-16, but UTF-8 is expected; ${remedy('UTF-16', path)}`);
  if (!isUtf8(bytes))
    throw new DataError(
      `${path}, line ${firstBadLine(bytes)}: not UTF-8; perhaps Latin-1 or Windows-1252: ${remedy('WINDOWS-1252', path)}`,
    );
  const start = a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start);
}

const remedy = (encoding: string, path: string): string =>
  `save it as UTF-8, for instance with: iconv -f ${encoding} -t UTF-8 '${path}'`;

/** UTF-8 never holds a line feed inside a character, so lines can be looked at one by one. */
function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (let from = 0; from < bytes.length; line++) {
    const feed = bytes.indexOf(0x0a, from);
    const end = feed < 0 ? bytes.length : feed + 1;
    if (!isUtf8(bytes.subarray(from, end))) break;
    from = end;
  }
  return line;
}

/** The separator (comma, semicolon, tab) that the first line holds most often outside quotes; a comma if none. */
export function sniffDelimiter(text: string): string {
  const first = text.slice(0, indexOfLineEnd(text, 0)).replace(/"[^"]*"/g, '');
  const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, n: first.split(delimiter).length }));
  return counted.reduce((best, one) => (one.n > best.n ? one : best)).delimiter;
}

function indexOfLineEnd(text: string, from: number): number {
  lineEnd.lastIndex = from;
  return lineEnd.exec(text)?.index ?? text.length;
}

/**
 * The records of a table, its header first; empty lines are passed over.
 * @throws DataError naming file and line for a record with more or fewer cells than the first, for a quotation mark
 * that is never closed, and for text after a closing one
 */
export function* delimitedRecords(text: string, path: string): Generator<DelimitedRecord> {
  const delimiter = sniffDelimiter(text);
  let width: number | undefined;
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const end = indexOfLineEnd(text, at);
    const plain = text.slice(at, end);
    let record: DelimitedRecord;
    if (!plain.includes('"')) {
      record = { line, cells: plain.split(delimiter).map((cell) => cell.trim()) };
      at = afterLineEnd(text, end);
      line++;
    } else {
      const quoted = quotedRecord(text, { at, line, delimiter, path });
      record = { line, cells: quoted.cells };
      at = afterLineEnd(text, quoted.end);
      line = quoted.line + 1;
    }
    if (record.cells.length === 1 && plain.trim() === '') continue;
    width ??= record.cells.length;
    if (record.cells.length !== width)
      throw new DataError(
        `${path}, line ${record.line}: ${record.cells.length} cells, but the header has ${width}; quote cells that hold the separator`,
      );
    yield record;
  }
}

function afterLineEnd(text: string, end: number): number {
  return text.startsWith('\r\n', end) ? end + 2 : end + 1;
}

/** One record with a quotation mark in its first line, character by character. */
function quotedRecord(
  text: string,
  from: { at: number; line: number; delimiter: string; path: string },
): { cells: string[]; end: number; line: number } {
  const { delimiter, path } = from;
  const cells: string[] = [];
  let { at, line } = from;
  const isEnd = (i: number): boolean => i >= text.length || text[i] === '\n' || text[i] === '\r';
  for (;;) {
    while (text[at] === ' ' || (text[at] === '\t' && delimiter !== '\t')) at++;
    if (text[at] === '"') {
      const opened = line;
      let cell = '';
      for (at++; ; ) {
        const close = text.indexOf('"', at);
        if (close < 0) throw new DataError(`${path}, line ${opened}: a quotation mark is never closed`);
        const part = text.slice(at, close);
        line += part.match(lineEnd)?.length ?? 0;
        cell += part;
        at = close + 1;
        if (text[at] !== '"') break;
        cell += '"';
        at++;
      }
      while (text[at] === ' ' || (text[at] === '\t' && delimiter !== '\t')) at++;
      if (!isEnd(at) && text[at] !== delimiter)
        throw new DataError(
          `${path}, line ${line}: text after a closing quotation mark; double the marks inside a quoted cell`,
        );
      cells.push(cell);
    } else {
      const start = at;
      while (!isEnd(at) && text[at] !== delimiter) at++;
      cells.push(text.slice(start, at).trim());
    }
    if (isEnd(at)) return { cells, end: at, line };
    at++;
  }
}
