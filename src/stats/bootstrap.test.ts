import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { classDraw, groupDraw, hierarchicalBootstrap, percentileInterval, weightedAuc } from './bootstrap.js';
import { aucCovariance, aucInterval } from './delong.js';
import { statsGolden } from './golden.test-data.js';
import { meanAndDeviation } from './paired.js';
import { auc } from './roc.js';

const { labels, scores, groups } = statsGolden.delong[1]!;

describe('bootstrap by group', () => {
  test('weighted AUC equals the AUC of the images repeated so often (ties included)', () => {
    const random = new Random(3);
    const weights = Float64Array.from(labels, () => random.int(4));
    const repeated = labels.flatMap((_, i) => new Array<number>(weights[i]!).fill(i));
    const expected = auc(
      repeated.map((i) => labels[i]!),
      repeated.map((i) => scores[0]![i]!),
    );
    expect(weightedAuc(labels, scores[0]!)(weights)).toBeCloseTo(expected, 13);
  });

  test('groups are drawn whole, and within their stratum', () => {
    const draw = groupDraw(labels, groups);
    const random = new Random(8);
    const stratum = (name: string): string => {
      const members = labels.filter((_, i) => groups[i] === name);
      return members.every((l) => l === 1) ? 'positive' : members.some((l) => l === 1) ? 'both' : 'negative';
    };
    const distinct = [...new Set(groups)];
    for (let round = 0; round < 20; round++) {
      const weights = draw(random);
      const drawn = { positive: 0, both: 0, negative: 0 };
      for (const name of distinct) {
        const own = new Set(labels.flatMap((_, i) => (groups[i] === name ? [weights[i]!] : [])));
        expect(own.size).toBe(1);
        drawn[stratum(name) as keyof typeof drawn] += [...own][0]!;
      }
      for (const kind of ['positive', 'both', 'negative'] as const)
        expect(drawn[kind]).toBe(distinct.filter((name) => stratum(name) === kind).length);
    }
  });

  test('agrees with DeLong on a moderate sample: same deviation within 12 %, same interval within .02', () => {
    const random = new Random(12);
    const many = Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const values = many.map((label) => random.normal(label));
    const area = weightedAuc(many, values);
    const draw = groupDraw(many);
    const replicates = Float64Array.from({ length: 1500 }, () => area(draw(random)));
    const { aucs, covariance } = aucCovariance(many, [values]);
    const ratio = meanAndDeviation(replicates).deviation / Math.sqrt(covariance[0]![0]!);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.12);
    const ours = percentileInterval(replicates);
    const theirs = aucInterval(aucs[0]!, covariance[0]![0]!);
    expect(Math.abs(ours.low - theirs.low)).toBeLessThan(0.02);
    expect(Math.abs(ours.high - theirs.high)).toBeLessThan(0.02);
  });

  test('hierarchical: arms share their draws, seeds widen the interval, the seed fixes it', () => {
    const first = [scores[0]!, scores[1]!];
    const shifted = first.map((arm) => arm.map((value) => value * 2 + 1));
    const [a, b] = hierarchicalBootstrap(labels, [first, shifted], {
      groups,
      replicates: 200,
      random: new Random(1),
    });
    // A monotone map of the scores leaves every replicate as it is, only if both saw the same draw.
    expect(Array.from(a!)).toEqual(Array.from(b!));
    const again = hierarchicalBootstrap(labels, [first], { groups, replicates: 200, random: new Random(1) });
    expect(Array.from(again[0]!)).toEqual(Array.from(a!));
    const good = labels.map((label, i) => label + 0.01 * scores[0]![i]!);
    const poor = labels.map((_, i) => Math.sin(i));
    const [mixed] = hierarchicalBootstrap(labels, [[good, poor]], { replicates: 300, random: new Random(2) });
    const { low, high } = percentileInterval(mixed!);
    expect(high - low).toBeGreaterThan(0.4);
  });
});

test('several classes: every replicate has as many groups of each class as there are, whole ones', () => {
  const truths = [0, 0, 0, 0, 1, 1, 2, 0, 2, 0];
  // The last group has images of a rare class and of the most frequent one: it is drawn with the rare.
  const groups = ['a', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'h'];
  const draw = classDraw(truths, groups);
  const random = new Random(5);
  const seen = new Set<string>();
  for (let replicate = 0; replicate < 200; replicate++) {
    const weights = draw(random);
    const times = (name: string): number => weights[groups.indexOf(name)]!;
    groups.forEach((name, i) => {
      expect(weights[i]).toBe(times(name));
    });
    for (const stratum of ['abcg', 'de', 'fh']) {
      expect([...stratum].reduce((sum, name) => sum + times(name), 0)).toBe(stratum.length);
    }
    seen.add(weights.join());
  }
  expect(seen.size).toBeGreaterThan(100);
});
