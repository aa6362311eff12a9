/**
 * Delimited tables (RFC 4180), strictly, with the line that each record begins on.
 *
 * DuckDB's own CSV reader is not used: it gives no line numbers, refuses mixed line ends, and reads a table whose
 * quotation mark is never closed as an empty one, without a word.
 */
import { isUtf8 } from 'node:buffer';
import { DataError } from 'graft-torch/base';
import { unguardFormula } from './formula.js';

export interface DelimitedRecord {
  /** The line it begins on, from 1. */
  line: number;
  /** Trimmed, unless quoted. */
  cells: string[];
}

const lineEnd = /\r\n|\n|\r/g;

/**
 * Text of a table or of JSON, from bytes: UTF-8, or UTF-16 where its mark, or a zero in every other byte, says so.
 * @throws DataError for everything else, with the line and the remedy
 */
export function decodeText(bytes: Uint8Array, path: string): string {
  const encoding = utf16Of(bytes);
  if (encoding !== undefined) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes); // also takes the mark away
    } catch (cause) {
      throw new DataError(`${path}: not whole UTF-16; ${remedy('UTF-16', path)}`, { cause });
    }
  }
  if (!isUtf8(bytes))
    throw new DataError(
      `${path}, line ${firstBadLine(bytes)}: not UTF-8; perhaps Latin-1 or Windows-1252: ${remedy('WINDOWS-1252', path)}`,
    );
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start);
}

const remedy = (encoding: string, path: string): string =>
  `save it as UTF-8, for instance with: iconv -f ${encoding} -t UTF-8 '${path}'`;

/** Which UTF-16 the bytes are, if any: by the mark, else where nine in ten of the bytes at one parity are zero. */
function utf16Of(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const looked = Math.min(bytes.length, 4096) & ~1;
  if (looked === 0 || bytes.length % 2 === 1) return undefined;
  const zeros = [0, 0];
  for (let i = 0; i < looked; i++) if (bytes[i] === 0) zeros[i % 2]!++;
  const few = looked / 200;
  const most = (0.9 * looked) / 2;
  if (zeros[1]! >= most && zeros[0]! <= few) return 'utf-16le';
  return zeros[0]! >= most && zeros[1]! <= few ? 'utf-16be' : undefined;
}

/** @throws DataError for a zero byte, which no text has: naming the line */
export function refuseZeros(text: string, path: string): void {
  const at = text.indexOf('\0');
  if (at < 0) return;
  const line = text.slice(0, at).split(lineEnd).length;
  throw new DataError(`${path}, line ${line}: a zero byte (NUL), which no text has; export the table again`);
}

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

/** The separator (comma, semicolon, tab, bar) that the header holds most often outside quotes; a comma if none. */
export function sniffDelimiter(text: string): string {
  const counts = new Map([',', ';', '\t', '|'].map((delimiter) => [delimiter, 0]));
  let isQuoted = false;
  let isCellStart = true; // a mark inside a cell is a character like any other
  let isEmpty = true;
  for (const char of text) {
    if (isQuoted || (char === '"' && isCellStart)) {
      if (char === '"') isQuoted = !isQuoted; // a doubled one opens again what it has closed
      isEmpty = false;
      continue;
    }
    if (char === '\n' || char === '\r') {
      if (!isEmpty) break;
      continue;
    }
    if (counts.has(char)) counts.set(char, counts.get(char)! + 1);
    isCellStart = counts.has(char) || (isCellStart && char === ' ');
    isEmpty &&= char === ' ';
  }
  const [[delimiter]] = [...counts].sort((a, b) => b[1] - a[1]) as [[string, number]]; // stable: a comma first
  return delimiter;
}

/** `sep=;`, the line in which spreadsheets name the separator: its length, and what it says. */
function separatorLine(text: string): { length: number; delimiter: string } | undefined {
  const [line, delimiter] = /^sep=([^"\w\r\n])[ \t]*(?:\r\n|\n|\r)/i.exec(text) ?? [];
  return line === undefined ? undefined : { length: line.length, delimiter: delimiter! };
}

function indexOfLineEnd(text: string, from: number): number {
  lineEnd.lastIndex = from;
  return lineEnd.exec(text)?.index ?? text.length;
}

/**
 * The records of a table, its header first; empty lines are passed over, and so is a first line `sep=;`. Cells lose the
 * apostrophe that keeps spreadsheets from running them ({@link unguardFormula}).
 * @throws DataError naming file and line for a record with more or fewer cells than the first, for a quotation mark
 * that is never closed, and for text after a closing one
 */
export function* delimitedRecords(text: string, path: string): Generator<DelimitedRecord> {
  const named = separatorLine(text);
  const delimiter = named?.delimiter ?? sniffDelimiter(text);
  let width: number | undefined;
  let header: readonly string[] = [];
  let isFirst = true; // below the header
  let line = named ? 2 : 1;
  let at = named?.length ?? 0;
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
    const isHeader = width === undefined;
    width ??= record.cells.length;
    if (record.cells.length !== width)
      throw new DataError(
        `${path}, line ${record.line}: ${record.cells.length} cells, but the header has ${width}; ${remedyOf(record.cells, { width, isFirst, header })}`,
      );
    if (isHeader) header = record.cells;
    else isFirst = false;
    yield { line: record.line, cells: record.cells.map(unguardFormula) };
  }
}

/** What may have made a record wider or narrower than the header. */
function remedyOf(
  cells: readonly string[],
  { width, isFirst, header }: { width: number; isFirst: boolean; header: readonly string[] },
): string {
  if (header[0]?.startsWith('#')) return `the first line, '${header.join(' ')}', is a comment: delete it`;
  if (cells[0]?.startsWith('#')) return 'it is a comment: delete it';
  if (isFirst && cells.length === width + 1)
    return 'if R wrote its row names without a name: write.table(…, sep = ",", row.names = FALSE); else quote cells that hold the separator';
  return 'quote cells that hold the separator';
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
