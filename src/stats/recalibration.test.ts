import { readFileSync } from 'node:fs';
import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { benefitOfAll, benefitOfImages, netBenefit } from './decision-curve.js';
import { clusterCovariance } from './groups.js';
import { recalibrate } from './recalibration.js';

interface Case {
  name: string;
  labels: number[];
  probabilities: number[];
  groups: string[];
  slope: number;
  slopeError: number;
  intercept: number;
  interceptError: number;
  benefit: { threshold: number; net: number; all: number }[];
}

/** Made by recalibration.py beside it. */
const { cases } = JSON.parse(
  readFileSync(new URL('../../test/goldens/recalibration.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

describe.each(cases.map((one) => [one.name, one] as const))('%s', (_, golden) => {
  const { labels, probabilities, groups } = golden;

  test('slope and intercept are statsmodels’, and so are their errors by group', () => {
    const { slope, intercept, influences } = recalibrate(labels, probabilities)!;
    expect(slope).toBeCloseTo(golden.slope, 7);
    expect(intercept).toBeCloseTo(golden.intercept, 7);
    const { covariance } = clusterCovariance([influences.slope, influences.intercept], labels.length, groups);
    expect(Math.sqrt(covariance[0]![0]!)).toBeCloseTo(golden.slopeError, 6);
    expect(Math.sqrt(covariance[1]![1]!)).toBeCloseTo(golden.interceptError, 6);
  });

  test('net benefit is that of the confusion matrix', () => {
    const prevalence = labels.reduce((sum, label) => sum + label, 0) / labels.length;
    for (const { threshold, net, all } of golden.benefit) {
      expect(netBenefit(labels, probabilities, threshold)).toBeCloseTo(net, 12);
      expect(benefitOfAll(prevalence, threshold)).toBeCloseTo(all, 12);
    }
  });
});

describe('recalibration', () => {
  const random = new Random(5);
  const logits = Array.from({ length: 4000 }, () => 1.5 * random.normal() - 0.5);
  const probability = (x: number): number => 1 / (1 + Math.exp(-x));
  const labels = logits.map((x) => (random.chance(probability(x)) ? 1 : 0));

  test('of true probabilities: slope 1, intercept 0; of twice the logit, half the slope', () => {
    const { slope, intercept } = recalibrate(labels, logits.map(probability))!;
    expect(Math.abs(slope - 1)).toBeLessThan(0.12);
    expect(Math.abs(intercept)).toBeLessThan(0.12);
    expect(
      recalibrate(
        labels,
        logits.map((x) => probability(2 * x)),
      )!.slope,
    ).toBeCloseTo(slope / 2, 4);
    const shifted = recalibrate(
      labels,
      logits.map((x) => probability(x + 0.7)),
    )!;
    expect(shifted.slope).toBeCloseTo(slope, 5);
    expect(shifted.intercept).toBeCloseTo(intercept - 0.7, 5);
  });

  test('influences sum to 0', () => {
    const { influences } = recalibrate(labels, logits.map(probability))!;
    for (const own of [influences.slope, influences.intercept])
      expect(Math.abs(own.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-6);
  });

  test('there is none where classes are told apart, or where all probabilities are alike', () => {
    expect(recalibrate([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])).toBeNull();
    expect(recalibrate([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3])).toBeNull();
    expect(recalibrate([0, 1, 0, 1, 1], [0, 0.4, 1, 1, 0.6])).not.toBeNull();
  });
});

test('a threshold of 0 treats all; nobody is treated above the highest probability', () => {
  const [labels, probabilities] = [
    [0, 1, 1, 0],
    [0.1, 0.6, 0.3, 0.5],
  ];
  expect(netBenefit(labels, probabilities, 0)).toBe(0.5);
  expect(netBenefit(labels, probabilities, 0.7)).toBe(0);
  expect([...benefitOfImages(labels, probabilities, 0.5)]).toEqual([0, 1, 0, -1]);
  expect(() => netBenefit(labels, probabilities, 1)).toThrow('[0, 1)');
});
