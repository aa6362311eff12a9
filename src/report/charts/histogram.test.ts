import { expect, test } from 'vitest';
import { sharesOf } from './histogram.js';

test('shares add up to all values, whichever bin they fall into', () => {
  expect(sharesOf([0, 0.1, 0.5, 1, 1], { low: 0, high: 1, bins: 4 })).toEqual([0.4, 0, 0.2, 0.4]);
  expect(sharesOf([-1, 2], { low: 0, high: 1, bins: 2 })).toEqual([0.5, 0.5]);
});
