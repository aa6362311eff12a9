import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import type { ClassScoreRow, ScoreRow } from '../scores.js';
import { chooseClassRows, chooseRows } from './choose.js';

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

describe('of several classes', () => {
  const classes = ['nevus', 'melanoma', 'wart'];
  /** 24 nevi, 10 melanomas, 2 warts; every third image is called the next class, ever more surely. */
  const several = Array.from({ length: 36 }, (_, i): ClassScoreRow => {
    const truth = i < 24 ? 0 : i < 34 ? 1 : 2;
    const called = i % 3 === 0 ? (truth + 1) % 3 : truth;
    const probabilities = classes.map((_, k) => (k === called ? 0.5 + i / 100 : 0.25 - i / 200));
    return { id: `i${i}`, group: `g${i}`, label: classes[truth]!, probabilities };
  });
  const labels = (count: number, how: { choice: 'lot' | 'errors'; about?: string }): string[] =>
    chooseClassRows(several, count, { ...how, classes, random: new Random(3) }).map(({ label }) => label);

  test('by lot: every class in turn, as long as it has images; of one class, it and all others', () => {
    expect(labels(7, { choice: 'lot' })).toEqual([...classes, ...classes, 'nevus']);
    const all = chooseClassRows(several, 99, { choice: 'lot', classes, random: new Random(3) });
    expect(new Set(all.map(({ id }) => id)).size).toBe(36);
    const about = labels(20, { choice: 'lot', about: 'melanoma' });
    expect(about.filter((_, i) => i % 2 === 0)).toEqual(new Array(10).fill('melanoma'));
    expect(about.filter((_, i) => i % 2 === 1)).not.toContain('melanoma');
    const again = chooseClassRows(several, 99, { choice: 'lot', classes, random: new Random(4) });
    expect(again).not.toEqual(all);
  });

  test('errors: wrong calls alone, the surest of each class first; of one class, missed and falsely called', () => {
    const errors = chooseClassRows(several, 99, { choice: 'errors', classes, random: new Random(1) });
    expect(errors.map(({ id }) => Number(id.slice(1)) % 3)).toEqual(new Array(12).fill(0));
    const nevi = errors.filter(({ label }) => label === 'nevus').map(({ id }) => id);
    expect(nevi).toEqual(['i21', 'i18', 'i15', 'i12', 'i9', 'i6', 'i3', 'i0']);
    const about = chooseClassRows(several, 4, {
      choice: 'errors',
      about: 'melanoma',
      classes,
      random: new Random(1),
    });
    // Missed melanomas and nevi that are called so, in turn.
    expect(about.map(({ id }) => id)).toEqual(['i33', 'i21', 'i30', 'i18']);
  });
});
