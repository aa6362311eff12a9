import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { calibrationBins, calibrationError, calibrationFloor } from './calibration.js';
import { classifyGolden } from './classify.test-data.js';
import { fitTemperature, logit, sigmoid, temper } from './temperature.js';

describe('calibration', () => {
  test('bins and error are those of scikit-learn’s calibration curve', () => {
    for (const { labels, probabilities, calibration } of classifyGolden.scores) {
      for (const { bins, observed, mean, images, error } of calibration) {
        const ours = calibrationBins(labels, probabilities, { bins });
        expect(ours.map((bin) => bin.images)).toEqual(images);
        ours.forEach((bin, b) => {
          expect(bin.observed).toBeCloseTo(observed[b]!, 13);
          expect(bin.meanProbability).toBeCloseTo(mean[b]!, 13);
          expect(bin.positives).toBe(Math.round(observed[b]! * images[b]!));
        });
        expect(calibrationError(labels, probabilities, { bins })).toBeCloseTo(error, 13);
      }
    }
  });

  test('bins by count hold about as many images each, and equal probabilities stay together', () => {
    const { labels, probabilities } = classifyGolden.scores[0]!;
    const bins = calibrationBins(labels, probabilities, { bins: 6, by: 'count' });
    expect(bins).toHaveLength(6);
    for (const { images } of bins) expect(Math.abs(images - 25)).toBeLessThanOrEqual(1);
    const tied = calibrationBins([0, 1, 0, 1], [0.4, 0.4, 0.4, 0.4], { bins: 3, by: 'count' });
    expect(tied).toHaveLength(1);
    expect(tied[0]).toMatchObject({ images: 4, positives: 2, observed: 0.5 });
  });

  test('the floor is the error of true probabilities, and falls with more images', () => {
    const random = new Random(5);
    const errors: number[] = [];
    const probabilities = Array.from({ length: 300 }, () => random.next() ** 2);
    for (let round = 0; round < 200; round++) {
      const labels = probabilities.map((p) => (random.chance(p) ? 1 : 0));
      errors.push(calibrationError(labels, probabilities));
    }
    const mean = errors.reduce((sum, value) => sum + value, 0) / errors.length;
    const floor = calibrationFloor(probabilities, { random: new Random(6) });
    expect(Math.abs(floor.mean / mean - 1)).toBeLessThan(0.06);
    const below = errors.filter((error) => error <= floor.high).length / errors.length;
    expect(below).toBeGreaterThan(0.91);
    expect(below).toBeLessThan(0.985);
    const many = Array.from({ length: 10 }, () => probabilities).flat();
    expect(calibrationFloor(many, { random: new Random(6) }).mean).toBeLessThan(0.4 * floor.mean);
  });

  test('logits, labels that are none, no images, no bins are refused', () => {
    expect(() => calibrationError([1, 0], [2.3, -1])).toThrow(/sigmoid/);
    expect(() => calibrationError([2, 0], [0.3, 0.1])).toThrow(/0 or 1/);
    expect(() => calibrationError([], [])).toThrow(/0 labels/);
    expect(() => calibrationBins([1, 0], [0.3, 0.1], { bins: 0 })).toThrow(/1 bin/);
  });
});

describe('temperature', () => {
  test('is the one that scipy’s minimiser finds', () => {
    for (const golden of classifyGolden.temperature) {
      const found = fitTemperature(golden.labels, golden.probabilities.map(logit));
      expect(found.temperature / golden.temperature).toBeCloseTo(1, 6);
      expect(found.lossBefore).toBeCloseTo(golden.lossBefore, 10);
      expect(found.lossAfter).toBeCloseTo(golden.lossAfter, 10);
      expect(found.atBound).toBe(false);
    }
  });

  test('property: logits times k give k times the temperature; tempering twice gives 1', () => {
    const { labels, probabilities } = classifyGolden.temperature[0]!;
    const logits = probabilities.map(logit);
    const { temperature } = fitTemperature(labels, logits);
    for (const k of [0.01, 0.5, 7, 200]) {
      const scaled = logits.map((z) => k * z);
      expect(fitTemperature(labels, scaled).temperature / (k * temperature)).toBeCloseTo(1, 8);
    }
    const tempered = probabilities.map((p) => logit(temper(p, temperature)));
    expect(fitTemperature(labels, tempered).temperature).toBeCloseTo(1, 8);
  });

  test('classes that are separated, or upside down, have none', () => {
    const separated = fitTemperature([0, 0, 1, 1], [-2, -1, 1, 3]);
    expect(separated.atBound).toBe(true);
    expect(separated.temperature).toBeCloseTo(0.001, 12);
    const upsideDown = fitTemperature([1, 1, 0, 0], [-2, -1, 1, 3]);
    expect(upsideDown).toMatchObject({ atBound: true, temperature: 1000 });
  });

  test('logit and sigmoid are inverse, and finite at 0 and 1', () => {
    for (const p of [1e-12, 0.03, 0.5, 0.999]) expect(sigmoid(logit(p)) / p).toBeCloseTo(1, 12);
    expect(logit(1)).toBeCloseTo(36.74, 1);
    expect(logit(0)).toBeCloseTo(-36.74, 1);
    expect(sigmoid(-800)).toBe(0);
  });
});
