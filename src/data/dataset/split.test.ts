import { ConfigError, Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
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

describe('the promise of docs/data.md: a class is in every part that it has groups for', () => {
  /** Groups of one class each, or now and then of two, as a patient with a nevus and a melanoma; a long tail of classes. */
  function randomStructure(
    seed: number,
    mixed: boolean,
  ): { items: Item[]; groupsOf: Map<string, Set<string>> } {
    const random = new Random(seed);
    const items: Item[] = [];
    const groupsOf = new Map<string, Set<string>>();
    const classes = 1 + random.int(8);
    const most = random.chance(0.5) ? 1 : 1 + random.int(30);
    let group = 0;
    for (let c = 0; c <= classes; c++) {
      const groups = c === 0 ? 20 + random.int(200) : 1 + random.int(random.chance(0.7) ? 9 : 60);
      for (let g = 0; g < groups; g++, group++) {
        const labels = [
          `class ${c}`,
          ...(mixed && random.chance(0.3) ? [`class ${random.int(classes + 1)}`] : []),
        ];
        for (const label of labels) {
          const size = random.chance(0.6) ? 1 : 1 + random.int(most);
          for (let i = 0; i < size; i++) items.push({ group: `g${group}`, label });
          groupsOf.set(label, (groupsOf.get(label) ?? new Set()).add(`g${group}`));
        }
      }
    }
    return { items: random.shuffle(items), groupsOf };
  }

  /** In how many parts each class is, against how many it could be in. */
  const shortfall = (
    { items, groupsOf }: ReturnType<typeof randomStructure>,
    assigned: readonly (string | number)[],
    parts: number,
  ): string[] =>
    [...groupsOf].flatMap(([label, groups]) => {
      const found = new Set(assigned.filter((_, i) => items[i]!.label === label)).size;
      return found < Math.min(parts, groups.size)
        ? [`${label}: ${groups.size} groups in ${found} parts`]
        : [];
    });

  test.each([false, true])('random structures, groups of several classes: %s', (mixed) => {
    for (let seed = 0; seed < 40; seed++) {
      const structure = randomStructure(seed, mixed);
      const { items } = structure;
      const random = new Random(seed).fork('strata');
      const strata =
        seed % 3 ? undefined : items.map(() => [`site ${random.int(4)}`, `age ${random.int(5)}`]);
      const dealt = items.map((item, i) => ({ ...item, ...(strata ? { strata: strata[i]! } : {}) }));
      const fractions = parseFractions(['70/15/15', '80/10/10', '34/33/33', '90/10/0', '98/1/1'][seed % 5]!);
      const open = fractions.test > 0 ? 3 : 2;
      const assigned = assignSplits(dealt, fractions, seed);
      expect(shortfall(structure, assigned, open), `seed ${seed}`).toEqual([]);
      const k = 2 + (seed % 9);
      expect(shortfall(structure, assignFolds(dealt, k, seed), k), `seed ${seed}, ${k} folds`).toEqual([]);
      const splitOf = new Map<string, string>();
      items.forEach(({ group }, i) => {
        expect(splitOf.get(group) ?? assigned[i]).toBe(assigned[i]);
        splitOf.set(group, assigned[i]!);
      });
    }
  });

  test.each([1, 2, 3, 4, 5])('%i patients with melanoma among twenty without: 400 deals', (n) => {
    const items = Array.from({ length: n + 20 }, (_, i) => ({
      group: `p${i}`,
      label: i < n ? 'mel' : 'nevus',
    }));
    for (let seed = 0; seed < 400; seed++) {
      const assigned = assignSplits(items, defaultFractions, seed);
      const of = (split: string): number => countOf(items, assigned, split, 'mel');
      expect(of('train')).toBeGreaterThan(0);
      if (n >= 2) expect(of('test')).toBeGreaterThan(0);
      if (n >= 3) expect(of('val')).toBeGreaterThan(0);
      const negatives = splits.map((split) => countOf(items, assigned, split, 'nevus'));
      expect(negatives[0]! - 14).toBeLessThanOrEqual(1);
      expect(Math.min(...negatives)).toBeGreaterThanOrEqual(2);
    }
  });

  test('what no dealing can do leaves as little missing as possible, and ends', () => {
    // Fano’s plane: seven classes of three groups each, which two parts can never both meet.
    const lines = ['abc', 'ade', 'afg', 'bdf', 'beg', 'cdg', 'cef'];
    const items = lines.flatMap((line) => [...line].map((group) => ({ group, label: line })));
    const folds = assignFolds(items, 2, 0);
    const met = lines.filter((line) => new Set(folds.filter((_, i) => items[i]!.label === line)).size === 2);
    expect(met).toHaveLength(6);
  });
});

test('strata: missing words are one stratum, spellings are one, dates become quarters', () => {
  const ages = Array.from({ length: 40 }, (_, i) => ({
    age: ['NA', 'unknown', '-', 'none'][i] ?? String(30 + i),
  }));
  expect([...new Set(strataOf(ages, ['age']).flat())].sort()).toEqual([
    ...[1, 2, 3, 4].map((band) => `age band ${band}`),
    'age missing',
  ]);
  const sexes = ['Male', 'male', 'MALE ', 'female', 'N/A', '', 'other'].map((sex) => ({ sex }));
  expect(new Set(strataOf(sexes, ['sex']).flat()).size).toBe(4);
  const days = Array.from({ length: 40 }, (_, i) => ({ day: i ? `2019-0${1 + (i % 9)}-1${i % 10}` : 'NaT' }));
  expect(new Set(strataOf(days, ['day']).flat()).size).toBe(5);
  expect(new Set(strataOf([{ n: '45,5' }, { n: '46,0' }], ['n']).flat()).size).toBe(2);
});
