/**
 * The verdict's rule, held against independent code (test/goldens/verdict/rule.py, numpy and scipy, from the text of the
 * rule): small trials with groups, ties, folds and seeds of unequal numbers, saturated tests, external sets and looks.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { analyse } from './analysis.js';
import { LEAST_DEGREES_OF_FREEDOM } from './degenerate.js';
import type { TrialScores } from './scores.js';

interface GoldenTrial {
  name: string;
  margin: number;
  looks: number[] | null;
  folds: { labels: (0 | 1)[]; groups: string[]; trainingImages: number }[];
  runs: {
    arm: 0 | 1;
    fold: number;
    seed: number;
    generator: string | null;
    scores: number[];
    external: number[] | null;
  }[];
  external: { labels: (0 | 1)[]; groups: string[] } | null;
  expected: {
    estimate: number;
    foldMeans: number[];
    low: number;
    high: number;
    p: number;
    equivalenceP: number;
    nu: number;
    decidable: boolean;
    resampled?: { low: number; high: number; p: number } | null;
    external?: { estimate: number; low: number; high: number; p: number };
  };
}

const { trials } = JSON.parse(
  readFileSync(new URL('../../test/goldens/verdict/rule.json', import.meta.url), 'utf8'),
) as { trials: GoldenTrial[] };

const arms = ['real+standard', 'real+standard+synthetic'] as const;

function scoresOf(trial: GoldenTrial): TrialScores {
  const ids = (labels: readonly number[], prefix: string) => labels.map((_, i) => `${prefix}${i}`);
  return {
    name: trial.name,
    level: 0.95,
    power: 0.8,
    equivalenceMargin: trial.margin,
    names: {
      group: 'patient',
      positive: 'positive',
      subject: 'synthetic images',
      short: 'synthetic images',
      one: 'these synthetic images',
      plural: true,
    },
    arms,
    reference: arms[0],
    comparisons: [
      {
        arm: arms[1],
        baseline: arms[0],
        question: 'adds',
        phrase: 'on top of standard augmentation',
        role: 'primary',
      },
    ],
    folds: trial.folds.map(({ labels, groups, trainingImages }, f) => ({
      fold: f + 1,
      test: { ids: ids(labels, `${f}-`), labels, groups },
      trainingImages,
    })),
    external: trial.external
      ? [{ name: 'elsewhere', ids: ids(trial.external.labels, 'e'), ...trial.external }]
      : [],
    runs: trial.runs.map(({ arm, fold, seed, generator, scores, external }) => ({
      arm: arms[arm],
      fold,
      seed,
      generator,
      testScores: scores,
      externalScores: (external ? { elsewhere: external } : {}) as Record<string, number[]>,
      threshold: null,
      validationAuc: null,
    })),
    sequential: trial.looks ? { looks: trial.looks, reached: trial.looks.length, stopped: 'budget' } : null,
    limits: [],
    equalSteps: true,
  };
}

const close = (value: number | null | undefined, expected: number, what: string): void =>
  expect(Math.abs(value! - expected), `${what}: ${value} against ${expected}`).toBeLessThanOrEqual(1e-9);

test.each(trials)('$name', (trial) => {
  const { expected } = trial;
  const analysis = analyse(scoresOf(trial), { replicates: 0 });
  const primary = analysis.comparisons[analysis.primary!]!;
  const { difference, equivalence, resampled, foldDifferences, degenerate } = primary;
  close(difference.value, expected.estimate, 'estimate');
  foldDifferences.forEach(({ difference: own }, f) => {
    close(own, expected.foldMeans[f]!, `fold ${f + 1}`);
  });
  close(difference.low, expected.low, 'low');
  close(difference.high, expected.high, 'high');
  close(primary.p, expected.p, 'p');
  close(equivalence.p, expected.equivalenceP, 'p of equivalence');
  expect(expected.decidable).toBe(expected.nu >= LEAST_DEGREES_OF_FREEDOM);
  expect(degenerate.includes('few-groups')).toBe(!expected.decidable);
  if (expected.resampled) {
    close(resampled?.low, expected.resampled.low, 'resampled low');
    close(resampled?.high, expected.resampled.high, 'resampled high');
    close(resampled?.p, expected.resampled.p, 'resampled p');
  }
  if (expected.external) {
    const outside = analysis.external[0]!.comparisons[0]!;
    close(outside.difference.value, expected.external.estimate, 'external estimate');
    close(outside.difference.low, expected.external.low, 'external low');
    close(outside.difference.high, expected.external.high, 'external high');
    close(outside.p, expected.external.p, 'external p');
  }
});
