import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { aucCovariance, intervalAround } from '../stats/delong.js';
import { halfWidth, inference, meanDifference, meanOf } from '../stats/seeds.js';
import { compareSets, compareTraining, estimate, measureAccuracy, measureAuc } from './gan-scores.js';
import type { ScoreRow } from './scores.js';

const row = (i: number, label: 0 | 1, score: number, group = `group-${i}`): ScoreRow => ({
  id: `image-${i}`,
  group,
  label,
  score,
});

/** Scores of each seed's classifier; pairs of images share a group. */
function drawSeeds(random: Random, { seeds = 3, images = 60, signal = 1 } = {}): ScoreRow[][] {
  const hardness = Array.from({ length: images }, () => random.normal());
  return Array.from({ length: seeds }, () =>
    hardness.map((hard, i) => {
      const label = i % 6 < 2 ? 1 : 0;
      const logit = signal * (label - 0.5) + hard + random.normal(0, 0.5);
      return row(i, label, 1 / (1 + Math.exp(-logit)), `lesion-${i >> 1}`);
    }),
  );
}

describe('GAN-train against GAN-base', () => {
  test('a few images that all seeds tell apart leave an interval to both and to the difference', () => {
    const apart = [0, 1].map(() =>
      Array.from({ length: 12 }, (_, i) => row(i, i < 6 ? 1 : 0, i < 6 ? 0.9 : 0.1)),
    );
    const blind = apart.map((rows) => rows.map((one) => ({ ...one, score: 0.5 })));
    const same = compareTraining(apart, apart);
    expect(same.synthetic.interval![0]).toBeCloseTo(0.54074, 5);
    expect(same.difference.value).toBe(0);
    expect(same.difference.interval![0]).toBeCloseTo(-0.32132, 5);
    expect(same.difference.interval![1]).toBeCloseTo(0.32132, 5);
    expect(same.difference.p).toBe(1);
    // Nothing varies here either, neither over images nor over seeds.
    const other = compareTraining(blind, apart);
    expect(other.synthetic.interval![1] - other.synthetic.interval![0]).toBeGreaterThan(0.2);
    expect(other.difference.value).toBe(-0.5);
    expect(other.difference.interval![1] - other.difference.interval![0]).toBeGreaterThan(0.2);
    expect(other.difference.interval![0]).toBeGreaterThanOrEqual(-1);
    expect(other.difference.p).toBeGreaterThan(0);
  });

  test('mean AUCs and their paired difference, as a trial has them', () => {
    const random = new Random(1);
    const [ganTrain, base] = [drawSeeds(random, { signal: 0.5 }), drawSeeds(random, { signal: 2 })];
    const { synthetic, real, difference } = compareTraining(ganTrain, base);
    const labels = base[0]!.map(({ label }) => label);
    const groups = base[0]!.map(({ group }) => group);
    const scores = (seeds: ScoreRow[][]) => seeds.map((rows) => rows.map(({ score }) => score));
    const single = meanOf(aucCovariance(labels, scores(ganTrain), { groups }), [...scores(ganTrain).keys()]);
    const { low, high } = intervalAround(single.mean, halfWidth(single, 0.05), { smallerClass: 10 });
    expect(synthetic.value).toBeCloseTo(single.mean, 14);
    expect(synthetic.interval).toEqual([low, high]);
    const paired = inference(meanDifference(labels, [scores(ganTrain), scores(base)], groups));
    expect(difference.interval).toEqual([paired.low, paired.high]);
    expect(difference.p).toBe(paired.p);
    expect(difference.value).toBeCloseTo(synthetic.value - real.value, 14);
    expect(difference.value).toBeLessThan(0);
    expect(difference.values).toHaveLength(3);
  });

  test('one seed has no spread; a class with one group has no interval', () => {
    const random = new Random(2);
    const one = estimate(measureAuc(drawSeeds(random, { seeds: 1 })));
    expect(one.sd).toBeNull();
    expect(one.interval).not.toBeNull();
    const few = drawSeeds(random).map((rows) => rows.filter(({ label }, i) => label === 0 || i < 2));
    const { synthetic, difference } = compareTraining(few, few);
    expect(synthetic.interval).toBeNull();
    expect(synthetic.sd).toBeGreaterThan(0);
    expect(difference).toMatchObject({ value: 0, interval: null, p: null });
  });
});

describe('GAN-test', () => {
  test('accuracy at each seed’s own threshold; of positives alone, the share called positive', () => {
    const rows = [row(0, 1, 0.9), row(1, 1, 0.4), row(2, 0, 0.4), row(3, 0, 0.1)];
    expect(measureAccuracy([rows, rows, rows], [0.5, 0.4, 2]).values).toEqual([3 / 4, 3 / 4, 2 / 4]);
    const positives = rows.filter(({ label }) => label === 1);
    expect(measureAccuracy([positives, positives, positives], [0.5, 0.4, 2]).values).toEqual([1 / 2, 1, 0]);
  });

  test('all images right: an exact bound and no certain difference', () => {
    const right = Array.from({ length: 20 }, (_, i) => row(i, 1, 0.9));
    const all = measureAccuracy([right, right], [0.5, 0.5]);
    const [low, high] = estimate(all).interval!;
    expect(low).toBeCloseTo(0.025 ** (1 / 20), 12); // Clopper–Pearson
    expect(high).toBe(1);
    const { difference } = compareSets(all, all);
    expect(difference.value).toBe(0);
    expect(difference.interval![1]).toBeGreaterThan(0.1);
    expect(difference.p).toBe(1);
  });

  test('the interval of the difference holds the truth as often as it says', () => {
    const random = new Random(3);
    const draw = (images: number, moods: readonly number[], first: number): ScoreRow[][] => {
      const hardness = Array.from({ length: images }, () => random.normal());
      return moods.map((mood) => hardness.map((hard, i) => row(first + i, 1, mood + hard > 0 ? 1 : 0)));
    };
    const trials = 300;
    let held = 0;
    for (let t = 0; t < trials; t++) {
      const moods = [0, 1, 2].map(() => random.normal(0.5, 0.3));
      const wobble = moods.map((mood) => mood + random.normal(0, 0.1));
      const thresholds = [0.5, 0.5, 0.5];
      const { difference } = compareSets(
        measureAccuracy(draw(80, wobble, 100), thresholds),
        measureAccuracy(draw(50, moods, 0), thresholds),
      );
      if (difference.interval![0] <= 0 && difference.interval![1] >= 0) held++;
    }
    expect(held / trials).toBeGreaterThan(0.92);
    expect(held / trials).toBeLessThan(0.995);
  });
});
