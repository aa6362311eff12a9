import { describe, expect, test } from 'vitest';
import { DataError } from './errors.js';
import { parseJson } from './json-text.js';

const messageOf = (text: string, rules = {}): string => {
  try {
    parseJson(text, 'f.json', rules);
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return (error as Error).message;
  }
  return 'read';
};

describe('what is wrong is said in one line, with its place', () => {
  test.each([
    [
      '{"a": [\n  0.25,\n    NaN,\n    1]}',
      "f.json: not valid JSON (Unexpected token 'N' at line 3, column 5)",
    ],
    ['{"a":\r\n1,\r\n}', /^f\.json: not valid JSON \(.* at line 3, column 1\)$/],
    ['', 'f.json: not valid JSON (Unexpected end of JSON input)'],
    ['<!DOCTYPE html>\n<html>', /^f\.json: not valid JSON \(Unexpected token '<'/],
    [`${'x'.repeat(30_000)}`, "f.json: not valid JSON (Unexpected token 'x')"],
    [`{"a":"\u0000"}`, /^f\.json: not valid JSON \(Bad control character/],
  ])('%j', (text, message) => {
    const found = messageOf(text);
    if (typeof message === 'string') expect(found).toBe(message);
    else expect(found).toMatch(message);
    expect(found).not.toMatch(/\n/);
    expect(found.length).toBeLessThan(120);
  });

  test('nesting', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(messageOf(nested(100))).toBe('read');
    expect(messageOf(`\n${nested(101)}`)).toBe('f.json: nested more than 100 deep (line 2, column 101)');
    expect(messageOf(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`)).toMatch(/nested more than 100 deep/);
    expect(messageOf(`[${'[],'.repeat(5000)}1]`)).toBe('read');
    expect(messageOf(`["${'['.repeat(5000)}\\"${'{'.repeat(5000)}"]`)).toBe('read');
  });
});

test('keys that objects have by birth are keys like others', () => {
  const value = parseJson('{"__proto__": {"x": 1}, "constructor": 2}', 'f') as object;
  expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
  expect(({} as { x?: number }).x).toBeUndefined();
});

describe('strict', () => {
  test.each([
    ['{"a":1,"a":1}', 'the key "a" stands there twice (line 1, column 8)'],
    ['{"a":1,\n"\\u0061":1}', 'the key "a" stands there twice (line 2, column 1)'],
    ['{"__proto__":1,"__proto__":1}', 'the key "__proto__" stands there twice'],
    ['{"a":{"b":1,"b":1}}', 'the key "b" stands there twice'],
    ['[2.0]', '2.0 where a whole number belongs'],
    ['[2e0]', '2e0 where a whole number belongs'],
    ['[-0]', '-0 where a whole number belongs'],
    ['[9007199254740993]', '9007199254740993 where a whole number belongs'],
    ['[1e999]', '1e999 where a whole number belongs'],
  ])('%s', (text, message) => {
    expect(messageOf(text, { strict: true })).toContain(message);
    expect(messageOf(text)).toBe('read');
  });

  test('takes everything else', () => {
    const text =
      '{"a":[1,-2,9007199254740991],"b":{"a":[]},"c":{"a":"{\\"a\\":1.5}"},"d":[{"a":0},{"a":true}]}';
    expect(parseJson(text, 'f', { strict: true })).toEqual(JSON.parse(text));
  });
});
