import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { combineReplicates, scoreReplicates } from './bootstrap.js';
import { aucCovariance } from './delong.js';
import { shareCovariance } from './proportion.js';
import { binaryScorer } from './scores.js';
import { meanDifference, meanOf } from './seeds.js';

const random = new Random(21);
/** Groups of one, two and three images by turns; four classifiers that agree on what is hard. */
const groups = Array.from({ length: 200 }, (_, i) => `g${Math.floor(i / 2) + (i % 5 === 0 ? 1 : 0)}`);
const labels = groups.map((group) => (Number(group.slice(1)) % 3 === 0 ? 1 : 0));
const hardness = new Map(groups.map((group) => [group, random.normal()]));
const scores = Array.from({ length: 4 }, () =>
  labels.map((label, i) => {
    const x = 1.2 * label + hardness.get(groups[i]!)! + random.normal(0, 0.7) - 0.5;
    return 1 / (1 + Math.exp(-x));
  }),
);
const readers = scores.map((own) => ({ scores: own, threshold: 0.5 }));
const made = scoreReplicates(labels, readers, {
  scores: ['auc', 'sensitivity', 'brier', 'averagePrecision'],
  groups,
  replicates: 3000,
  random: new Random(3),
});

describe('scores with replicates over images', () => {
  test('values are the scores themselves', () => {
    readers.forEach((reader, i) => {
      expect(made[i]!.values).toEqual(binaryScorer(labels, reader.scores, 0.5)());
    });
  });

  test('covariance agrees with the formula by group where there is one: AUC and sensitivity, to 15 %', () => {
    const auc = combineReplicates(made, 'auc');
    const exact = meanOf(aucCovariance(labels, scores, { groups }), [...scores.keys()]);
    expect(auc.mean).toBeCloseTo(exact.mean, 12);
    expect(auc.seedVariance).toBeCloseTo(exact.seedVariance!, 12);
    expect(Math.abs(auc.testVariance / exact.testVariance - 1)).toBeLessThan(0.15);

    const positives = labels.flatMap((label, i) => (label === 1 ? [i] : []));
    const called = scores.map((own) => positives.map((i) => (own[i]! >= 0.5 ? 1 : 0)));
    const { covariance } = shareCovariance(
      called,
      positives.map((i) => groups[i]!),
    );
    const mean = (covariance[0]![1]! + covariance[0]![2]! + covariance[1]![2]!) / 3;
    const sensitivity = combineReplicates(made.slice(0, 3), 'sensitivity');
    expect(Math.abs(sensitivity.testVariance / mean - 1)).toBeLessThan(0.15);
  });

  test('differences stay paired: what both share of an image cancels', () => {
    const difference = combineReplicates([made[0]!], 'auc', { minus: [made[1]!] });
    const exact = meanDifference(labels, [[scores[0]!], [scores[1]!]], groups);
    expect(difference.mean).toBeCloseTo(exact.mean, 12);
    expect(Math.abs(difference.testVariance / exact.testVariance - 1)).toBeLessThan(0.15);
    expect(difference.testVariance).toBeLessThan(combineReplicates([made[0]!], 'auc').testVariance);
    expect(combineReplicates([made[2]!], 'brier', { minus: [made[2]!] })).toMatchObject({
      mean: 0,
      testVariance: 0,
    });
  });
});
