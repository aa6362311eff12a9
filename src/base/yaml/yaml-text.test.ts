import { ConfigError } from 'graft-torch/base';
import { describe, expect, test, vi } from 'vitest';
import { parseYaml } from './yaml-text.js';

const messageOf = (text: string): string => {
  try {
    parseYaml(text, 'f.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return 'read';
};

/** Each line names the one before it nine times. */
const laughs = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...[...'bcdefgh'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[i]}`).join(', ')}]`),
].join('\n');
/** Each line holds the one before it, once. */
const chain = (length: number): string =>
  ['k0: &k0 []', ...Array.from({ length }, (_, i) => `k${i + 1}: &k${i + 1} [*k${i}]`)].join('\n');
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('one line with file, line and remedy', () => {
  test.each([
    [
      'unresolved alias',
      'a: 1\nsteps: *nope\n',
      'f.yaml:2: the alias *nope has no anchor before it; write &nope at the value',
    ],
    ['alias before its anchor', 'a: *x\nb: &x 1\n', /^f\.yaml:1: the alias \*x has no anchor before it/],
    ['list within itself', 'steps: &a [*a]\n', 'f.yaml:1: the alias *a stands within itself'],
    ['map within itself', 'a: &x\n  b:\n    c: *x\n', 'f.yaml:3: the alias *x stands within itself'],
    ['the whole within itself', '&x\na: *x\n', /^f\.yaml:2: the alias \*x stands within itself/],
    ['aliases of aliases', laughs, /^f\.yaml: its aliases stand for one another more than 100 times/],
    ['deep', nested(5000), 'f.yaml:1: nested more than 100 deep'],
    ['a little too deep', nested(101), 'f.yaml:1: nested more than 100 deep'],
    ['deep maps', `a: ${'{a: '.repeat(300)}1${'}'.repeat(300)}`, 'f.yaml:1: nested more than 100 deep'],
    ['lists in lists by dashes', `${'- '.repeat(20_000)}1\nx: 2\n`, 'f.yaml: nested more than 100 deep'],
    ['aliases that go deeper and deeper', chain(900), 'f.yaml: nested more than 100 deep'],
    ['thousands of aliases', chain(20_000), 'f.yaml:1002: more than 1000 aliases; write the values out'],
    ['a key twice', 'a: 1\nb: 2\na: 3\n', 'f.yaml:3: not valid YAML: the key a stands there twice'],
    [
      'a key twice, once as a number',
      '{1: a, "1": b}',
      'f.yaml:1: not valid YAML: the key 1 stands there twice',
    ],
    [
      'two documents',
      'a: 1\n---\nb: 2\n',
      "f.yaml:2: a second document begins here; one file holds one: remove what is below, and the '---'",
    ],
    ['a list for a key', 'a: 1\n[b]: 2\n', 'f.yaml:2: a key has to be plain text'],
    ['an alias for a key', 'a: &a [1]\n*a : 2\n', 'f.yaml:2: a key has to be plain text'],
    [
      'code of another program',
      'a: !!python/object/apply:os.system [ls]\n',
      /^f\.yaml:1: the tag .*python.* is not read/,
    ],
    ['bytes', 'a: !!binary aGk=\n', /^f\.yaml:1: the tag \S+binary is not read/],
    ['a set', 'a: !!set {b, c}\n', /^f\.yaml:1: the tag \S+set is not read/],
    ['a list that does not end', `a: [${'x, '.repeat(20_000)}\n`, /^f\.yaml:\d+: not valid YAML/],
    ['3 MB', 'a: x\n'.repeat(600_000), /^f\.yaml: larger than 2 MiB/],
  ])('%s', (_, text, message) => {
    const found = messageOf(text);
    if (typeof message === 'string') expect(found).toBe(message);
    else expect(found).toMatch(message);
    expect(found).not.toMatch(/\n/);
    expect(found.length).toBeLessThan(250);
  });
});

test('what is sound is read as before, without a word on the screen', () => {
  const warn = vi.spyOn(process, 'emitWarning');
  expect(parseYaml('', 'f').value).toBeUndefined();
  expect(parseYaml('a: &x {b: [1, 2]}\nc: *x\nd: *x\n', 'f').value).toEqual({
    a: { b: [1, 2] },
    c: { b: [1, 2] },
    d: { b: [1, 2] },
  });
  expect(parseYaml('a: !!str 5\n1: no\n', 'f').value).toEqual({ a: '5', 1: 'no' });
  expect(parseYaml(nested(100), 'f').value).toBeInstanceOf(Array);
  expect(Object.keys(parseYaml('__proto__:\n  x: 1\n', 'f').value as object)).toEqual(['__proto__']);
  expect(parseYaml('a: 1\n\nb: 2\n', 'f').lineAt(6)).toBe(3);
  expect(warn).not.toHaveBeenCalled();
});
