import { expect, test } from 'vitest';
import { duration, list, percent, pValue, shortened, signed, whole } from './format.js';

test('signs, and no negative zero', () => {
  expect([signed(0.0123), signed(-0.004), signed(-0.0001)]).toEqual(['+0.012', '−0.004', '0.000']);
});

test('p-values are never 0 or 1', () => {
  expect([pValue(0.0002), pValue(0.034), pValue(0.5), pValue(1)]).toEqual([
    '< 0.001',
    '= 0.034',
    '= 0.50',
    '> 0.99',
  ]);
});

test('shares never round to none or all', () => {
  expect([0, 1e-5, 0.1878, 0.99999, 1].map(percent)).toEqual([
    '0.0 %',
    '< 0.1 %',
    '18.8 %',
    '> 99.9 %',
    '100.0 %',
  ]);
});

test('numbers with commas, durations, lists', () => {
  expect(whole(22_922)).toBe('22,922');
  expect([duration(42), duration(1300), duration(11_100)]).toEqual(['42 s', '22 min', '3 h 05 min']);
  expect([list(['a']), list(['a', 'b', 'c'])]).toEqual(['a', 'a, b and c']);
  expect([shortened('basal cell', 10), shortened('basal cell', 7)]).toEqual(['basal cell', 'basal…']);
});
