import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { problem } from '../dataset/problems.js';
import { flowOf } from '../dataset/report.js';
import type { DuplicatePair } from '../duplicates/duplicates.js';
import { type Cleanable, removeDuplicates, writeCleaning } from './cleaning.js';
import { tornGroups } from './given-split.js';

const image = (id: string, label: string, sidePx = 100): Cleanable => ({
  id,
  label,
  name: `${id}.jpg`,
  table: '/somewhere/metadata.csv',
  line: 2,
  width: sidePx,
  height: sidePx,
});

const pair = (a: number, b: number, kind: 'exact' | 'near'): DuplicatePair => ({
  a,
  b,
  kind,
  correlation: 0.95,
  informative: 0.5,
  symmetry: 0,
});

const idsGone = (items: Cleanable[], { gone }: { gone: Set<number> }) =>
  [...gone].map((i) => items[i]!.id).sort();

describe('removeDuplicates', () => {
  const both = { exact: 'remove', near: 'remove' } as const;

  test('of copies of a file the first by id stays', () => {
    const items = [image('b', 'mel'), image('a', 'mel'), image('c', 'mel'), image('d', 'nev')];
    const cleaned = removeDuplicates(items, [pair(0, 1, 'exact'), pair(0, 2, 'exact')], both);
    expect(idsGone(items, cleaned)).toEqual(['b', 'c']);
    expect(cleaned.problems).toMatchObject([
      {
        kind: 'exact-duplicate',
        id: 'b',
        file: 'b.jpg',
        table: 'metadata.csv',
        line: 2,
        label: 'mel',
        detail: 'same bytes as a',
      },
      { kind: 'exact-duplicate', id: 'c' },
    ]);
  });

  test('what a given split tests on stays before what it trains on', () => {
    const items: Cleanable[] = [
      { ...image('a', 'mel', 200), split: 'train' },
      { ...image('b', 'mel'), split: 'test' },
      { ...image('c', 'mel'), split: 'val' },
    ];
    for (const kind of ['exact', 'near'] as const) {
      const cleaned = removeDuplicates(items, [pair(0, 1, kind), pair(0, 2, kind), pair(1, 2, kind)], both);
      expect(idsGone(items, cleaned)).toEqual(['a', 'c']);
    }
  });

  test('copies that disagree on the label all go, and say why', () => {
    const items = [image('a', 'mel'), image('b', 'nev'), image('c', 'nev')];
    const cleaned = removeDuplicates(items, [pair(0, 1, 'exact')], both);
    expect(idsGone(items, cleaned)).toEqual(['a', 'b']);
    expect(cleaned.problems.map(({ kind, detail }) => [kind, detail])).toEqual([
      ['conflicting-duplicate', 'same bytes, different labels: a mel, b nev'],
      ['conflicting-duplicate', 'same bytes, different labels: a mel, b nev'],
    ]);
  });

  test('of near-duplicates the largest stays', () => {
    const items = [image('a', 'mel', 64), image('b', 'mel', 128), image('c', 'mel', 96)];
    const cleaned = removeDuplicates(items, [pair(0, 1, 'near'), pair(1, 2, 'near')], both);
    expect(idsGone(items, cleaned)).toEqual(['a', 'c']);
    expect(cleaned.problems[0]!.detail).toMatch(/^near-duplicate of b \(details correlate at 0\.950\)$/);
  });

  test('a picture that is like a removed one only is kept', () => {
    // The middle one goes for the largest; the smallest is like the middle one alone.
    const items = [image('large', 'mel', 128), image('middle', 'mel', 96), image('small', 'mel', 64)];
    const cleaned = removeDuplicates(items, [pair(0, 1, 'near'), pair(1, 2, 'near')], both);
    expect(idsGone(items, cleaned)).toEqual(['middle']);
  });

  test('near-duplicates with different labels stay', () => {
    const items = [image('a', 'mel'), image('b', 'nev')];
    expect(removeDuplicates(items, [pair(0, 1, 'near')], both).gone.size).toBe(0);
  });

  test('what is to be grouped stays', () => {
    const items = [image('a', 'mel'), image('b', 'mel'), image('c', 'mel')];
    const pairs = [pair(0, 1, 'exact'), pair(1, 2, 'near')];
    expect(removeDuplicates(items, pairs, { exact: 'group', near: 'group' }).problems).toEqual([]);
    expect(idsGone(items, removeDuplicates(items, pairs, { exact: 'group', near: 'remove' }))).toEqual(['c']);
  });
});

test('groups that a split tears apart, and where they are best protected', () => {
  const torn = tornGroups([
    { group: 'p1', split: 'train' },
    { group: 'p1', split: 'val' },
    { group: 'p1', split: 'train' },
    { group: 'p2', split: 'test' },
    { group: 'p2', split: 'val' },
    { group: 'p3', split: 'train' },
    { group: 'p3', split: 'train' },
  ]);
  expect([...torn]).toEqual([
    ['p1', { most: 'val', images: 3 }],
    ['p2', { most: 'test', images: 2 }],
  ]);
});

test('the flow begins with all that was found and ends with the dataset; doubts and files do not count', () => {
  const flow = flowOf(
    ['mel', 'nev', 'nev'],
    [
      problem('near-duplicate', { label: 'nev' }),
      problem('unknown-label', { label: 'unknown' }),
      problem('empty-label', {}),
      problem('file-without-row', { file: 'x.jpg' }),
      problem('label-conflict', { label: 'mel' }),
    ],
  );
  expect(flow).toEqual([
    { stage: 'found', text: 'found', images: 6, byLabel: { '': 1, mel: 1, nev: 3, unknown: 1 } },
    {
      stage: 'empty-label',
      text: 'rows without a label',
      images: 5,
      byLabel: { mel: 1, nev: 3, unknown: 1 },
    },
    { stage: 'unknown-label', text: 'rows with an unknown label', images: 4, byLabel: { mel: 1, nev: 3 } },
    { stage: 'near-duplicate', text: 'near-duplicates of an image', images: 3, byLabel: { mel: 1, nev: 2 } },
  ]);
});

test('cleaning.csv has a line for each, removals first', () => {
  const dir = mkdtempSync(join(tmpdir(), 'graft-cleaning-'));
  try {
    const path = join(dir, 'cleaning.csv');
    writeCleaning(path, [
      problem('label-conflict', { id: 'a', detail: 'x, "y"' }),
      problem('missing-id', { table: 'm.csv', line: 7 }),
    ]);
    expect(readFileSync(path, 'utf8')).toBe(
      'reason,removed,id,file,table,line,label,detail\nmissing-id,yes,,,m.csv,7,,\nlabel-conflict,no,a,,,,,"x, ""y"""\n',
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});
