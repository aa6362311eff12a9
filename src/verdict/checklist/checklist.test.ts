import { describe, expect, test } from 'vitest';
import { countText, type FactId, type Facts, factNames, fillGuideline, guidelines } from './index.js';

/** Items, and items with their parts, as the publications number them. */
const sizes = {
  claim: { rows: 44, items: 44 },
  'tripod-ai': { rows: 52, items: 27 },
  'stard-ai': { rows: 48, items: 40 },
  metrics: { rows: 30, items: 30 },
} as const;

describe.each(Object.entries(guidelines))('%s', (id, guideline) => {
  const numbers = guideline.items.map(({ number }) => number);

  test('has every number once, in order, parts lettered from a', () => {
    const { rows, items } = sizes[id as keyof typeof sizes];
    expect(numbers).toHaveLength(rows);
    expect(new Set(numbers).size).toBe(rows);
    const whole = numbers.map((number) => Number.parseInt(number, 10));
    expect([...new Set(whole)]).toEqual(Array.from({ length: items }, (_, i) => i + 1));
    for (const n of new Set(whole)) {
      const parts = numbers.filter((number) => Number.parseInt(number, 10) === n);
      const letters = parts.map((number) => number.slice(String(n).length)).join('');
      expect(letters).toBe(parts.length === 1 ? '' : 'abcdefg'.slice(0, parts.length));
    }
  });

  test('cites its source, and asks of facts that there are', () => {
    expect(guideline.citation).toMatch(/20(24|25)/);
    expect(guideline.doi).toMatch(/^10\.\d+\//);
    for (const { facts, number, adds } of guideline.items) {
      for (const fact of facts) expect(Object.keys(factNames), number).toContain(fact);
      if (adds !== undefined) expect(facts.length, number).toBeGreaterThan(0);
    }
  });

  test('without a fact all is for the author; with all of them nothing but what no result knows is left', () => {
    const none = fillGuideline(guideline, {});
    expect(none.counts).toEqual({ filled: 0, part: 0, author: guideline.items.length });
    const all = Object.fromEntries(
      Object.keys(factNames).map((fact) => [fact, { text: `${fact}.`, where: 'Result' }]),
    ) as Facts;
    const full = fillGuideline(guideline, all);
    for (const item of full.items) {
      const expected = item.facts.length === 0 ? 'author' : item.adds === undefined ? 'filled' : 'part';
      expect(item.status, item.number).toBe(expected);
      expect(item.answers.map(({ text }) => text)).toEqual(item.facts.map((fact) => `${fact}.`));
    }
  });
});

test('every fact answers an item', () => {
  const used = new Set(Object.values(guidelines).flatMap(({ items }) => items.flatMap(({ facts }) => facts)));
  expect((Object.keys(factNames) as FactId[]).filter((fact) => !used.has(fact))).toEqual([]);
});

test('an item of which a part is not known says so', () => {
  const { items } = fillGuideline(guidelines.claim, { counts: { text: 'Many.', where: 'Data' } });
  const item = items.find(({ number }) => number === '35')!;
  expect(item).toMatchObject({
    status: 'part',
    left: 'not recorded: how many images were found, and why some were left out',
  });
});

test('the count in words', () => {
  const list = fillGuideline(guidelines.claim, { software: { text: 'Graft.', where: 'Appendix' } });
  expect(countText(list)).toBe('1 of 44 items filled, 43 for the author');
});
