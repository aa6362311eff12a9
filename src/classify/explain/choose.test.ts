import { expect, test } from 'vitest';
import { Random } from '../../random.js';
import type { ScoreRow } from '../scores.js';
import { chooseRows } from './choose.js';

const rows = Array.from({ length: 40 }, (_, i): ScoreRow => {
  const label = i % 4 === 0 ? 1 : 0;
  return { id: `i${i}`, group: `g${i}`, label, score: ((i * 7) % 40) / 40 };
});
const choose = (count: number, choice: 'lot' | 'errors', seed = 1): ScoreRow[] =>
  chooseRows(rows, count, { choice, threshold: 0.5, random: new Random(seed) });

test('by lot: half of each class, then what is left of the larger one; the seed decides', () => {
  const labels = choose(12, 'lot').map(({ label }) => label);
  expect(labels).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
  expect(choose(12, 'lot')).toEqual(choose(12, 'lot'));
  expect(choose(12, 'lot')).not.toEqual(choose(12, 'lot', 2));
  const all = choose(100, 'lot');
  expect(new Set(all.map(({ id }) => id)).size).toBe(40);
  expect(all.slice(20).every(({ label }) => label === 0)).toBe(true);
  // More images of one seed begin with the fewer.
  expect(choose(20, 'lot').slice(0, 12)).toEqual(choose(12, 'lot'));
});

test('errors: wrong calls alone, the surest of each kind first', () => {
  const found = choose(100, 'errors');
  for (const { label, score } of found) expect(score >= 0.5).toBe(label === 0);
  const missed = found.filter(({ label }) => label === 1).map(({ score }) => score);
  expect(missed.length).toBeGreaterThan(2);
  expect(missed).toEqual([...missed].sort((a, b) => a - b));
  expect(rows.filter(({ label, score }) => score >= 0.5 !== (label === 1))).toHaveLength(found.length);
});
