import { DataError } from 'graft-torch/base';
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

test('pandas in each of its orients gives the same table', async () => {
  const records = [
    { image: 'a', age: 45 },
    { image: 'b', age: null },
    { image: 'c', age: 50 },
  ];
  const forms: unknown[] = [
    records,
    { image: { 0: 'a', 1: 'b', 2: 'c' }, age: { 0: 45, 1: null, 2: 50 } },
    { 0: records[0], 1: records[1], 2: records[2] },
    { columns: ['image', 'age'], index: [0, 1, 2], data: records.map(({ image, age }) => [image, age]) },
    { schema: { fields: [], pandas_version: '1.4.0' }, data: records },
    { image: ['a', 'b', 'c'], age: [45, null, 50] },
  ];
  for (const form of forms)
    expect((await jsonRecords(JSON.stringify(form), 't.json')).map(({ value }) => value)).toEqual(records);
  const byName = { dx: { a: 'mel', b: 'nev', c: 'nev' }, age: { a: 45, b: null, c: 50 } };
  expect((await jsonRecords(JSON.stringify(byName), 't.json')).map(({ value }) => value)).toEqual([
    { index: 'a', dx: 'mel', age: 45 },
    { index: 'b', dx: 'nev', age: null },
    { index: 'c', dx: 'nev', age: 50 },
  ]);
  const square = { dx: { a: 'mel', b: 'nev' }, age: { a: 45, b: 50 } };
  await expect(jsonRecords(JSON.stringify(square), 't.json')).rejects.toThrow(/t.json: .* orient="records"/);
});

test('a list of records under a usual name, with the lines they begin on', async () => {
  const text = '{"count": 2,\n "data": [\n{"id": "a"},\n{"id": "b"}\n]}';
  expect(await jsonRecords(text, 't.json')).toEqual([
    { line: 3, value: { id: 'a' } },
    { line: 4, value: { id: 'b' } },
  ]);
});

test('a record of objects is a record, whatever it looks like', async () => {
  for (const record of [
    { _id: 'x', meta: { clinical: { age: 3 } }, dataset: { name: 'd' } },
    { meta: { age: 3 } },
    { clinical: { age: 3, sex: 'm' }, technical: { pixels: 4 } },
  ])
    expect((await jsonRecords(JSON.stringify(record), 't.json')).map(({ value }) => value)).toEqual([record]);
});

test('NaN and Infinity are missing; long numbers keep every digit, within strings nothing changes', async () => {
  const text =
    '[{"a": NaN, "b": -Infinity, "c": 9007199254740993, "d": "NaN 12345678901234567890", "e": 1.5}]';
  expect((await jsonRecords(text, 't.json'))[0]!.value).toEqual({
    a: null,
    b: null,
    c: '9007199254740993',
    d: 'NaN 12345678901234567890',
    e: 1.5,
  });
  const lines = '{"id": 9007199254740993}\n{"id": NaN}\n';
  expect((await jsonRecords(lines, 't.jsonl')).map(({ value }) => value)).toEqual([
    { id: '9007199254740993' },
    { id: null },
  ]);
});

test.each([
  [`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, /t\.json: nested more than/],
  [`[{"a": ${'['.repeat(5000)}${']'.repeat(5000)}}]`, /t\.json: nested more than/],
  ['[{"a": "x\ny"}]', /t\.json, line 1, column \d+: not valid JSON: a string must end before the line does/],
  ['[{"a": 01234567890123456789}]', /t\.json, line 1, column/],
])('what is wrong with JSON is told in one line', async (text, message) => {
  const error = await jsonRecords(text, 't.json').then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(DataError);
  expect(error!.message).toMatch(message);
  expect(error!.message).not.toContain('\n');
  expect(error!.message.length).toBeLessThan(200);
});
