import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from 'graft-torch/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardFormula, unguardFormula } from './formula.js';
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

/** Texts of the characters that tables trip over, and of any others. */
function* arbitraryTexts(random: Random, count: number): Generator<string> {
  const awkward = [
    ...`"',;|\t\r\n =+-@'\0\x01\x1f\x7f\u0085\u00a0\u200b\ufeff\u2028\u3000＝é01aZ`,
    'sep=',
    "'=",
    '""',
    '\r\n',
  ];
  for (let n = 0; n < count; n++) {
    const length = random.int(7);
    const parts = Array.from({ length }, () => {
      if (random.next() < 0.8) return awkward[random.int(awkward.length)]!;
      const code = random.int(0x110000 - 0x800);
      return String.fromCodePoint(code < 0xd800 ? code : code + 0x800);
    });
    yield parts.join('');
  }
}

test('whatever is written is read back', () => {
  const path = join(dir, 'any.csv');
  const random = new Random(7);
  for (let round = 0; round < 60; round++) {
    const columns = [...new Set(arbitraryTexts(random, 1 + random.int(4)))];
    const rows = Array.from({ length: 20 }, () => {
      const texts = [...arbitraryTexts(random, columns.length)];
      return Object.fromEntries(columns.map((column, i) => [column, texts[i]!]));
    });
    writeTable(path, columns, rows);
    const table = readTable(path);
    expect(table.columns).toEqual(columns);
    expect(table.rows.map(({ cells }) => cells)).toEqual(rows);
  }
});

test('what a spreadsheet would run is written behind an apostrophe; numbers and signs are not', () => {
  for (const text of [
    '=1+1',
    '+cmd|x',
    '-2+3',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    ' =1',
    '＝1',
    '-5 mm',
    "'=1",
    "''=1",
    '+A',
  ]) {
    expect(guardFormula(text)).toBe(`'${text}`);
    expect(unguardFormula(guardFormula(text))).toBe(text);
  }
  for (const text of ['-5', '-0.25', '+1.5e-7', '-', '--', '+', '', 'a=b', "'", "'a", "O'=x", '5-3']) {
    expect(guardFormula(text)).toBe(text);
    expect(unguardFormula(text)).toBe(text);
  }
});

test('the line that names the separator is passed over, and lines are counted with it', () => {
  const table = read('sep=;\r\na;b\r\n1;2\r\n');
  expect(table.columns).toEqual(['a', 'b']);
  expect(table.rows).toEqual([{ line: 3, cells: { a: '1', b: '2' } }]);
  expect(read('sep=^\na,b^c\n1^2\n').columns).toEqual(['a,b', 'c']);
});

test('UTF-16 is read, by its mark or by its zeros', () => {
  const text = 'id;größe\r\na;1,5\r\n';
  const little = Buffer.from(text, 'utf16le');
  const big = Buffer.from(little).swap16();
  const path = join(dir, 'wide.csv');
  for (const bytes of [
    little,
    big,
    Buffer.concat([Buffer.from([0xff, 0xfe]), little]),
    Buffer.concat([Buffer.from([0xfe, 0xff]), big]),
  ]) {
    writeFileSync(path, bytes);
    expect(readTable(path).rows[0]!.cells).toEqual({ id: 'a', größe: '1,5' });
  }
  writeFileSync(path, Buffer.concat([Buffer.from([0xff, 0xfe]), little, Buffer.from('x')]));
  expect(() => readTable(path)).toThrow(/wide.csv: not whole UTF-16/);
});
