import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import { Random } from '../random.js';
import { splits } from './dataset.js';
import { assignSplits, defaultFractions, parseFractions } from './split.js';

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
