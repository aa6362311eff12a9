import { expect, test } from 'vitest';
import { compose, inverse, symmetries, symmetryMap, turnBack } from './symmetry.js';

const all = Array.from({ length: symmetries }, (_, k) => k);
const side = 4;
const picture = Array.from({ length: side * side }, (_, i) => i);
const turned = (image: readonly number[], k: number): number[] =>
  Array.from(symmetryMap(k, side), (from) => image[from]!);

test('the eight differ, and 0 changes nothing', () => {
  expect(new Set(all.map((k) => turned(picture, k).join())).size).toBe(8);
  expect(turned(picture, 0)).toEqual(picture);
});

test('one after the other is one of them, and each has one that undoes it', () => {
  for (const first of all) {
    expect(turned(turned(picture, first), inverse(first))).toEqual(picture);
    for (const second of all)
      expect(turned(picture, compose(first, second))).toEqual(turned(turned(picture, first), second));
  }
});

test('places come from where pixels come from', () => {
  const centre = (side - 1) / 2;
  for (const k of all)
    symmetryMap(k, side).forEach((from, to) => {
      const [x, y] = turnBack(k, (to % side) - centre, Math.floor(to / side) - centre);
      expect(from).toBe((y + centre) * side + x + centre);
    });
});
