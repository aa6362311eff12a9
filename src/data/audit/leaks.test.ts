import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { explainLeaks, findLeaks, type LeakRow } from './leaks.js';
import type { LeakKind } from './result.js';

const splits = ['train', 'val', 'test'];

test('each kind of leak is found, counted on both sides and shown with ids of both', () => {
  const rows: LeakRow[] = [
    { id: 'a', split: 'train', patient: 'P', lesion: 'L', sha256: '11', group: 'G' },
    { id: 'b', split: 'train', patient: 'P' },
    { id: 'c', split: 'test', patient: 'P', lesion: 'L', sha256: '11', group: 'G' },
    { id: 'd', split: 'test', lesion: 'M' },
    { id: 'a', split: 'test' },
    { id: 'e', split: 'val', lesion: '', patient: '' },
    { id: 'f', split: 'test', lesion: '', patient: '' },
  ];
  const leaks = findLeaks(rows, splits, [
    ['b', 'gone'],
    ['gone', 'd'],
  ]);
  expect(leaks.map(({ kind }) => kind)).toEqual([
    'id',
    'file',
    'near-duplicate',
    'lesion',
    'patient',
    'group',
  ]);
  for (const { splits: pair } of leaks) expect(pair).toEqual(['train', 'test']);
  const of = (kind: LeakKind) => leaks.find((leak) => leak.kind === kind)!;
  expect(of('patient')).toMatchObject({ groups: 1, images: [2, 1], known: [2, 1] });
  expect(of('patient').examples).toEqual([{ key: 'P', ids: ['a', 'c', 'b'] }]);
  expect(of('lesion')).toMatchObject({ groups: 1, images: [1, 1], known: [1, 2] });
  // Over a picture that was left out: b ~ gone ~ d.
  expect(of('near-duplicate').examples).toEqual([{ key: 'b', ids: ['b', 'd'] }]);
  expect(of('id').examples).toEqual([{ key: 'a', ids: ['a'] }]);
  expect(of('id').known).toEqual([2, 4]);
});

test('what is shared within a split only, or not known, is no leak', () => {
  const rows = splits.flatMap((split) =>
    [0, 1, 2].map((i) => ({ id: `${split}${i}`, split, patient: i === 0 ? '' : split, lesion: '' })),
  );
  expect(findLeaks(rows, splits, [['train1', 'train2']])).toEqual([]);
});

describe('against a comparison of all pairs', () => {
  test.each([1, 2, 3])('random rows, seed %i', (seed) => {
    const random = new Random(seed);
    const rows = Array.from({ length: 150 }, (_, i) => ({
      id: `i${i}`,
      split: splits[random.int(3)]!,
      patient: random.chance(0.3) ? '' : `P${random.int(60)}`,
    }));
    for (const leak of findLeaks(rows, splits)) {
      const [first, second] = leak.splits;
      const own = (split: string) => rows.filter((row) => row.split === split && row.patient !== '');
      const touched = (split: string, other: string) =>
        own(split).filter((row) => own(other).some(({ patient }) => patient === row.patient));
      expect(leak.images).toEqual([touched(first, second).length, touched(second, first).length]);
      expect(leak.groups).toBe(new Set(touched(first, second).map(({ patient }) => patient)).size);
      expect(leak.known).toEqual([own(first).length, own(second).length]);
      // The largest come first.
      const sizes = leak.examples.map(
        ({ key }) => [...own(first), ...own(second)].filter(({ patient }) => patient === key).length,
      );
      expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    }
    expect(findLeaks(rows, splits)).toHaveLength(3);
  });
});

test('the sentence is on the smaller split, and on those of which it is known', () => {
  const rows: LeakRow[] = [
    ...Array.from({ length: 90 }, (_, i) => ({ id: `a${i}`, split: 'train', patient: `P${i}` })),
    ...Array.from({ length: 10 }, (_, i) => ({
      id: `b${i}`,
      split: 'test',
      patient: i < 5 ? `P${i < 4 ? i : 99}` : '',
    })),
  ];
  expect(explainLeaks(findLeaks(rows, splits), { train: 90, val: 0, test: 10 })).toEqual([
    '4 of the 5 images of test whose patient is known (80.0 %), 40.0 % of all 10, show a patient who is also in train.',
  ]);
});
