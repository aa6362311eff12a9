import { describe, expect, it } from 'vitest';
import { effectiveGroups, effectiveSize } from './groups.js';

describe('effectiveGroups', () => {
  it('counts images where each is its own group', () => {
    expect(effectiveGroups([1, 0, 0, 1, 0])).toEqual({ positives: 2, negatives: 3 });
  });

  it('counts groups where all have as many images', () => {
    const labels = Array.from({ length: 60 }, (_, i) => (i < 30 ? 1 : 0));
    const groups = labels.map((_, i) => `patient ${Math.floor(i / 10)}`);
    expect(effectiveGroups(labels, groups)).toEqual({ positives: 3, negatives: 3 });
  });

  it("takes Kish's size where groups differ, by class", () => {
    // Positives: 4 of a, 1 of b; negatives: 2 of b, 2 of c, 1 of d.
    const labels = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
    const groups = ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'd'];
    const { positives, negatives } = effectiveGroups(labels, groups);
    expect(positives).toBeCloseTo(25 / 17, 12);
    expect(negatives).toBeCloseTo(25 / 9, 12);
  });

  it('never exceeds the number of groups, nor falls below 1', () => {
    const labels = Array.from({ length: 50 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const groups = labels.map((_, i) => String(Math.floor(Math.sqrt(i))));
    const { positives, negatives } = effectiveGroups(labels, groups);
    const count = (label: number) => new Set(groups.filter((_, i) => labels[i] === label)).size;
    expect(positives).toBeLessThanOrEqual(count(1));
    expect(negatives).toBeLessThanOrEqual(count(0));
    expect(Math.min(positives, negatives)).toBeGreaterThanOrEqual(1);
  });

  it('is 0 for a class without images and refuses groups of another length', () => {
    expect(effectiveGroups([0, 0])).toEqual({ positives: 0, negatives: 2 });
    expect(effectiveSize([])).toBe(0);
    expect(() => effectiveGroups([0, 1], ['a'])).toThrow('1 groups for 2 labels');
  });
});
