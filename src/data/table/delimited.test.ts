import { expect, test } from 'vitest';
import { decodeText, delimitedRecords, sniffDelimiter } from './delimited.js';

const records = (text: string) =>
  [...delimitedRecords(text, 't.csv')].map(({ line, cells }) => [line, cells]);

test('cells are trimmed, quoted ones are not; marks inside are doubled', () => {
  expect(records('a, b\n 1 ," x ""y"" "\n')).toEqual([
    [1, ['a', 'b']],
    [2, ['1', ' x "y" ']],
  ]);
});

test.each(['\n', '\r\n', '\r'])('a record’s line is the one it begins on, with line ends %j', (end) => {
  const text = ['a,b', '1,"two', 'lines"', '', '3,4', '5,"6"', '7,8'].join(end);
  expect(records(text)).toEqual([
    [1, ['a', 'b']],
    [2, ['1', `two${end}lines`]],
    [5, ['3', '4']],
    [6, ['5', '6']],
    [7, ['7', '8']],
  ]);
});

test('line ends may be mixed, the last one may be absent', () => {
  expect(records('a,b\r\n1,2\n3,4\r5,6')).toEqual([
    [1, ['a', 'b']],
    [2, ['1', '2']],
    [3, ['3', '4']],
    [4, ['5', '6']],
  ]);
});

test('semicolons and tabs are recognised, and what stands in quotes does not count', () => {
  expect(sniffDelimiter('a;b;c\n1,2,3,4')).toBe(';');
  expect(sniffDelimiter('"a,b,c";d\n')).toBe(';');
  expect(sniffDelimiter('a\tb')).toBe('\t');
  expect(sniffDelimiter('alone\n')).toBe(',');
  expect(records('a\tb\n\t"x\ty"\n')).toEqual([
    [1, ['a', 'b']],
    [2, ['', 'x\ty']],
  ]);
});

test('a mark inside an unquoted cell is a character like any other', () => {
  expect(records('a,b\n5" wide,x\n')[1]).toEqual([2, ['5" wide', 'x']]);
});

test('a row of empty cells is a row; one column may be empty only in quotes', () => {
  expect(records('a,b\n,\n')[1]).toEqual([2, ['', '']]);
  expect(records('a\n\n""\nx\n').map(([line]) => line)).toEqual([1, 3, 4]);
});

test.each([
  ['a,b\n1,2\n1\n', 't.csv, line 3: 1 cells, but the header has 2; quote cells that hold the separator'],
  ['a,b\n1,"x\ny"\n1,2,3\n', 't.csv, line 4: 3 cells, but the header has 2'],
  ['a,b\n1,2\n3,"4\n5,6\n', 't.csv, line 3: a quotation mark is never closed'],
  ['a,b\n1,"4" x\n', 't.csv, line 2: text after a closing quotation mark'],
])('refuses %j', (text, message) => {
  expect(() => records(text)).toThrow(message);
});

test('text is UTF-8, with or without its mark; anything else is named with the remedy', () => {
  expect(decodeText(Buffer.from('\uFEFFa,é'), 't.csv')).toBe('a,é');
  expect(() => decodeText(Buffer.from('a\nb\ncafé\n', 'latin1'), 't.csv')).toThrow(
    "t.csv, line 3: not UTF-8; perhaps Latin-1 or Windows-1252: save it as UTF-8, for instance with: iconv -f WINDOWS-1252 -t UTF-8 't.csv'",
  );
});
