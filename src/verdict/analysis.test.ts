import { describe, expect, test } from 'vitest';
import { delongTest } from '../stats/delong.js';
import { tTwoSided } from '../stats/distributions.js';
import { auc } from '../stats/roc.js';
import { summarise } from '../trial/analysis.js';
import { resolveArms, sweepSchema } from '../trial/arms.js';
import { exampleSummary, fourArms } from '../trial/example.test-data.js';
import { scoresOf } from '../trial/scores.js';
import { summarySchema } from '../trial/summary.js';
import { analyse, type TrialAnalysis } from './analysis.js';
import type { Comparison } from './comparison.js';
import type { TrialScores } from './scores.js';
import { decideVerdict } from './verdict.js';

const quick = { replicates: 200 };

describe('analysis of a trial', () => {
  const summary = exampleSummary();
  const analysis = summarise(summary, quick);

  test('arms: means over seeds of whole-split AUCs, the interval around them', () => {
    for (const arm of analysis.arms) {
      const aucs = summary.runs
        .filter((run) => run.arm === arm.arm)
        .map((run) => auc(summary.folds[0]!.test.labels, run.testScores));
      arm.aucs.forEach((value, i) => {
        expect(value).toBeCloseTo(aucs[i]!, 12);
      });
      expect(arm.auc.value).toBeCloseTo(aucs.reduce((a, b) => a + b) / 3, 12);
      expect(arm.auc.low).toBeLessThan(arm.auc.value);
      expect(arm.auc.high).toBeGreaterThan(arm.auc.value);
      expect(arm.auc.high).toBeLessThan(1);
      expect(arm.bootstrap!.low).toBeLessThan(arm.auc.value);
    }
  });

  test('comparisons: each synthetic arm against its own baseline, one against standard, one control', () => {
    expect(analysis.comparisons.map(({ arm, baseline, question }) => [arm, baseline, question])).toEqual([
      ['real+synthetic', 'real', 'adds'],
      ['real+standard+synthetic', 'real+standard', 'adds'],
      ['real+synthetic', 'real+standard', 'replaces'],
      ['real+standard', 'real', 'control'],
    ]);
    expect(analysis.primary).toBe(1);
    expect(analysis.family).toBe(2);
    expect(analysis.comparisons.map(({ role }) => role)).toEqual([
      'secondary',
      'primary',
      'secondary',
      'control',
    ]);
    for (const { role, correctedP, p, detectable } of analysis.comparisons) {
      if (role === 'secondary') expect(correctedP!).toBeGreaterThanOrEqual(p);
      else expect(correctedP).toBeNull();
      expect(detectable.alpha).toBeCloseTo(role === 'secondary' ? 0.025 : 0.05, 12);
      expect(detectable.difference).toBeGreaterThanOrEqual(detectable.floor!);
    }
  });

  test('is JSON-safe and repeatable', () => {
    expect(JSON.parse(JSON.stringify(analysis))).toEqual(analysis);
    expect(summarise(summary, quick)).toEqual(analysis);
  });

  test('the order of runs does not matter; pairing is by seed', () => {
    expect(summarise({ ...summary, runs: [...summary.runs].reverse() }, quick)).toEqual(analysis);
  });

  test('a seed that one arm lacks is left out of the comparison, and that is said', () => {
    const runs = summary.runs.filter((run) => !(run.arm === 'real' && run.seed === 2));
    const partial = summarise({ ...summary, runs }, quick);
    expect(partial.comparisons[0]!.seeds).toEqual([1, 3]);
    expect(partial.notes.join(' ')).toMatch(/only the 2 seeds/);
  });

  test('one seed: DeLong’s paired test', () => {
    const single = exampleSummary({ seeds: 1 });
    const result = summarise(single, quick);
    const scores = (arm: string) => single.runs.find((run) => run.arm === arm)!.testScores;
    const { labels, groups } = single.folds[0]!.test;
    const { difference, z } = delongTest(labels, [scores('real+synthetic'), scores('real')], { groups });
    const [own] = result.comparisons;
    expect(own!.difference.value).toBeCloseTo(difference, 12);
    expect(own!.p).toBeCloseTo(tTwoSided(z, own!.effectiveGroups - 1), 10);
    expect(result.comparisons[0]!.bootstrap).toBeNull();
    expect(result.comparisons[0]!.detectable.seedsForMargin).toBeNull();
  });

  test('a clear effect is found, with the control in its place', () => {
    const clear = summarise(
      exampleSummary({ shifts: { 'real+standard+synthetic': 2.2 }, noise: 0.2, wobble: 0.02 }),
      quick,
    );
    const primary = clear.comparisons[clear.primary!]!;
    expect(primary.difference.low).toBeGreaterThan(0.02);
    expect(primary.p).toBeLessThan(0.05);
    expect(decideVerdict(clear).kind).toBe('helps');
  });

  test('refuses scores in another order than the labels, unknown arms, runs recorded twice', () => {
    const shuffled = structuredClone(summary);
    shuffled.runs[0]!.testScores.reverse();
    expect(() => summarise(shuffled, quick)).toThrow(/same order/);
    const twice = { ...summary, runs: [...summary.runs, summary.runs[0]!] };
    expect(() => summarise(twice, quick)).toThrow(/twice/);
    expect(() => summarise({ ...summary, arms: fourArms.slice(1) }, quick)).toThrow(/no such arm/);
  });

  test('the schema refuses unknown keys', () => {
    expect(summarySchema.safeParse({ ...summary, surprise: 1 }).success).toBe(false);
  });
});

