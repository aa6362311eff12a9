/** Simulated trials are what they say they are: nothing else can tell whether the verdict is right about them. */
import { readdirSync, readFileSync } from 'node:fs';
import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { aucOfShift, phi, shiftOfAuc } from './auc.js';
import { type Cohort, drawImages } from './images.js';
import { draw, type Law } from './laws.js';
import { plainChance, plainCohort, scenarios } from './scenarios.js';
import { type SimulatedDesign, simulateScores } from './scores.js';

/** By its definition, pair by pair. */
function aucByPairs(labels: readonly number[], scores: readonly number[]): number {
  let [won, pairs] = [0, 0];
  labels.forEach((label, i) => {
    if (label !== 1) return;
    labels.forEach((other, j) => {
      if (other !== 0) return;
      pairs++;
      won += scores[i]! > scores[j]! ? 1 : scores[i]! === scores[j]! ? 0.5 : 0;
    });
  });
  return won / pairs;
}

const many = { positives: 400, negatives: 400 };
const oneRun: SimulatedDesign = { folds: 1, seeds: 1, each: 'fold' };

describe('simulated scores', () => {
  test.each([
    ['all digits', null, 'single'],
    ['one digit', 1, 'single'],
    ['patients of both classes', null, 'mixed-patients'],
  ] as const)('runs have the AUC that was asked for: %s', (_, digits, sizes) => {
    const random = new Random(4);
    const sums = [0, 0];
    const trials = 40;
    const chance = { ...plainChance, digits, seed: 0, training: 0, interaction: 0, generator: 0 };
    for (let i = 0; i < trials; i++) {
      const { scores } = simulateScores({
        chance,
        cohort: { ...plainCohort, ...many, sizes },
        external: null,
        design: oneRun,
        effect: 0.06,
        margin: 0.02,
        random,
      });
      scores.runs.forEach((run, arm) => {
        sums[arm]! += aucByPairs(scores.folds[0]!.test.labels, run.testScores) / trials;
      });
    }
    // Deviation of a mean: .016 / √40 = .0025 (twice that where patients count).
    expect(Math.abs(sums[0]! - 0.8)).toBeLessThan(sizes === 'single' ? 0.008 : 0.02);
    expect(Math.abs(sums[1]! - 0.86)).toBeLessThan(sizes === 'single' ? 0.008 : 0.02);
    expect(Math.abs(sums[1]! - sums[0]! - 0.06)).toBeLessThan(0.008);
  });

  test.each(['normal', 't2', 'contaminated'] as const)(
    'the recipe brings just the effect on the mean, whatever generators do: %s',
    (generatorLaw) => {
      const random = new Random(8);
      const design: SimulatedDesign = { folds: 5, seeds: 2, each: 'fold' };
      const trials = 120;
      const errors = Array.from({ length: trials }, () => {
        const { scores, truth } = simulateScores({
          chance: { ...plainChance, auc: 0.93, generator: 0.05, generatorLaw },
          cohort: { ...plainCohort, positives: 40, negatives: 40 },
          external: null,
          design,
          effect: 0.02,
          margin: 0.02,
          random,
        });
        expect(truth.recipe).toBe(0.02);
        let mean = 0;
        for (const run of scores.runs) {
          const auc = aucByPairs(scores.folds[run.fold - 1]!.test.labels, run.testScores);
          mean += (run.generator === null ? -auc : auc) / 10;
        }
        return mean - truth.recipe;
      });
      const mean = errors.reduce((sum, error) => sum + error, 0) / trials;
      const deviation = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / (trials - 1));
      expect(Math.abs(mean)).toBeLessThan((3 * deviation) / Math.sqrt(trials));
    },
  );

  test('generators: one a fold, one a seed of a fold, one for all; the baseline has none', () => {
    const named = (each: SimulatedDesign['each']): number => {
      const { scores } = simulateScores({
        chance: plainChance,
        cohort: plainCohort,
        external: null,
        design: { folds: 3, seeds: 2, each },
        effect: 0,
        margin: 0.02,
        random: new Random(1),
      });
      const of = (arm: string) => scores.runs.filter((run) => run.arm === arm).map((run) => run.generator);
      expect(new Set(of(scores.arms[0]!))).toEqual(new Set([null]));
      return new Set(of(scores.arms[1]!)).size;
    };
    expect([named('fold'), named('seed'), named('trial')]).toEqual([3, 6, 1]);
  });

  test('a generator’s luck is in all runs of it, a seed’s in one', () => {
    const random = new Random(5);
    const { scores, truth } = simulateScores({
      chance: { ...plainChance, generator: 0.1, seed: 0, training: 0, interaction: 0 },
      cohort: { ...plainCohort, positives: 1000, negatives: 1000 },
      external: null,
      design: { folds: 1, seeds: 3, each: 'fold' },
      effect: 0,
      margin: 0.02,
      random,
    });
    const labels = scores.folds[0]!.test.labels;
    const difference = (seed: number): number => {
      const [baseline, arm] = scores.runs.filter((run) => run.seed === seed);
      return aucByPairs(labels, arm!.testScores) - aucByPairs(labels, baseline!.testScores);
    };
    for (const seed of [0, 1, 2]) expect(Math.abs(difference(seed) - truth.these)).toBeLessThan(0.04);
  });
});

