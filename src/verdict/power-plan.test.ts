import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { binormalCovariance } from '../stats/binormal.js';
import { chanceOfEffect } from '../stats/power.js';
import { summarise } from '../trial/analysis.js';
import { exampleSummary } from '../trial/example.test-data.js';
import { analyse } from './analysis.js';
import { defaultAssumptions, pilotOf } from './power-pilot.js';
import { planPower } from './power-plan.js';
import { type Cohort, plainChance, plainCohort, simulateScores } from './simulation/index.js';

const test60 = { positives: 60, negatives: 240 };

describe('power before a trial', () => {
  test('assumptions become s² and C; detectable and chances follow from them', () => {
    const plan = planPower({ seeds: 3, test: test60 });
    const { auc, seedDeviation, correlation } = defaultAssumptions;
    const covariance = (rho: number) => binormalCovariance({ aucs: [auc, auc], correlation: rho, ...test60 });
    expect(plan.seedVariance).toBeCloseTo(seedDeviation ** 2, 12);
    expect(plan.testVariance).toBeCloseTo(
      2 * (covariance(correlation.sameArm) - covariance(correlation.otherArm)),
      12,
    );
    const { seedVariance, testVariance } = plan;
    const design = { seeds: 3, seedVariance, testVariance, testGroups: 60 };
    expect(chanceOfEffect(plan.detectable!, design)).toBeGreaterThan(0.795);
    expect(chanceOfEffect(plan.detectable!, design)).toBeLessThan(0.84);
    expect(plan.powerAtMargin).toBeCloseTo(chanceOfEffect(0.02, design), 12);
    expect(plan.sentences[0]).toMatch(
      /^3 seeds, one generator, on 60 positive and 240 negative test groups, will find a true difference of ±0\.\d{3} with 80 % power\.$/,
    );
    expect(plan.basis.map(({ source }) => source).join(' ')).toContain('ISIC 2017');
  });

  test('the seeds and groups it asks for do find the margin, and one fewer does not', () => {
    const assume = { seedDeviation: 0.02, correlation: { sameArm: 0.7, otherArm: 0.65 } };
    const margin = 0.04;
    const plan = planPower({ seeds: 3, test: test60, margin, assume });
    expect(plan.detectable).toBeGreaterThan(margin);
    const seeds = plan.seedsForMargin!;
    expect(planPower({ seeds, test: test60, margin, assume }).detectable).toBeLessThanOrEqual(margin);
    expect(planPower({ seeds: seeds - 1, test: test60, margin, assume }).detectable).toBeGreaterThan(margin);
    expect(plan.sentences.join(' ')).toContain(`To find the margin it takes ${seeds} seeds`);

    const images = planPower({ seeds: 12, test: test60, margin: 0.03, assume });
    const more = images.groupsForMargin!;
    expect(more.positives / more.negatives).toBeCloseTo(0.25, 1);
    expect(planPower({ seeds: 12, test: more, margin: 0.03, assume }).detectable).toBeLessThan(0.0302);

    const both = planPower({ seeds: 3, test: test60, margin: 0.01 }).bothForMargin!;
    expect(planPower({ seeds: both.seeds, test: both, margin: 0.01 }).detectable).toBeLessThan(0.0101);
  });

  test('folds: every image is a test image once; looks: the last one has its share of the error rate', () => {
    const all = { positives: 300, negatives: 1200 };
    const alike = { generatorDeviation: 0 };
    const folds = planPower({ seeds: 3, folds: 5, test: all, assume: alike });
    expect(folds.detectable!).toBeLessThan(planPower({ seeds: 3, test: test60 }).detectable! / 2);
    // Pairs are counted within folds: hardly less than over all images.
    const whole = planPower({ seeds: 3, test: all }).testVariance;
    expect(folds.testVariance / whole).toBeGreaterThan(1);
    expect(folds.testVariance / whole).toBeLessThan(1.02);
    const looks = planPower({ seeds: 3, test: all, looks: [3, 5, 8] });
    expect(looks.seeds).toBe(8);
    expect(looks.alpha).toBeCloseTo(0.05 * 0.7366304306, 8);
    expect(looks.detectable!).toBeGreaterThan(planPower({ seeds: 8, test: all }).detectable!);
  });

  test('generators: what their luck costs, and how a generator for each seed, or more folds, buys it back', () => {
    const all = { positives: 300, negatives: 1200 };
    const assume = { seedDeviation: 0.02, generatorDeviation: 0.04 };
    const plan = planPower({ seeds: 3, folds: 5, test: all, assume });
    const { seedVariance, testVariance } = plan;
    const design = {
      seeds: 3,
      folds: 5,
      seedVariance,
      foldVariance: 0.04 ** 2,
      testVariance,
      testGroups: 300,
    };
    expect(plan.powerAtMargin).toBeCloseTo(chanceOfEffect(0.02, design), 12);
    const without = planPower({
      seeds: 3,
      folds: 5,
      test: all,
      assume: { ...assume, generatorDeviation: 0 },
    });
    expect(without.detectable!).toBeLessThan(0.7 * plan.detectable!);
    const perSeed = planPower({ seeds: 3, folds: 5, each: 'seed', test: all, assume });
    expect(perSeed.detectable!).toBeLessThan(0.8 * plan.detectable!);
    expect([plan.generators, perSeed.generators]).toEqual([5, 15]);
    expect(
      plan.trades.find(({ folds, seeds, each }) => folds === 10 && seeds === 2 && each === 'fold')!
        .detectable!,
    ).toBeLessThan(plan.detectable!);
    expect(plan.recommended).toMatchObject({ each: 'seed' });
    expect(plan.sentences.join(' ')).toContain('Recommended: ');
    const single = planPower({ seeds: 3, test: all, assume });
    expect(single.sentences.join(' ')).toContain('about its images and no others');
    // Thirty positives cannot be dealt into twenty folds; no design is offered with fewer than two in each.
    const few = planPower({ seeds: 3, folds: 5, test: { positives: 12, negatives: 90 }, assume });
    expect(Math.max(...few.trades.map(({ folds }) => folds))).toBe(5);
  });

  test('a pilot whose seeds had a generator each does not count their luck twice', () => {
    const all = { positives: 300, negatives: 1200 };
    const pilot = {
      name: 'pilot',
      seedVariance: 9e-4,
      degreesOfFreedom: 10,
      perSeed: true,
      generatorVariance: null,
      testVariance: 1e-4,
      test: all,
    };
    const design = { seeds: 3, folds: 5, seedVariance: 9e-4, testVariance: 1e-4, testGroups: 300 };
    const plan = planPower({ seeds: 3, folds: 5, each: 'seed', test: all, pilot });
    expect(plan.powerAtMargin).toBeCloseTo(chanceOfEffect(0.02, design), 12);
  });

  test('without generators the plan has no word of them', () => {
    const plan = planPower({ seeds: 3, folds: 5, each: 'none', test: { positives: 300, negatives: 1200 } });
    expect(plan.generators).toBe(0);
    expect(plan.trades.every(({ each }) => each === 'none')).toBe(true);
    expect([...plan.sentences, ...plan.basis.map(({ name }) => name)].join(' ')).not.toMatch(/generator/);
  });

  test('one seed: no verdict; one seed in each of five folds: one, with four degrees of freedom', () => {
    expect(planPower({ seeds: 1, test: test60 }).detectable).toBeNull();
    expect(planPower({ seeds: 1, test: test60 }).sentences[0]).toMatch(/^One seed gets no verdict/);
    expect(
      planPower({ seeds: 1, folds: 5, test: { positives: 300, negatives: 1200 } }).detectable,
    ).toBeGreaterThan(0);
  });

  test('a pilot’s variances: at its own size its own figures; C falls with the test set', () => {
    const analysis = summarise(exampleSummary(), { replicates: 0 });
    const primary = analysis.comparisons[analysis.primary!]!;
    const pilot = pilotOf(analysis, 'example');
    const same = planPower({ seeds: 3, test: pilot.test, pilot });
    expect(same.detectable).toBeCloseTo(primary.detectable.difference, 12);
    expect(same.seedsForMargin).toBe(primary.detectable.seedsForMargin);
    const { positives, negatives } = pilot.test;
    const doubled = planPower({
      seeds: 3,
      test: { positives: 2 * positives, negatives: 2 * negatives },
      pilot,
    });
    expect(doubled.testVariance).toBeCloseTo(same.testVariance / 2, 12);
    expect(same.basis[0]!.source).toContain('half or twice');
    const single = summarise(exampleSummary({ seeds: 1 }), { replicates: 0 });
    expect(() => pilotOf(single, 'one')).toThrow(/cannot be a pilot/);
  });

  test('simulated trials have the test variance that the binormal model says', () => {
    const random = new Random(8);
    const chance = {
      ...plainChance,
      generator: 0,
      training: 0,
      interaction: 0,
      seed: 0.001,
      shares: { common: 0.4, arm: 0.15, generator: 0.15 },
    };
    const images = { positives: 40, negatives: 110 };
    const mean = (sizes: Cohort['sizes']): number => {
      let sum = 0;
      const trials = 60;
      for (let i = 0; i < trials; i++) {
        const { scores } = simulateScores({
          chance,
          cohort: { ...plainCohort, ...images, sizes },
          external: null,
          design: { folds: 1, seeds: 3, each: 'fold' },
          effect: 0,
          margin: 0.02,
          random,
        });
        const analysis = analyse(scores, { replicates: 0, kindOnly: true });
        sum += analysis.comparisons[0]!.variance.test / trials;
      }
      return sum;
    };
    const plan = planPower({
      seeds: 3,
      test: images,
      assume: { auc: 0.8, correlation: { sameArm: 0.7, otherArm: 0.4 } },
    });
    const single = mean('single') / plan.testVariance;
    expect(single).toBeGreaterThan(0.9);
    expect(single).toBeLessThan(1.1);
    // Images of one patient say less than as many of their own.
    expect(mean('patients') / plan.testVariance).toBeGreaterThan(1.3);
  });

  test('says what is wrong', () => {
    expect(() => planPower({ seeds: 0, test: test60 })).toThrow(/seeds: expected a whole number/);
    expect(() => planPower({ seeds: 3, test: { positives: 1, negatives: 9 } })).toThrow(/two of each/);
    expect(() => planPower({ seeds: 3, test: test60, assume: { auc: 1 } })).toThrow(/auc: expected/);
    expect(() => planPower({ seeds: 3, test: test60, looks: [3, 3] })).toThrow(/growing numbers/);
    expect(() =>
      planPower({ seeds: 3, test: test60, assume: { correlation: { sameArm: 0.3, otherArm: 0.5 } } }),
    ).toThrow(/otherArm ≤ sameArm/);
  });
});
