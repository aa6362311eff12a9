import { describe, expect, test } from 'vitest';
import { type Measured, standingOfRun, standingSentence } from './standing.js';

const healthy = (step: number): Measured => ({
  step,
  diversity: 0.4,
  realDiversity: 0.3,
  fd: 0.3,
  fdFloor: 0.1,
  recall: 0.4,
  heldOutScore: 0.6,
});
const long = [500, 1000, 1500, 2000].map(healthy);

describe('the standing of a run', () => {
  test('a generator that collapsed before the doctor looks is no run in which nothing was found', () => {
    const collapsed = { ...healthy(150), diversity: 0.95, fd: 2, recall: 0 };
    const judged = standingOfRun([collapsed], 0);
    expect(judged.standing).toBe('too-short');
    expect(standingSentence(judged)).toBe(
      'Too short to judge: the doctor waits 500 steps, until the networks have settled, and then for 3 measurements. At the end samples are alike to 0.95 (MS-SSIM), real images to 0.3; the Fréchet distance is 2, 20 × that of real images; recall is 0.00.',
    );
    // Two settled measurements are not the three that a finding takes.
    expect(standingOfRun([500, 1000, 1500].map(healthy), 0).standing).toBe('too-short');
  });

  test('nothing found: only where the doctor could look, and images are not far from real ones', () => {
    expect(standingOfRun(long, 0)).toMatchObject({ standing: 'nothing-found', missing: [] });
    const withLast = (last: Partial<Measured>): Measured[] => [...long.slice(0, 3), { ...long[3]!, ...last }];
    expect(standingOfRun(withLast({ fd: 1.1 }), 0).standing).toBe('far-from-real');
    expect(standingOfRun(withLast({ recall: 0.01 }), 0).standing).toBe('far-from-real');
    expect(standingSentence(standingOfRun(withLast({ recall: 0.01 }), 0))).toContain('far from real ones');
  });

  test('findings come first; what was not measured is named', () => {
    expect(standingOfRun([healthy(150)], 1).standing).toBe('findings');
    expect(standingOfRun([], 0).standing).toBe('little-measured');
    const blind = long.map(({ step, diversity, realDiversity }) => ({ step, diversity, realDiversity }));
    const judged = standingOfRun(blind, 0);
    expect(judged.standing).toBe('little-measured');
    expect(standingSentence(judged)).toMatch(/too little was measured.*no backbone.*no validation images/);
    expect(standingSentence(standingOfRun([], 0))).toBe(
      'Too little was measured to judge: nothing but the losses.',
    );
  });

  test('a figure that is none, or a floor of 0, is no figure', () => {
    const judged = standingOfRun([{ ...healthy(2000), fd: Number.NaN, fdFloor: 0 }], 0);
    expect(judged.seen.join()).not.toContain('Fréchet');
    expect(
      standingOfRun(
        long.map((one) => ({ ...one, fdFloor: 0 })),
        0,
      ).seen.join(),
    ).not.toContain('Infinity');
  });
});
