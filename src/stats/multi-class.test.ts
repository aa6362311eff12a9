import { DataError } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { confusionMatrix, likeliest, type MultiClassScores, multiClassScorer } from './multi-class.js';
import { multiClassGolden as golden } from './multi-class.test-data.js';
import { fitSoftmaxTemperature, fitTemperature, temperSoftmax } from './temperature.js';

const scorer = multiClassScorer(golden.truths, golden.probabilities);
const calls = golden.probabilities.map(likeliest);

function expectNear(found: MultiClassScores, wanted: (typeof golden)['plain']): void {
  for (const [name, value] of Object.entries(wanted.overall))
    expect(found.overall[name as keyof typeof found.overall], name).toBeCloseTo(value, 12);
  expect(Object.keys(found.overall)).toEqual(Object.keys(wanted.overall));
  wanted.byClass.forEach((scores, k) => {
    for (const [name, value] of Object.entries(scores))
      expect(found.byClass[k]![name as keyof typeof scores], `${name} of ${k}`).toBeCloseTo(value, 12);
    expect(Object.keys(found.byClass[k]!)).toEqual(Object.keys(scores));
  });
}

describe('scores of several classes', () => {
  test('are scikit-learn’s, plain and weighted', () => {
    expectNear(scorer(), golden.plain);
    expectNear(scorer(golden.weights), golden.weighted);
    const matrix = (weights?: number[]) => confusionMatrix(golden.truths, calls, { classes: 4, weights });
    expect(matrix()).toEqual(golden.plain.confusion);
    expect(matrix(golden.weights)).toEqual(golden.weighted.confusion);
  });

  test('an image of weight 2 counts as one that is there twice', () => {
    const twice = (i: number): number => (i % 3 === 0 ? 2 : 1);
    const repeated = golden.truths.flatMap((_, i) => new Array<number>(twice(i)).fill(i));
    const found = scorer(golden.truths.map((_, i) => twice(i)));
    const wanted = multiClassScorer(
      repeated.map((i) => golden.truths[i]!),
      repeated.map((i) => golden.probabilities[i]!),
    )();
    for (const name of Object.keys(wanted.overall) as (keyof typeof wanted.overall)[])
      expect(found.overall[name], name).toBeCloseTo(wanted.overall[name], 12);
  });

  test('a class without images is in no mean; one that is never called has no precision and counts as 0', () => {
    const without = multiClassScorer(
      golden.truths.map((truth) => (truth === 3 ? 2 : truth)),
      golden.probabilities,
    )();
    expect(without.byClass[3]).toBeNull();
    const present = without.byClass.slice(0, 3).map((scores) => scores!.sensitivity);
    expect(without.overall.balancedAccuracy).toBeCloseTo(present.reduce((a, b) => a + b, 0) / 3, 12);
    const timid = multiClassScorer(
      golden.truths,
      golden.probabilities.map((row) => row.map((p, k) => (k === 3 ? p * 1e-9 : p))),
    )();
    expect(timid.byClass[3]).toMatchObject({ sensitivity: 0, precision: Number.NaN, f1: 0 });
    const precisions = timid.byClass.slice(0, 3).map((scores) => scores!.precision);
    expect(timid.overall.macroPrecision).toBeCloseTo(precisions.reduce((a, b) => a + b, 0) / 4, 12);
  });

  test('of one class, of none, or of unequal lengths there are none', () => {
    const rows = golden.probabilities.slice(0, 2);
    expect(() => multiClassScorer([1, 1], rows)).toThrow(DataError);
    expect(() => multiClassScorer([], [])).toThrow(/0 labels for 0 images/);
    expect(() => multiClassScorer([0], rows)).toThrow(/1 labels for 2 images/);
  });
});

describe('temperature of a softmax', () => {
  const { truths, probabilities, temperature, lossBefore, lossAfter } = golden.validation;
  const logits = probabilities.map((row) => row.map(Math.log));

  test('is scipy’s minimum of scikit-learn’s log loss', () => {
    const fitted = fitSoftmaxTemperature(truths, logits);
    expect(fitted.temperature).toBeCloseTo(temperature, 6);
    expect(fitted.lossBefore).toBeCloseTo(lossBefore, 10);
    expect(fitted.lossAfter).toBeCloseTo(lossAfter, 10);
    expect(fitted.atBound).toBe(false);
    golden.tempered.forEach((row, i) => {
      temperSoftmax(golden.probabilities[i]!, temperature).forEach((p, k) => {
        expect(p).toBeCloseTo(row[k]!, 10);
      });
    });
  });

  test('knows only differences of a row’s logits, however large', () => {
    const shifted = logits.map((row, i) => row.map((z) => z + 1e4 * (i % 7)));
    expect(fitSoftmaxTemperature(truths, shifted).temperature).toBeCloseTo(temperature, 6);
  });

  test('of two classes is that of one logit', () => {
    const labels = truths.map((truth) => (truth === 0 ? 1 : 0));
    const z = probabilities.map(([p]) => Math.log(p! / (1 - p!)));
    const two = fitSoftmaxTemperature(
      labels,
      z.map((value) => [0, value]),
    );
    expect(two.temperature).toBeCloseTo(fitTemperature(labels, z).temperature, 9);
  });

  test('has no maximum where every image is called rightly, and needs numbers', () => {
    const sure = truths.map((truth) => golden.classes.map((_, k) => (k === truth ? 3 : 0)));
    expect(fitSoftmaxTemperature(truths, sure).atBound).toBe(true);
    expect(() => fitSoftmaxTemperature([0], [[Number.NaN, 1]])).toThrow(/image 0 are not/);
  });
});
