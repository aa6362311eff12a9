import { describe, expect, test } from 'vitest';
import type { DatasetRow, Split } from '../dataset/dataset.js';
import { compareFit, type Fit, type Held, NOTHING_SEEN, rootsOf, seenOf, withheld } from './fitted.js';

const row = (name: string, split: Split, more: Partial<DatasetRow> = {}): DatasetRow => ({
  id: name,
  file: `${name}.png`,
  label: 'mel',
  group: `p-${name}`,
  split,
  sha256: `bytes of ${name}`,
  width: 8,
  height: 8,
  extra: {},
  ...more,
});
const held = (rows: readonly DatasetRow[], roots = ['here']): Held => ({ rows, roots, of: null });
const fitTo = (parts: Partial<Record<'train' | 'val', DatasetRow[]>>, roots = ['here']): Fit => ({
  artefact: 'run',
  kind: 'classifier',
  via: [],
  dataset: { name: 'theirs', hash: roots[0]!, roots },
  train: seenOf(parts.train ?? []),
  val: seenOf(parts.val ?? []),
  unknown: null,
});

const [a, b, c] = [row('a', 'train'), row('b', 'val'), row('c', 'test')];
const here = held([a, b, c]);

describe('what counts as seen', () => {
  test.each([
    ['trained on training images', { train: [a] }, []],
    ['trained on validation images', { train: [b] }, ['p-b']],
    ['trained on test images', { train: [a, c] }, ['p-c']],
    ['chosen by the same validation images, as every run is', { train: [a], val: [b] }, []],
    ['chosen by test images', { val: [c] }, ['p-c']],
  ])('%s', (_, parts, leaked) => {
    expect(compareFit(fitTo(parts), here)).toEqual({ leaked, unknown: null });
  });
});

describe('another dataset', () => {
  const elsewhere = ['there'];

  test('the same file under another name and group is the evaluated image', () => {
    const copy = row('x', 'train', { sha256: c.sha256 });
    expect(compareFit(fitTo({ train: [copy] }, elsewhere), here).leaked).toEqual(['p-c']);
  });

  test('group and id are the evaluated image in other bytes', () => {
    const resized = { ...c, sha256: 'resized' };
    expect(compareFit(fitTo({ train: [resized] }, elsewhere), here).leaked).toEqual(['p-c']);
  });

  test('a shared image makes the names of groups mean the same', () => {
    const other = row('y', 'train', { group: c.group });
    expect(compareFit(fitTo({ train: [a, other] }, elsewhere), here).leaked).toEqual(['p-c']);
  });

  test('a group’s name alone does not tell: it is unknown, and named', () => {
    const namesake = row('y', 'train', { group: c.group });
    const { leaked, unknown } = compareFit(fitTo({ train: [namesake] }, elsewhere), here);
    expect(leaked).toEqual([]);
    expect(unknown).toMatch(/learned from theirs, where 1 groups are called like .*\(p-c\).*cannot be told/);
  });

  test('nothing in common: pictures were not compared, and that is said', () => {
    const { leaked, unknown } = compareFit(fitTo({ train: [row('z', 'train')] }, elsewhere), here);
    expect(leaked).toEqual([]);
    expect(unknown).toMatch(/pictures were not compared/);
  });

  test('all its files are here, and none is evaluated: known', () => {
    expect(compareFit(fitTo({ train: [a] }, elsewhere), here)).toEqual({ leaked: [], unknown: null });
  });

  test('a dataset made from the same one keeps its names', () => {
    const resized = row('q', 'train', { group: c.group });
    const found = compareFit(
      fitTo({ train: [resized] }, ['there', 'source']),
      held(here.rows, ['here', 'source']),
    );
    expect(found).toEqual({ leaked: ['p-c'], unknown: null });
  });

  test('phantoms of another seed are others, whatever they are called; of the same seed they are not', () => {
    const twin = { ...c, sha256: 'other' };
    const of = (seed: number) => ['there', `phantoms:${seed}`];
    const phantoms = held(here.rows, ['here', 'phantoms:1']);
    expect(compareFit(fitTo({ train: [twin] }, of(2)), phantoms)).toEqual({ leaked: [], unknown: null });
    expect(compareFit(fitTo({ train: [twin] }, of(1)), phantoms).leaked).toEqual(['p-c']);
  });
});

test('older records have names of groups alone, which are believed', () => {
  const old: Fit = {
    ...fitTo({}, ['there']),
    train: { groups: ['p-c'], files: null, names: null },
    val: NOTHING_SEEN,
  };
  expect(compareFit(old, here).leaked).toEqual(['p-c']);
  expect(compareFit({ ...old, train: { ...old.train, groups: ['p-a'] } }, here)).toEqual({
    leaked: [],
    unknown: null,
  });
  expect(compareFit({ ...old, train: { ...old.train, groups: ['p-q'] } }, here).unknown).toMatch(/theirs/);
});

test('a file that is passed on knows images, and names nobody', () => {
  const passed = withheld(fitTo({ train: [a, c] }));
  expect(JSON.stringify(passed)).not.toContain('p-c');
  expect(compareFit(passed, here).leaked).toEqual(['p-c']);
  // Made of the same images at another size: nothing tells.
  const resized = held(
    here.rows.map((one) => ({ ...one, sha256: `${one.sha256}, resized` })),
    ['small', 'here'],
  );
  expect(compareFit(passed, resized)).toEqual({ leaked: [], unknown: expect.stringMatching(/theirs/) });
});

test('roots: folds, sizes and parts of a dataset lead back to it', () => {
  const imported = { hash: 'i', kind: 'images', provenance: { importer: 'x' } } as const;
  const prepared = {
    hash: 'p',
    kind: 'images',
    provenance: { source: { name: 'i', hash: 'i', provenance: imported.provenance }, sizePx: 64 },
  } as const;
  const variant = {
    hash: 'v',
    kind: 'images',
    provenance: { of: { name: 'p', hash: 'p' }, folds: 2, source: prepared.provenance },
  } as const;
  expect(rootsOf(variant)).toEqual(['v', 'p', 'i']);
  expect(rootsOf({ hash: 'h', kind: 'phantom', provenance: { generator: 'g', seed: 4 } })).toEqual([
    'h',
    'phantoms:4',
  ]);
});
