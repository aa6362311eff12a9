import { describe, expect, test } from 'vitest';
import { statsGolden } from './golden.test-data.js';
import { spendingShares } from './multiplicity.js';

describe('shares of an error rate over looks', () => {
  test('increments of the spending function, as scipy computes them', () => {
    for (const { looks, alpha, shares } of statsGolden.spending) {
      const own = spendingShares(looks, alpha);
      expect(own).toHaveLength(shares.length);
      own.forEach((share, i) => {
        expect(share).toBeCloseTo(shares[i]!, 10);
      });
    }
  });

  test('add up to one, and the last look keeps most', () => {
    for (const looks of [[3, 5, 8], [2, 3, 4, 6], [4, 8], [3]]) {
      const shares = spendingShares(looks);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
      expect(Math.max(...shares)).toBe(shares.at(-1));
      expect(Math.min(...shares)).toBeGreaterThan(0);
    }
  });
});
