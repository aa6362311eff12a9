import { DataError, Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { summarise } from './summarise.js';

describe('summaries', () => {
  it('give mean, sample deviation and an interval that covers', () => {
    const { mean, sd, n } = summarise([1, 2, 3, 4], 1);
    expect([mean, n]).toEqual([2.5, 4]);
    expect(sd).toBeCloseTo(1.2909944487358056, 12);
    // 95 % intervals of 100 normal values: of 100, about 94 should hold the true mean (bootstrap undercovers a bit).
    const random = new Random(9);
    let covered = 0;
    for (let i = 0; i < 100; i++) {
      const { interval } = summarise(
        Float64Array.from({ length: 100 }, () => random.normal(3, 2)),
        i,
      );
      if (interval[0] <= 3 && 3 <= interval[1]) covered++;
    }
    expect(covered).toBeGreaterThan(86);
    expect(covered).toBeLessThan(100);
    expect(() => summarise([], 1)).toThrow(DataError);
  });

  it('cover with values that come in groups, which the interval without groups does not', () => {
    const random = new Random(5);
    let [grouped, plain] = [0, 0];
    for (let i = 0; i < 100; i++) {
      // 40 groups of five: their means spread as much as the values within.
      const values = Array.from({ length: 40 }, () => random.normal(0, 1)).flatMap((own) =>
        Array.from({ length: 5 }, () => own + random.normal(0, 1)),
      );
      const groups = values.map((_, k) => `g${Math.floor(k / 5)}`);
      const holds = ({ interval: [low, high] }: ReturnType<typeof summarise>): boolean =>
        low <= 0 && 0 <= high;
      if (holds(summarise(values, i, groups))) grouped++;
      if (holds(summarise(values, i))) plain++;
    }
    expect(grouped).toBeGreaterThan(86);
    expect(plain).toBeLessThan(82);
  });
});