const base = summarise(exampleSummary({ testImages: 100 }), { replicates: 20 });

const detectable = (given: Partial<Comparison['detectable']>): Comparison['detectable'] => ({
  difference: 0.0612,
  alpha: 0.0167,
  power: 0.8,
  floor: 0.04,
  seedsForMargin: null,
  foldsForMargin: null,
  groupsForMargin: null,
  bothForMargin: null,
  ...given,
});

/** An analysis whose primary comparison is as given; the verdict reads nothing else. */
function withPrimary(
  difference: Partial<Comparison['difference']>,
  more: Partial<Comparison> = {},
): TrialAnalysis {
  const own = base.comparisons[base.primary!]!;
  const primary: Comparison = {
    ...own,
    equivalence: { ...own.equivalence, halfWidth: 0.01 },
    difference: { value: 0.01, low: -0.03, high: 0.05, standardError: 0.02, ...difference },
    p: 0.4,
    detectable: detectable({}),
    ...more,
  };
  return { ...base, comparisons: base.comparisons.map((c, i) => (i === base.primary ? primary : c)) };
}

describe('verdict', () => {
  test('helps: interval above zero', () => {
    const verdict = decideVerdict(withPrimary({ value: 0.06, low: 0.03, high: 0.09 }, { p: 0.001 }));
    expect(verdict.kind).toBe('helps');
    expect(verdict.sentence).toBe(
      'These 480 images of one GAN help on top of standard augmentation: AUC +0.060 (95 % interval +0.030 to +0.090), p = 0.001, 3 seeds on 100 test images; but no arm re-balances the real images alone, which may do as much.',
    );
  });

  test('harms', () => {
    const verdict = decideVerdict(withPrimary({ value: -0.06, low: -0.09, high: -0.03 }, { p: 0.001 }));
    expect(verdict.kind).toBe('harms');
    expect(verdict.sentence).toContain('−0.060');
  });

  test('helps, but perhaps by little: says so', () => {
    const verdict = decideVerdict(withPrimary({ value: 0.03, low: 0.004, high: 0.056 }, { p: 0.01 }));
    expect(verdict.kind).toBe('helps');
    expect(verdict.paragraph).toContain('as small as +0.004');
  });

  test('equivalent: the whole interval within the margin, whether or not zero is in it', () => {
    expect(decideVerdict(withPrimary({ value: 0.003, low: -0.01, high: 0.016 })).kind).toBe('equivalent');
    const tiny = decideVerdict(withPrimary({ value: 0.01, low: 0.004, high: 0.016 }, { p: 0.001 }));
    expect(tiny.kind).toBe('equivalent');
    expect(tiny.paragraph).toMatch(/smaller than the ±0.02/);
  });

  test('few groups may all have been spared a difference: an interval within the margin is not enough', () => {
    const equivalence = { margin: 0.02, halfWidth: 0.021, p: 0.04 };
    const verdict = decideVerdict(withPrimary({ value: 0.003, low: -0.01, high: 0.016 }, { equivalence }));
    expect(verdict.kind).toBe('underpowered');
    expect(verdict.paragraph).toContain('so few may all have been spared a difference of that size');
    const beyond = withPrimary({ value: 0.01, low: 0.004, high: 0.016 }, { equivalence });
    expect(decideVerdict(beyond).kind).toBe('helps');
  });

  test('underpowered: what could have been detected is rounded up, and what would help is said', () => {
    const verdict = decideVerdict(withPrimary({}));
    expect(verdict.kind).toBe('underpowered');
    expect(verdict.sentence).toContain('3 seeds on 100 test images can detect no less than ±0.062');
    expect(verdict.paragraph).toContain('no number of seeds would detect less than ±0.040');
    const more = decideVerdict(
      withPrimary({}, { detectable: detectable({ difference: 0.05, floor: 0.01, seedsForMargin: 19 }) }),
    );
    expect(more.paragraph).toContain('about 19 seeds (16 more) would be needed');
    expect(more.paragraph).not.toContain('test lesion');
    const images = decideVerdict(withPrimary({}, { detectable: detectable({ groupsForMargin: 970 }) }));
    expect(images.paragraph).toContain('about 970 test lesions (200 of them malignant; now 97 and 20)');
    const both = decideVerdict(
      withPrimary({}, { detectable: detectable({ bothForMargin: { seeds: 8, groups: 485 } }) }),
    );
    expect(both.paragraph).toContain('about 8 seeds together with 485 test lesions (100 of them');
  });

  test('property: the sentence and the interval never disagree', () => {
    for (const value of [-0.2, -0.05, -0.01, 0, 0.01, 0.05, 0.2]) {
      for (const half of [0.005, 0.015, 0.04, 0.1]) {
        const [low, high] = [value - half, value + half];
        const { kind } = decideVerdict(withPrimary({ value, low, high }));
        if (kind === 'helps') expect(low).toBeGreaterThan(0);
        else if (kind === 'harms') expect(high).toBeLessThan(0);
        else if (kind === 'equivalent') expect(Math.max(-low, high)).toBeLessThanOrEqual(0.02);
        else expect(low <= 0 && high >= 0).toBe(true);
      }
    }
  });

  test('the other comparisons are told, one line each', () => {
    const { others } = decideVerdict(withPrimary({}));
    expect(others).toHaveLength(3);
    expect(others[0]).toMatch(/^real\+synthetic against real: [+−0].*corrected p/);
    expect(others[2]).toMatch(/control/);
  });

  test('one seed: no verdict however large the difference', () => {
    const verdict = decideVerdict(
      withPrimary(
        { value: 0.2, low: 0.1, high: 0.3 },
        {
          seeds: [1],
          variance: {
            seeds: null,
            between: null,
            test: 1e-4,
            runs: 1,
            degreesOfFreedom: 0,
            folds: null,
            beyond: 0,
          },
          p: 1e-6,
        },
      ),
    );
    expect(verdict.kind).toBe('single-seed');
    expect(verdict.sentence).toMatch(/^No verdict from a single seed/);
  });

  test('nothing to compare', () => {
    const arms = fourArms.slice(0, 2);
    const verdict = decideVerdict(summarise(exampleSummary({ arms }), quick));
    expect(verdict.kind).toBe('not-asked');
  });
});

