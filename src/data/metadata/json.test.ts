import { expect, test } from 'vitest';
import { jsonRecords } from './json.js';

const read = (text: string) => jsonRecords(text, 't.json');

test('an object, an array, a page and JSON lines give records with the lines they begin on', async () => {
  expect(await read('\n{"a": 1}')).toEqual([{ line: 2, value: { a: 1 } }]);
  expect(await read('[\n {"a": [{"b": 1}],\n "c": {}},\n {"a": 2}]')).toEqual([
    { line: 2, value: { a: [{ b: 1 }], c: {} } },
    { line: 4, value: { a: 2 } },
  ]);
  const page =
    '{"count": 2, "x": ["results", {}], "next": {"results": [{}]},\r\n"results": [\r\n{"a": 1}, {"a": 2},\r\n{"a":"]"}], "previous": null}';
  expect((await read(page)).map(({ line }) => line)).toEqual([3, 3, 4]);
  expect(await read('{"a": 1}\n\n{"a": 2}\n')).toEqual([
    { line: 1, value: { a: 1 } },
    { line: 3, value: { a: 2 } },
  ]);
  expect(
    (await read('{"results": [{"a": 1}]}\n{"results": [{"a": 2}, {"a": 3}]}')).map(({ line }) => line),
  ).toEqual([1, 2, 2]);
});

test.each([
  ['', 't.json: empty'],
  ['{"a": 1,\n "é": }', "t.json, line 2, column 7: not valid JSON: unexpected '}'"],
  ['[{"a": 1},\n{"a": ', 't.json, line 2, column 7: not valid JSON: it ends too early'],
  ['{"a": 1}\n{"a": 2]\n', "t.json, line 2, column 8: not valid JSON: unexpected ']'"],
  ['<html>', "t.json, line 1, column 1: not valid JSON: unexpected '<'"],
  ['[{"a": 1}, 7]', 't.json, line 1: 7 where a record'],
  ['"text"', 't.json, line 1: "text" where a record'],
])('refuses %j', async (text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});