describe('images', () => {
  const draws = (cohort: Partial<Cohort>, index = 0) =>
    drawImages({ ...plainCohort, ...cohort }, { index, of: 5 }, new Random(3));
  const sizesOf = ({ labels, group }: ReturnType<typeof draws>, of: 0 | 1): number[] => {
    const sizes = new Map<number, number>();
    labels.forEach((label, i) => {
      if (label === of) sizes.set(group[i]!, (sizes.get(group[i]!) ?? 0) + 1);
    });
    return [...sizes.values()].sort((a, b) => b - a);
  };

  test('the classes have the images that were asked for, whatever their groups', () => {
    for (const { cohort, external, designs } of scenarios) {
      for (const images of external ? [cohort, external] : [cohort]) {
        const { labels } = drawImages(images, { index: 0, of: designs[0]!.folds }, new Random(1));
        expect(labels.filter((label) => label === 1)).toHaveLength(images.positives);
        expect(labels).toHaveLength(images.positives + images.negatives);
      }
    }
  });

  test('a giant stands in the first fold alone', () => {
    const giant = { label: 1, images: 60 } as const;
    expect(sizesOf(draws({ giant }), 1)[0]).toBe(60);
    expect(sizesOf(draws({ giant }, 1), 1)[0]).toBe(1);
  });

  test('few positive patients are spread over the folds; patients have 1 to 8 images, of one class or of both', () => {
    const few = [0, 1, 2, 3, 4].map((index) => sizesOf(draws({ positiveGroups: 12 }, index), 1).length);
    expect(few.reduce((sum, count) => sum + count, 0)).toBe(12);
    expect(Math.max(...few) - Math.min(...few)).toBeLessThanOrEqual(1);
    expect(sizesOf(draws({ sizes: 'patients' }), 1)[0]).toBeLessThanOrEqual(8);
    const { labels, group } = draws({ sizes: 'mixed-patients' });
    const both = new Set(
      group.filter((g, i) => labels[i] === 1 && group.some((h, j) => h === g && labels[j] === 0)),
    );
    expect(both.size).toBeGreaterThan(10);
  });
});

test('shift and AUC are each other’s inverse, with ties too', () => {
  expect(phi(1.959963984540054)).toBeCloseTo(0.975, 12);
  expect(phi(-3)).toBeCloseTo(0.0013498980316300946, 14);
  for (const digits of [null, 1, 2])
    for (const auc of [0.5, 0.8, 0.95, 0.99])
      expect(aucOfShift(shiftOfAuc(auc, digits), digits)).toBeCloseTo(auc, 4);
});

test('laws of chance have the normal’s quartiles, and are symmetric', () => {
  for (const law of ['normal', 't3', 't2'] satisfies Law[]) {
    const random = new Random(6);
    const values = Array.from({ length: 20_000 }, () => draw(law, random));
    const within = values.filter((value) => Math.abs(value) < 0.6744897501960817).length / values.length;
    expect(within).toBeCloseTo(0.5, 1.7);
    expect(values.filter((value) => value > 0).length / values.length).toBeCloseTo(0.5, 1.7);
  }
});

test('no code is shared with what is judged', () => {
  const folder = new URL('./', import.meta.url);
  for (const file of readdirSync(folder).filter((name) => !name.endsWith('.test.ts'))) {
    const text = readFileSync(new URL(file, folder), 'utf8');
    for (const [, what, from] of text.matchAll(/import (.*?) from '(.*?)';/gs)) {
      if (from!.startsWith('./')) continue;
      if (from === 'graft-torch/base' && /^(type )?\{ Random \}$/.test(what!)) continue;
      expect([file, what!.startsWith('type '), from]).toEqual([file, true, '../scores.js']);
    }
  }
});
