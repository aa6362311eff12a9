import { describe, expect, test } from 'vitest';
import { spendingShares } from '../stats/multiplicity.js';
import { exampleSummary } from '../trial/example.test-data.js';
import { scoresOf } from '../trial/scores.js';
import type { TrialSummary } from '../trial/summary.js';
import type { TrialScores } from './scores.js';
import { decideLook } from './sequential.js';

const looks = [3, 5, 8];
const upTo = (summary: TrialSummary, seeds: number): TrialScores =>
  scoresOf({ ...summary, runs: summary.runs.filter((run) => run.seed <= seeds) });

describe('a look', () => {
  const unclear = exampleSummary({ seeds: 8, testImages: 200, wobble: 0.2 });
  const clear = exampleSummary({
    seeds: 8,
    testImages: 300,
    noise: 0.2,
    wobble: 0.02,
    shifts: { 'real+standard+synthetic': 3 },
  });

  test('goes on while nothing is decided, and ends with the last one', () => {
    const settings = { looks, halfWidth: null };
    const decisions = looks.map((seeds, i) => decideLook(upTo(unclear, seeds), settings, i + 1));
    expect(decisions.map(({ stop }) => stop)).toEqual([null, null, 'budget']);
    expect(decisions.map(({ kind }) => kind)).toEqual(['underpowered', 'underpowered', 'underpowered']);
    const shares = spendingShares(looks);
    decisions.forEach(({ alpha }, i) => {
      expect(alpha).toBeCloseTo(0.05 * shares[i]!, 12);
    });
    expect(decisions[0]!.sentence).toMatch(/^Look 1 of 3, 3 seeds: .* goes on to 5 seeds\.$/);
    expect(decisions[2]!.sentence).toContain('stops, this was the last look');
  });

  test('stops when the verdict is decided at its own level', () => {
    const decision = decideLook(upTo(clear, 5), { looks, halfWidth: null }, 2);
    expect(decision).toMatchObject({ stop: 'decided', kind: 'helps' });
    expect(decision.value - decision.halfWidth).toBeGreaterThan(0);
  });

  test('stops when the interval is narrow enough, decided or not', () => {
    const wide = decideLook(upTo(unclear, 5), { looks, halfWidth: null }, 2);
    const settings = (halfWidth: number) => ({ looks, halfWidth });
    expect(decideLook(upTo(unclear, 5), settings(wide.halfWidth * 1.001), 2).stop).toBe('narrow');
    expect(decideLook(upTo(unclear, 5), settings(wide.halfWidth * 0.999), 2).stop).toBeNull();
  });

  test('refuses looks that are not there, more seeds than a look has, and trials that ask nothing', () => {
    const settings = { looks, halfWidth: null };
    expect(() => decideLook(scoresOf(unclear), settings, 4)).toThrow(/no look 4 of 3/);
    expect(() => decideLook(scoresOf(unclear), settings, 1)).toThrow(/8 seeds at look 1, which is of 3/);
    const arms = unclear.arms.filter(({ synthetic }) => synthetic === null);
    const runs = unclear.runs.filter((run) => arms.some(({ name }) => name === run.arm));
    expect(() => decideLook(scoresOf({ ...unclear, arms, runs }), settings, 3)).toThrow(
      /fixed number of seeds/,
    );
  });
});