describe('loopholes', () => {
  const scored = scoresOf(exampleSummary({ folds: 3, seeds: 3, testImages: 150 }));
  const primaryOf = (runs: typeof scored.runs) => {
    const analysis = analyse({ ...scored, runs }, { replicates: 0 });
    return { verdict: decideVerdict(analysis), comparison: analysis.comparisons[analysis.primary!]! };
  };

  test('scores that are upside down are no harm: not decidable, and the remedy said', () => {
    const upside = scored.runs.map((run) => ({
      ...run,
      testScores: run.testScores.map((score) => 1 - score),
    }));
    const { verdict } = primaryOf(upside);
    expect(verdict.kind).toBe('not-decidable');
    expect(verdict.sentence).toContain('look inverted');
  });

  test('one run under several seeds is no second run', () => {
    const first = (run: (typeof scored.runs)[number]) =>
      scored.runs.find((one) => one.arm === run.arm && one.fold === run.fold)!.testScores;
    const copied = (arms: readonly string[]) =>
      scored.runs.map((run) => (arms.includes(run.arm) ? { ...run, testScores: first(run) } : run));
    const { comparison } = primaryOf(scored.runs);
    expect(primaryOf(copied([comparison.arm, comparison.baseline])).verdict.short).toBe(
      'Not decidable: copies of one run',
    );
    expect(primaryOf(copied([comparison.baseline])).verdict.limits.map(({ id }) => id)).toContain('copies');
    expect(comparison.degenerate).toEqual([]);
  });

  test('sharing a generator never narrows the interval', () => {
    const shared = scored.runs.map((run) => ({
      ...run,
      generator: run.generator === null ? null : run.fold < 3 ? 'a' : 'b',
    }));
    const width = ({ low, high }: { low: number; high: number }): number => high - low;
    expect(width(primaryOf(shared).comparison.difference)).toBeGreaterThanOrEqual(
      width(primaryOf(scored.runs).comparison.difference),
    );
  });

  test('folds or seeds that are gone from both arms are missed', () => {
    const whole = exampleSummary({ folds: 3, seeds: 3, testImages: 150 });
    const idsOf = (runs: typeof whole.runs) =>
      decideVerdict(summarise({ ...whole, runs }, { replicates: 0 })).limits.map(({ id }) => id);
    expect(idsOf(whole.runs)).not.toContain('missing');
    expect(idsOf(whole.runs.filter(({ fold }) => fold > 1))).toContain('missing');
    expect(idsOf(whole.runs.filter(({ seed }) => seed > 1))).toContain('missing');
  });
});

