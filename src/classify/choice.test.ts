import { Random } from 'graft-torch/base';
import { describe, expect, it } from 'vitest';
import { assessOutputs } from './assess.js';
import { type Choice, choiceWords, choose, figureOf, requireChoice, signOf } from './choice.js';
import { makeDisks } from './disks.test-data.js';

const fresh = (): Choice => ({ best: null, recent: [], stale: 0 });

/** Chooses along scores; steps count from 1. */
function along(
  scores: readonly number[],
  window: number,
): { choice: Choice; best: boolean[]; stale: number[] } {
  const choice = fresh();
  const seen = scores.map((score, i) => {
    const { isBest } = choose(choice, { auc: score, score, step: i + 1 }, { window });
    return [isBest, choice.stale] as const;
  });
  return { choice, best: seen.map(([isBest]) => isBest), stale: seen.map(([, stale]) => stale) };
}

describe('choose', () => {
  it('takes each validation by itself with a window of 1', () => {
    const { choice, best, stale } = along([0.6, 0.7, 0.7, 0.65, 0.8], 1);
    expect(best).toEqual([true, true, false, false, true]);
    expect(stale).toEqual([0, 0, 1, 2, 0]);
    expect(choice.best).toEqual({ auc: 0.8, step: 5, score: 0.8, whole: true });
  });

  it('passes over a lucky validation, and counts from the best mean', () => {
    const scores = [0.6, 0.6, 0.9, 0.5, 0.7, 0.8, 0.8, 0.7, 0.7, 0.7];
    expect(along(scores, 1).choice.best!.step).toBe(3);
    const { choice, stale } = along(scores, 3);
    expect(choice.best).toEqual({ auc: 0.8, step: 7, score: expect.closeTo(2.3 / 3, 12), whole: true });
    expect(stale).toEqual([0, 0, 0, 1, 2, 3, 0, 1, 2, 3]);
    expect(choice.recent).toEqual([0.7, 0.7, 0.7]);
  });

  it('lets means of fewer scores compete with each other alone', () => {
    // The first score is the highest of all, and no whole window reaches it.
    const { choice, best } = along([0.9, 0.5, 0.6, 0.65], 3);
    expect(best).toEqual([true, false, true, false]);
    expect(choice.best).toMatchObject({ step: 3, whole: true });
  });

  it('goes on from what a checkpoint holds', () => {
    const scores = Array.from({ length: 12 }, (_, i) => new Random(4).fork(i).next());
    const stored = JSON.parse(JSON.stringify(along(scores.slice(0, 5), 3).choice)) as Choice;
    scores.slice(5).forEach((score, i) => {
      choose(stored, { auc: score, score, step: i + 6 }, { window: 3 });
    });
    expect(stored).toEqual(along(scores, 3).choice);
  });

  // What few positives do to a validation: 60 of them, and AUCs that err by about 0.03.
  const truths: [string, (t: number) => number][] = [
    [
      'learns, and is over-trained slowly',
      (t) => 0.85 - 0.25 * Math.exp(-t / 4) - 0.004 * Math.max(0, t - 12),
    ],
    ['rises and falls', (t) => 0.85 - 0.12 * ((t - 15) / 15) ** 2],
    ['levels off', (t) => 0.85 - 0.2 * Math.exp(-t / 5)],
  ];
  it.each(truths)('chooses better networks by a mean where validation is noisy: %s', (_, truth) => {
    const [curves, validations, noise] = [2000, 30, 0.03];
    const random = new Random(11);
    const means = [1, 3, 5].map(() => ({ gained: 0, claimed: 0 }));
    for (let curve = 0; curve < curves; curve++) {
      const scores = Array.from({ length: validations }, (_, t) => truth(t + 1) + noise * normal(random));
      [1, 3, 5].forEach((window, i) => {
        const { step, score } = along(scores, window).choice.best!;
        means[i]!.gained += truth(step) / curves;
        means[i]!.claimed += (score - truth(step)) / curves;
      });
    }
    const [raw, three, five] = means as [(typeof means)[0], (typeof means)[0], (typeof means)[0]];
    expect(three.gained).toBeGreaterThan(raw.gained + 0.001);
    // Five come two validations late, which a narrow peak takes back in part.
    expect(five.gained).toBeGreaterThan(raw.gained);
    // The luckiest of thirty promises far more than it holds.
    expect(raw.claimed).toBeGreaterThan(0.03);
    expect(three.claimed).toBeLessThan(0.75 * raw.claimed);
  });
});

const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

it('looks at the figure asked for, the larger, the better', () => {
  const { cache } = makeDisks(20);
  cache.images.dispose();
  const indices = [0, 1, 2, 7, 8, 9]; // three of each class
  const data = { rows: cache.rows, positive: 'malignant' };
  const two = assessOutputs(Float64Array.from([2, 1, -1, 0, -2, -3]), indices, { ...data, classes: [] });
  expect(figureOf(two, 'auc')).toBeCloseTo(8 / 9, 12);
  const loss = [2, 1, -1, -0, 2, 3].reduce((sum, z) => sum + Math.log1p(Math.exp(-z)), 0) / 6;
  expect(figureOf(two, 'logLoss')).toBeCloseTo(loss, 12);
  expect([signOf('auc'), signOf('logLoss'), signOf('balancedAccuracy')]).toEqual([1, -1, 1]);
  // Logits of both classes: one malignant image of three is taken for benign.
  const both = Float64Array.from([2, 0, 1, 0, 0, 1, 0, 1, 0, 2, 0, 3]);
  const several = assessOutputs(both, indices, { ...data, classes: ['malignant', 'benign'] });
  expect(figureOf(several, 'balancedAccuracy')).toBeCloseTo((2 / 3 + 1) / 2, 12);
});

it('says how a step was chosen', () => {
  expect(choiceWords(undefined)).toBe('');
  expect(choiceWords({ by: 'logLoss', window: 3, figure: 0.41236, auc: 0.812 })).toBe(
    ', by the mean log loss of 3 validations: 0.412, with an AUC of 0.812 at the step itself',
  );
  expect(choiceWords({ by: 'balancedAccuracy', window: 1, figure: 0.7, auc: 0.9 })).toBe(
    ', by the balanced accuracy: 0.700, with an AUC of 0.900 at the step itself',
  );
});

it('refuses what nothing can be chosen by', () => {
  const recipe = {
    target: 'binary',
    bestBy: 'auc',
    validationWindow: 1,
    steps: 1000,
    evaluateEvery: 300,
  } as const;
  expect(() => requireChoice(recipe)).not.toThrow();
  expect(() => requireChoice({ ...recipe, validationWindow: 4 })).not.toThrow();
  expect(() => requireChoice({ ...recipe, validationWindow: 5 })).toThrow(
    /validationWindow \(5\) is more than the 4 validations of 1000 steps; set validationWindow=1/,
  );
  expect(() => requireChoice({ ...recipe, bestBy: 'balancedAccuracy' })).toThrow(/Set bestBy=auc/);
  expect(() => requireChoice({ ...recipe, bestBy: 'balancedAccuracy', target: 'classes' })).not.toThrow();
});
