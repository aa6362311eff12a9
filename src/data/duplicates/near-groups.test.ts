import { expect, test } from 'vitest';
import type { DuplicatePair } from './duplicates.js';
import { evidenceOf } from './near.js';
import { joiningPairs, nearDoubts, restingOnPixels } from './near-groups.js';

const pair = (a: number, b: number, correlation: number): DuplicatePair => ({
  a,
  b,
  kind: 'near',
  correlation,
  informative: 0.64,
  symmetry: 0,
});
const [sure, weak] = [0.9, 0.7];
const ends = (pairs: readonly DuplicatePair[]) => pairs.map(({ a, b }) => [a, b]);

test('one pair is certain, the other is not', () => {
  expect(evidenceOf(pair(0, 1, sure))).toBeCloseTo(Math.atanh(0.9) * 0.8, 12);
  expect(evidenceOf(pair(0, 1, sure))).toBeGreaterThan(0.9);
  expect(evidenceOf(pair(0, 1, weak))).toBeLessThan(0.9);
});

test('a single weak link does not make one group of two', () => {
  const two = [pair(0, 1, sure), pair(0, 2, sure), pair(3, 4, sure), pair(3, 5, sure)];
  const { joining, apart } = joiningPairs(6, [...two, pair(2, 3, weak)]);
  expect(ends(joining)).toEqual(ends(two));
  expect(ends(apart)).toEqual([[2, 3]]);
});

test('a chain of certain pairs is one group, and so are two groups of which half the pairs are alike', () => {
  const chain = [pair(0, 1, sure), pair(1, 2, sure), pair(2, 3, sure)];
  expect(joiningPairs(4, chain).apart).toEqual([]);
  const across = [pair(0, 1, sure), pair(2, 3, sure), pair(0, 2, weak), pair(1, 3, weak)];
  expect(joiningPairs(4, across).apart).toEqual([]);
  expect(joiningPairs(2, [pair(0, 1, weak)]).apart).toEqual([]);
});

test('copies of a file and pairs that somebody named join whatever the policy', () => {
  const named: DuplicatePair = { ...pair(0, 1, 0), informative: 0 };
  const exact: DuplicatePair = { ...pair(1, 2, 1), kind: 'exact' };
  for (const policy of ['group', 'remove', 'keep'] as const)
    expect(joiningPairs(4, [named, exact], policy).apart).toEqual([]);
  expect(ends(joiningPairs(4, [exact, pair(2, 3, sure)], 'keep').joining)).toEqual([[1, 2]]);
});

test('many pairs, or a large set, call for a look; a few in a small dataset do not', () => {
  const ids = Array.from({ length: 100 }, (_, i) => `image ${i}`);
  const doubts = (pairs: DuplicatePair[], policy: 'group' | 'keep' = 'group') =>
    nearDoubts(ids, joiningPairs(ids.length, pairs, policy), policy).map(({ kind, detail }) => [
      kind,
      detail,
    ]);
  const some = Array.from({ length: 11 }, (_, k) => pair(2 * k, 2 * k + 1, sure));
  expect(doubts(some.slice(0, 10))).toEqual([]);
  const many = [
    [
      'many-near-duplicates',
      '11 near-duplicate pairs among 100 images, the largest set of 2: look at near-duplicates.png in the dataset’s folder; if different pictures are among them, raise --near-evidence or give --near-duplicates keep',
    ],
  ];
  expect(doubts(some)).toEqual(many);
  expect(doubts(some, 'keep')).toEqual(many);
  expect(doubts(Array.from({ length: 5 }, (_, k) => pair(k, k + 1, sure)))[0]![1]).toMatch(
    /^5 near-duplicate pairs among 100 images, the largest set of 6/,
  );
  const bridge = [pair(0, 1, sure), pair(0, 2, sure), pair(3, 4, sure), pair(3, 5, sure), pair(2, 3, weak)];
  expect(doubts(bridge)).toEqual([
    ['alike-apart', expect.stringMatching(/^alike to image 2 \(evidence 0\.69\)/)],
  ]);
});

test('pairs of one lesion call for no look, unless one of the two is removed', () => {
  const items = Array.from({ length: 4000 }, (_, i) => ({
    id: `image ${i}`,
    patients: [],
    lesions: i < 3000 ? [`lesion ${i >> 1}`] : [],
  }));
  const ids = items.map(({ id }) => id);
  const known = Array.from({ length: 1500 }, (_, k) => pair(2 * k, 2 * k + 1, sure));
  const [unknown, chained] = [pair(3000, 3001, sure), pair(0, 2, sure)];
  const joined = joiningPairs(items.length, [...known, unknown, chained]);
  const grouped = restingOnPixels(items, joined, 'group');
  expect(grouped).toEqual({ joining: [unknown, chained], apart: [] });
  expect(nearDoubts(ids, grouped, 'group')).toEqual([]);
  expect(restingOnPixels(items, { joining: [], apart: known.slice(0, 1) }, 'keep').apart).toEqual([]);
  const [doubt] = nearDoubts(ids, restingOnPixels(items, joined, 'remove'), 'remove');
  expect(doubt!.detail).toMatch(/^1,502 near-duplicate pairs among 4,000 images, the largest set of 4: /);
});
