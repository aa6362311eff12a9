import { describe, expect, test } from 'vitest';
import { quantile } from '../stats/bootstrap.js';
import { demographicsOf, testSubgroups } from './demographics.js';

const rows = Array.from({ length: 120 }, (_, i) => ({
  id: `I${i}`,
  label: i % 4 === 0 ? 'malignant' : 'benign',
  split: (['train', 'train', 'val', 'test'] as const)[Math.floor(i / 30)]!,
  extra: {
    sex: i % 10 === 3 ? 'unknown' : i % 2 === 0 ? 'female' : 'male',
    age_approx: String(20 + 5 * (i % 13)),
    patient_id: `P${i}`,
    comment: `free text ${i}`,
    dx: 'nevus',
  },
}));

describe('demographics', () => {
  const demographics = demographicsOf(rows, ['benign', 'malignant']);

  test('are of sex and age: neither names nor free text, nor what is alike in all', () => {
    expect(demographics.map(({ column }) => column)).toEqual(['sex', 'age_approx']);
    expect(JSON.stringify(demographics)).not.toMatch(/P\d|free text/);
  });

  test('count every image of a split and class once', () => {
    for (const { cells } of demographics) {
      for (const { split, label, values, missing } of cells) {
        const own = rows.filter((row) => row.split === split && row.label === label);
        expect(Object.values(values).reduce((sum, n) => sum + n, missing)).toBe(own.length);
      }
      expect(cells).toHaveLength(6);
    }
    expect(demographics[0]!.cells.reduce((sum, { missing }) => sum + missing, 0)).toBe(12);
  });

  test('numbers have quartiles, words have none', () => {
    const [sex, age] = demographics;
    expect(sex!.cells.every(({ quartiles }) => quartiles === null)).toBe(true);
    const own = rows.filter(({ split, label }) => split === 'test' && label === 'benign');
    const ages = own.map(({ extra }) => Number(extra.age_approx));
    expect(age!.cells.find(({ split, label }) => split === 'test' && label === 'benign')!.quartiles).toEqual(
      [0.25, 0.5, 0.75].map((share) => quantile(ages, share)),
    );
  });
});

test('subgroups: one value a test image, in its order; bands of ages, nothing where it is missing', () => {
  const ids = ['I93', 'I90', 'I119'];
  expect(testSubgroups(rows, [{ test: { ids } }, { test: { ids: ['I0', 'nobody'] } }])).toEqual([
    {
      column: 'sex',
      folds: [
        ['', 'female', 'male'],
        ['female', ''],
      ],
    },
    {
      column: 'age_approx',
      folds: [
        ['20 to 39', '80 to 99', '20 to 39'],
        ['20 to 39', ''],
      ],
    },
  ]);
});
