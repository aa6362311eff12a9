import { Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { groupPermutation } from './groups.js';

test('without groups: a permutation of the labels, each as often', () => {
  const labels = [1, 1, 0, 0, 0];
  const draw = groupPermutation(labels);
  const random = new Random(1);
  const counts = new Array<number>(5).fill(0);
  for (let i = 0; i < 2000; i++) {
    const drawn = draw(random);
    expect(drawn.reduce((sum, label) => sum + label, 0)).toBe(2);
    drawn.forEach((label, at) => {
      counts[at]! += label;
    });
  }
  // 800 expected, standard deviation 22.
  for (const count of counts) expect(Math.abs(count - 800)).toBeLessThan(100);
});

test('groups of one size change places as wholes', () => {
  const groups = Array.from({ length: 90 }, (_, i) => `g${Math.floor(i / 3)}`);
  const labels = groups.map((_, i) => (i < 30 ? 1 : 0)); // ten groups of positives
  const drawn = groupPermutation(labels, groups)(new Random(2));
  for (let i = 0; i < 90; i += 3) expect(new Set(drawn.subarray(i, i + 3)).size).toBe(1);
  expect(drawn.reduce((sum, label) => sum + label, 0)).toBe(30);
  expect([...drawn]).not.toEqual(labels);
});

test('rare sizes find partners of like size; every label comes from a donor', () => {
  const sizes = [...Array<number>(40).fill(1), 3, 4, 5, 6, 7];
  const groups = sizes.flatMap((size, g) => Array<string>(size).fill(`g${g}`));
  // The five large groups are positive, and all singles negative.
  const labels = groups.map((group) => (Number(group.slice(1)) >= 40 ? 1 : 0));
  const draw = groupPermutation(labels, groups);
  const random = new Random(3);
  let moved = 0;
  for (let i = 0; i < 50; i++) {
    const drawn = draw(random);
    for (let g = 0; g < 45; g++) {
      const own = drawn.filter((_, at) => groups[at] === `g${g}`);
      expect(new Set(own).size).toBe(1);
      if (g >= 40 && own[0] === 0) moved++;
    }
  }
  expect(moved).toBeGreaterThan(100);
});
