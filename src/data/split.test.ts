import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import { Random } from '../random.js';
import { splits } from './dataset.js';
import { assignFolds, assignSplits, defaultFractions, parseFractions, strataOf } from './split.js';

interface Item {
  group: string;
  label: string;
}

/** Groups of 1 … maxSize images, mostly of one class. */
function randomItems(seed: number, groups: number, maxSize: number): Item[] {
  const random = new Random(seed);
  const items: Item[] = [];
  for (let g = 0; g < groups; g++) {
    const main = random.chance(0.2) ? 'rare' : random.chance(0.3) ? 'second' : 'common';
    const size = random.chance(0.6) ? 1 : 1 + random.int(maxSize);
    for (let i = 0; i < size; i++)
      items.push({ group: `g${g}`, label: random.chance(0.9) ? main : 'common' });
  }
  return random.shuffle(items);
}

const countOf = (
  items: readonly Item[],
  assigned: readonly string[],
  split: string,
  label?: string,
): number =>
  items.filter((item, i) => assigned[i] === split && (label === undefined || item.label === label)).length;

describe('assignSplits', () => {
  test.each(Array.from({ length: 25 }, (_, seed) => seed))('seed %i: groups whole, ratios kept', (seed) => {
    const maxSize = [1, 3, 12][seed % 3]!;
    const fractions = seed % 2 ? defaultFractions : { train: 0.5, val: 0.2, test: 0.3 };
    const items = randomItems(seed, 300, maxSize);
    const assigned = assignSplits(items, fractions, seed);
    const splitOf = new Map<string, string>();
    items.forEach((item, i) => {
      expect(splitOf.get(item.group) ?? assigned[i]).toBe(assigned[i]);
      splitOf.set(item.group, assigned[i]!);
    });
    for (const label of [undefined, 'rare', 'second', 'common'])
      for (const split of splits) {
        const total = items.filter((item) => label === undefined || item.label === label).length;
        const off = Math.abs(countOf(items, assigned, split, label) - fractions[split] * total);
        expect(off, `${label ?? 'all'} in ${split}`).toBeLessThanOrEqual(Math.max(2, maxSize));
      }
  });

  test('repeated lesions are shared out as well, not all put in training', () => {
    const items = [
      ...Array.from({ length: 200 }, (_, i) => ({ group: `one${i}`, label: 'a' })),
      ...Array.from({ length: 80 }, (_, i) => ({ group: `two${i >> 1}`, label: 'a' })),
    ];
    const assigned = assignSplits(items, defaultFractions, 0);
    const pairs = items.map((item, i) => (item.group.startsWith('two') ? assigned[i] : ''));
    expect(splits.map((split) => pairs.filter((one) => one === split).length)).toEqual([56, 12, 12]);
  });

  test('the seed decides, the order of the items does not', () => {
    const items = randomItems(1, 100, 4);
    const byGroup = (list: readonly Item[], seed: number): Record<string, string> => {
      const assigned = assignSplits(list, defaultFractions, seed);
      return Object.fromEntries(list.map((item, i) => [item.group, assigned[i]!]));
    };
    expect(byGroup([...items].reverse(), 1)).toEqual(byGroup(items, 1));
    expect(byGroup(items, 2)).not.toEqual(byGroup(items, 1));
  });

  test('a split of nothing stays empty', () => {
    const assigned = assignSplits(randomItems(3, 50, 3), parseFractions('80/20/0'), 0);
    expect(assigned).not.toContain('test');
    expect(assigned).toContain('val');
  });
});

describe('parseFractions', () => {
  test('per cent or shares', () => {
    expect(parseFractions('70/15/15')).toEqual({ train: 0.7, val: 0.15, test: 0.15 });
    expect(parseFractions('0.6 / 0.2 / 0.2')).toEqual({ train: 0.6, val: 0.2, test: 0.2 });
  });
  test.each(['70/30', '70/20/20', 'a/b/c', '0/50/50', '120/-10/-10', '100//', ''])('refuses %s', (text) => {
    expect(() => parseFractions(text)).toThrow(ConfigError);
  });
});

describe('assignFolds', () => {
  test.each([2, 5, 10])('%i folds: groups whole, each class shared out evenly', (k) => {
    const items = randomItems(8, 300, 3);
    const folds = assignFolds(items, k, 1);
    const foldOf = new Map<string, number>();
    items.forEach((item, i) => {
      expect(foldOf.get(item.group) ?? folds[i]).toBe(folds[i]);
      foldOf.set(item.group, folds[i]!);
    });
    for (const label of ['rare', 'second', 'common'])
      for (let fold = 1; fold <= k; fold++) {
        const own = items.filter((item, i) => item.label === label && folds[i] === fold).length;
        const all = items.filter((item) => item.label === label).length;
        expect(Math.abs(own - all / k), `${label} in fold ${fold}`).toBeLessThanOrEqual(3);
      }
  });
  test('more folds than groups are refused', () => {
    expect(() => assignFolds(randomItems(1, 4, 1), 5, 0)).toThrow(
      /5 folds need as many groups, but there are 4/,
    );
  });
});

describe('strata', () => {
  /** Sites that are far from even, and an age, for each of many single images. */
  const random = new Random(21);
  const rows = Array.from({ length: 400 }, () => ({
    site: random.chance(0.1) ? 'palm' : random.chance(0.3) ? 'head' : 'torso',
    age: random.chance(0.1) ? '' : String(20 + random.int(60)),
  }));

  test('values are strata; many numbers become quarters; what is missing is a stratum', () => {
    const strata = strataOf(rows, ['site', 'age']);
    const names = new Set(strata.flat());
    expect([...names].sort()).toEqual([
      'age band 1',
      'age band 2',
      'age band 3',
      'age band 4',
      'age missing',
      'site head',
      'site palm',
      'site torso',
    ]);
    const oldest = rows.findIndex(({ age }) => age === '79');
    const youngest = rows.findIndex(({ age }) => age === '20');
    expect([strata[youngest]![1], strata[oldest]![1]]).toEqual(['age band 1', 'age band 4']);
    const sizes = [1, 2, 3, 4].map((band) => strata.filter(([, age]) => age === `age band ${band}`).length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(30);
  });

  test('are shared out within each class; without them they are not', () => {
    const items = rows.map(({ site }, i) => ({ group: `g${i}`, label: i % 5 ? 'common' : 'rare', site }));
    const strata = strataOf(rows, ['site']);
    const worst = (assigned: readonly string[]): number =>
      Math.max(
        ...splits.flatMap((split) =>
          ['palm', 'head', 'torso'].flatMap((site) =>
            ['rare', 'common'].map((label) => {
              const all = items.filter((item) => item.site === site && item.label === label).length;
              const own = items.filter(
                (item, i) => item.site === site && item.label === label && assigned[i] === split,
              ).length;
              return Math.abs(own - all * defaultFractions[split]);
            }),
          ),
        ),
      );
    const even = items.map((item, i) => ({ ...item, strata: strata[i]! }));
    expect(worst(assignSplits(even, defaultFractions, 3))).toBeLessThanOrEqual(1);
    expect(worst(assignSplits(items, defaultFractions, 3))).toBeGreaterThan(3);
  });
});
