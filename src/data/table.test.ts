import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTable, writeTable } from './table.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-table-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function read(text: string) {
  const path = join(dir, 't.csv');
  writeFileSync(path, text);
  return readTable(path);
}

test('quotes, separators and line breaks inside cells, byte order mark, CRLF', () => {
  const table = read('\uFEFFid,note\r\na,"x, ""y"""\r\n\r\nb,"two\r\nlines"\r\n');
  expect(table.columns).toEqual(['id', 'note']);
  expect(table.rows.map((row) => row.cells)).toEqual([
    { id: 'a', note: 'x, "y"' },
    { id: 'b', note: 'two\r\nlines' },
  ]);
  expect(table.rows.map((row) => row.line)).toEqual([2, 4]);
});

test('line ends may be mixed', () => {
  expect(read('a,b\r\n1,2\r\n3,4\n5,6\n').rows.map((row) => [row.line, row.cells.b])).toEqual([
    [2, '2'],
    [3, '4'],
    [4, '6'],
  ]);
});

test('semicolons and tabs are recognised', () => {
  expect(read('a;b;c\n1,5;2;3\n').rows[0]!.cells).toEqual({ a: '1,5', b: '2', c: '3' });
  expect(read('a\tb\n1\t2\n').columns).toEqual(['a', 'b']);
});

test.each([
  ['', /empty/],
  ['a,a\n1,2\n', /'a' stands twice/],
  ['a,b\n1,2\n1\n', /t\.csv, line 3: 1 cells, but the header has 2/],
  ['a,b\n1,2,3\n', /line 2: 3 cells/],
  ['a,b\n"1,2\n', /line 2: a quotation mark is never closed/],
  // Line ends of two characters inside quotes count once.
  ['a,b\r\n"x\r\ny",2\r\n1\r\n', /line 4: 1 cells/],
])('refuses %j', (text, message) => {
  expect(() => read(text)).toThrow(message);
});

test('what is written is read back', () => {
  const path = join(dir, 'w.csv');
  const rows = [
    { a: 'x,"y"\nz', b: '' },
    { a: ';', b: '7' },
  ];
  writeTable(path, ['a', 'b'], rows);
  expect(readTable(path).rows.map((row) => row.cells)).toEqual(rows);
});