describe('helps beyond balance', () => {
  const arms = resolveArms(
    ['real+standard', 'real+standard+oversampling', 'real+standard+class-weights', 'real+standard+synthetic'],
    sweepSchema.parse({}),
    { gans: ['sngan-64'], amount: 'balance', choice: 'random' },
  );
  const trial = (oversampling: number) =>
    scoresOf(
      exampleSummary({
        arms,
        folds: 3,
        seeds: 3,
        testImages: 250,
        noise: 0.2,
        wobble: 0.01,
        shifts: {
          'real+standard+synthetic': 2.4,
          'real+standard+oversampling': oversampling,
          'real+standard+class-weights': 1.1,
        },
      }),
    );
  const judged = (scores: TrialScores) => decideVerdict(analyse(scores, { replicates: 0 }));
  const without = (scores: TrialScores, arm: string): TrialScores => ({
    ...scores,
    runs: scores.runs.filter((run) => run.arm !== arm),
  });
  const control = 'real+standard+oversampling';

  test('both comparisons hold: helps, with both in the sentence', () => {
    const verdict = judged(trial(1.1));
    expect(verdict.kind).toBe('helps');
    expect(verdict.sentence).toContain('in place of oversampling');
  });

  test('oversampling does as well: no more than balance', () => {
    const verdict = judged(trial(2.4));
    expect(verdict.kind).toBe('balance-only');
    expect(verdict.sentence).toContain('not shown to do better in place of oversampling: ');
  });

  test('a control whose runs were left out, or that has collapsed, shows nothing', () => {
    const gone = judged(without(trial(1.1), control));
    expect(gone.kind).toBe('balance-only');
    expect(gone.sentence).toContain('in place of oversampling: no runs that could be paired');
    const scores = trial(1.1);
    const collapsed = scores.runs.map((run) =>
      run.arm === control ? { ...run, testScores: run.testScores.map(() => 0.5) } : run,
    );
    expect(judged({ ...scores, runs: collapsed }).kind).toBe('balance-only');
  });

  test('every control that was asked for must be beaten', () => {
    const scores = trial(1.1);
    const both = scores.comparisons.map((one) =>
      one.baseline === 'real+standard+class-weights' ? { ...one, role: 'required' as const } : one,
    );
    expect(judged({ ...scores, comparisons: both }).kind).toBe('helps');
    expect(judged(without({ ...scores, comparisons: both }, 'real+standard+class-weights')).kind).toBe(
      'balance-only',
    );
  });

  test('arms that share no fold and seed: said so, not that there are none', () => {
    const scores = trial(1.1);
    const apart = scores.runs.map((run) =>
      run.arm === 'real+standard+synthetic' ? { ...run, seed: run.seed + 100 } : run,
    );
    expect(judged({ ...scores, runs: apart }).sentence).toContain('no runs with fold and seed in common');
  });
});
