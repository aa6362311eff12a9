import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { classifyGolden } from './classify.test-data.js';
import { meanAndDeviation, spearman } from './paired.js';
import { proportion, proportionDifference, wilsonInterval } from './proportion.js';
import { subgroupAucDifference } from './subgroup-auc.js';

describe('AUC within a subgroup and within the rest', () => {
  const { labels, probabilities, groups, inside, ...golden } = classifyGolden.subgroup;

  test('patients on both sides tie them together: the covariance over all pairs', () => {
    const found = subgroupAucDifference(labels, probabilities, { inside, groups })!;
    for (const key of ['difference', 'standardError', 'low', 'high', 'p'] as const)
      expect(found[key], key).toBeCloseTo(golden[key], 11);
    expect(Math.abs(golden.standardError - golden.independentError)).toBeGreaterThan(1e-3);
  });

  test('the sides exchanged: the same with the other sign', () => {
    const found = subgroupAucDifference(labels, probabilities, { inside, groups })!;
    const swapped = inside.map((value) => (value === null ? null : !value));
    const other = subgroupAucDifference(labels, probabilities, { inside: swapped, groups })!;
    expect(other.difference).toBeCloseTo(-found.difference, 14);
    expect(other.low).toBeCloseTo(-found.high, 14);
    expect(other.p).toBeCloseTo(found.p, 12);
  });

  test('the interval of a difference stays within −1 and 1', () => {
    // Inside nearly all pairs are right, outside nearly all are wrong, of three images of a class each.
    const few = [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1];
    const scores = [1, 2, 4, 3, 5, 6, 6, 5, 3, 4, 2, 1];
    const { difference, low, high } = subgroupAucDifference(few, scores, {
      inside: few.map((_, i) => i < 6),
    })!;
    expect(difference).toBeCloseTo(7 / 9, 12);
    expect([low > 0, high]).toEqual([true, 1]);
  });

  test('holds its level: no difference is called real in about 5 % of samples with clusters', () => {
    const random = new Random(9);
    const ps: number[] = [];
    const zs: number[] = [];
    for (let round = 0; round < 400; round++) {
      const [y, s, g, side]: [number[], number[], string[], boolean[]] = [[], [], [], []];
      for (let patient = 0; patient < 90; patient++) {
        const own = random.normal();
        for (let image = 0; image < 4; image++) {
          const label = random.chance(0.35) ? 1 : 0;
          y.push(label);
          s.push(1.2 * label + own + random.normal());
          g.push(`p${patient}`);
          side.push(random.chance(0.5));
        }
      }
      const found = subgroupAucDifference(y, s, { inside: side, groups: g })!;
      ps.push(found.p);
      zs.push(found.difference / found.standardError);
    }
    const share = ps.filter((p) => p < 0.05).length / ps.length;
    expect(share).toBeGreaterThan(0.02);
    expect(share).toBeLessThan(0.085);
    expect(Math.abs(meanAndDeviation(zs).deviation - 1)).toBeLessThan(0.12);
  });

  test('too few groups of a class, or a side without an error, have none', () => {
    const y = [1, 1, 0, 0, 1, 1, 0, 0];
    const side = [true, true, true, true, false, false, false, false];
    const s = [0.9, 0.2, 0.5, 0.1, 0.8, 0.3, 0.6, 0.2];
    expect(subgroupAucDifference(y, s, { inside: side })).not.toBeNull();
    const onePatient = ['a', 'a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect(subgroupAucDifference(y, s, { inside: side, groups: onePatient })).toBeNull();
    expect(subgroupAucDifference(y, [0.9, 0.8, 0.5, 0.1, 0.8, 0.3, 0.6, 0.2], { inside: side })).toBeNull();
  });
});

describe('shares by group', () => {
  test('Wilson’s interval is scipy’s', () => {
    for (const { hits, images, low, high } of classifyGolden.wilson) {
      const interval = wilsonInterval(hits / images, images);
      expect(interval.low).toBeCloseTo(low, 12);
      expect(interval.high).toBeCloseTo(high, 12);
      const values = Array.from({ length: images }, (_, i) => (i < hits ? 1 : 0));
      const found = proportion(values)!;
      expect(found.value).toBeCloseTo(hits / images, 14);
      // The sample variance has n − 1 below.
      expect(Math.abs(found.effective - images)).toBeLessThan(1 + 1e-9);
    }
  });

  test('each image twice under one name says no more than once', () => {
    const random = new Random(2);
    const once = Array.from({ length: 60 }, () => (random.chance(0.3) ? 1 : 0));
    const names = once.map((_, i) => `p${i}`);
    const single = proportion(once, { groups: names })!;
    const double = proportion([...once, ...once], { groups: [...names, ...names] })!;
    expect(double.images).toBe(120);
    expect(double.low).toBeCloseTo(single.low, 12);
    expect(double.high).toBeCloseTo(single.high, 12);
    expect(proportion([...once, ...once])!.low).toBeGreaterThan(single.low + 0.01);
  });

  test('all right among three patients, one patient with most of the images: hardly more than one', () => {
    const groups = Array.from({ length: 50 }, (_, i) => (i < 48 ? 'a' : `b${i}`));
    const found = proportion(new Uint8Array(50).fill(1), { groups })!;
    expect(found.effective).toBeCloseTo(2500 / (48 * 48 + 2), 12);
    expect(found.low).toBeLessThan(0.25);
  });

  test('none found among few patients: each counts once', () => {
    const found = proportion([1, 1, 1, 1, 1, 1], { groups: ['a', 'a', 'a', 'b', 'b', 'b'] })!;
    expect(found).toMatchObject({ value: 1, images: 6, effective: 2, high: 1 });
    expect(found.low).toBeLessThan(0.4);
    expect(proportion([])).toBeNull();
  });

  test('difference: Newcombe’s own example, 56/70 − 48/80 = 0.2 (0.0524 to 0.3339)', () => {
    const share = (hits: number, images: number) => ({
      value: hits / images,
      images,
      effective: images,
      ...wilsonInterval(hits / images, images),
    });
    const { difference, low, high } = proportionDifference(share(56, 70), share(48, 80));
    expect(difference).toBeCloseTo(0.2, 14);
    expect(low).toBeCloseTo(0.0524, 4);
    expect(high).toBeCloseTo(0.3339, 4);
  });
});

describe('rank correlation', () => {
  const { a, b, value } = classifyGolden.spearman;

  test('is scipy’s, ties included', () => expect(spearman(a, b)).toBeCloseTo(value, 13));

  test('monotone maps change nothing; a constant has none; lengths must agree', () => {
    expect(
      spearman(
        a,
        b.map((x) => x ** 3 + 2),
      ),
    ).toBeCloseTo(value, 13);
    expect(
      spearman(
        a,
        a.map((x) => -x),
      ),
    ).toBeCloseTo(-1, 13);
    expect(spearman([1, 2, 3], [4, 4, 4])).toBeNaN();
    expect(() => spearman([1, 2], [1])).toThrow(/pairs/);
  });
});
