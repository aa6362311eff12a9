import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { type Selectable, select, shareOut } from './select.js';

/** 600 / 60 in train, 100 / 10 in test. */
const images: Selectable[] = [
  ...Array.from({ length: 600 }, (_, i) => ({ label: 'benign', split: 'train', id: `a${i}` })),
  ...Array.from({ length: 60 }, (_, i) => ({ label: 'malignant', split: 'train', id: `b${i}` })),
  ...Array.from({ length: 100 }, (_, i) => ({ label: 'benign', split: 'test', id: `c${i}` })),
  ...Array.from({ length: 10 }, (_, i) => ({ label: 'malignant', split: 'test', id: `d${i}` })),
].map((one) => ({ ...one, file: `images/${one.id}.png` }));

function counts(kept: readonly number[]): Record<string, number> {
  const n: Record<string, number> = {};
  for (const i of kept) {
    const key = `${images[i]!.split} ${images[i]!.label}`;
    n[key] = (n[key] ?? 0) + 1;
  }
  return n;
}

describe('select', () => {
  test('cuts the majority in train alone, unless asked', () => {
    expect(counts(select(images, { majorityRatio: 2.5, seed: 1 }).kept)).toEqual({
      'train benign': 150,
      'train malignant': 60,
      'test benign': 100,
      'test malignant': 10,
    });
    const everywhere = select(images, { majorityRatio: 1, cutSplits: ['train', 'val', 'test'], seed: 1 });
    expect(counts(everywhere.kept)).toEqual({
      'train benign': 60,
      'train malignant': 60,
      'test benign': 10,
      'test malignant': 10,
    });
    expect(everywhere.problems.filter(({ kind }) => kind === 'majority-cut')).toHaveLength(630);
  });

  test('reduces in the ratio of classes and splits; every other image has a receipt', () => {
    const { kept, problems } = select(images, { reduceTo: 77, seed: 1 });
    expect(counts(kept)).toEqual({
      'train benign': 60,
      'train malignant': 6,
      'test benign': 10,
      'test malignant': 1,
    });
    expect(new Set([...kept.map((i) => images[i]!.id), ...problems.map(({ id }) => id)]).size).toBe(770);
    expect(problems).toHaveLength(770 - 77);
  });

  test('the seed decides, the order does not', () => {
    const chosen = (list: readonly Selectable[], seed: number): string[] =>
      select(list, { reduceTo: 50, majorityRatio: 3, seed })
        .kept.map((i) => list[i]!.id)
        .sort();
    const shuffled = new Random(5).shuffle([...images]);
    expect(chosen(shuffled, 1)).toEqual(chosen(images, 1));
    expect(chosen(images, 2)).not.toEqual(chosen(images, 1));
  });

  test('more than there are: all', () => {
    expect(select(images, { reduceTo: 5000, seed: 0 })).toMatchObject({ problems: [] });
  });
});

describe('shareOut', () => {
  test('sums to the total, within one of the exact share, and leaves nobody without', () => {
    const random = new Random(3);
    for (let round = 0; round < 200; round++) {
      const sizes = Array.from({ length: 2 + random.int(6) }, () => 1 + random.int(300));
      const all = sizes.reduce((a, b) => a + b, 0);
      const total = sizes.length + random.int(all - sizes.length + 1);
      const shares = shareOut(sizes, total);
      expect(shares.reduce((a, b) => a + b, 0)).toBe(total);
      shares.forEach((share, i) => {
        expect(share).toBeGreaterThanOrEqual(1);
        expect(share).toBeLessThanOrEqual(sizes[i]!);
        // A guaranteed one may cost the largest strata some.
        expect(share).toBeLessThan((sizes[i]! * total) / all + 1 + 1e-9);
      });
    }
  });
  test('fewer than strata', () => {
    expect(shareOut([100, 10, 1], 2)).toEqual([1, 1, 0]);
  });
});
