import { Random } from 'graft-torch/base';
import { expect, test } from 'vitest';
import { readingOf } from '../report/records.js';
import type { ImageSet } from './image-set.js';
import { setCautions } from './set-cautions.js';

const SIDE = 12;
const EACH = 3 * SIDE * SIDE;

function noise(n: number, seed: number): ImageSet {
  const random = new Random(seed);
  const data = Uint8Array.from({ length: n * EACH }, () => random.int(256));
  return { data, n, height: SIDE, width: SIDE };
}

/** Where images of another set are put in. */
function planted(set: ImageSet, from: ImageSet, count: number): ImageSet {
  const data = set.data.slice();
  data.set(from.data.subarray(0, count * EACH));
  return { ...set, data };
}

const flat = (n: number): ImageSet => ({
  data: new Uint8Array(n * EACH).fill(90),
  n,
  height: SIDE,
  width: SIDE,
});
const kinds = (real: ImageSet, synthetic: ImageSet): string[] =>
  setCautions({ real, synthetic }).map(({ kind }) => kind);

test('sets of different pictures give nothing to say', () => {
  expect(setCautions({ real: noise(60, 1), synthetic: noise(60, 2) })).toEqual([]);
});

test('copies are counted, one is enough', () => {
  const [real, synthetic] = [noise(60, 1), noise(60, 2)];
  expect(setCautions({ real, synthetic: planted(synthetic, real, 1) })[0]!.words).toContain(
    '1 of 60 synthetic images are real images, pixel for pixel',
  );
});

test('images of one colour, and one image many times, are no set; so on the real side', () => {
  const real = noise(60, 1);
  expect(kinds(real, flat(60))).toEqual(['degenerate', 'degenerate']);
  expect(kinds(flat(60), real)).toEqual(['degenerate', 'degenerate']);
  const one = noise(1, 3);
  const repeated = { ...noise(60, 2) };
  repeated.data = repeated.data.slice();
  for (let i = 0; i < 60; i++) repeated.data.set(one.data, i * EACH);
  expect(setCautions({ real, synthetic: repeated }).map(({ words }) => words)).toEqual([
    'The 60 synthetic images are 1 different one: figures of such a set mean nothing.',
  ]);
  // A few flat frames among many happen.
  expect(kinds(real, planted(noise(60, 2), flat(60), 1))).toEqual([]);
});

test('five images are too few', () => {
  expect(setCautions({ real: noise(60, 1), synthetic: noise(5, 2) })[0]!.words).toBe(
    '5 synthetic images are too few to judge a set by: take 50 or more.',
  );
});

test('a figure without a floor, or that is no number, has no reading that flatters', () => {
  const record = {
    ...{ metric: 'frechet', name: 'FD', unit: '', better: 'lower' as const, class: null, value: 1, sd: null },
    ...{ interval: [0.9, 1.1] as [number, number], n: { real: 60, synthetic: 60 }, protocol: {} },
  };
  const words = { better: 'better', worse: 'worse', overlap: 'overlap' };
  const floor = { value: 1, interval: [0.9, 1.1] as [number, number], matched: null };
  expect(readingOf({ ...record, floor }, words)).toBe('overlap');
  expect(readingOf({ ...record, floor: null }, words)).toBe('cannot be read: no floor');
  const none = { ...floor, value: Number.NaN, interval: [Number.NaN, Number.NaN] as [number, number] };
  expect(readingOf({ ...record, floor: none }, words)).toBe('');
});
