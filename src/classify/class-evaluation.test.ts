import { DataError } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import type { Partition } from '../data/dataset/partition.js';
import { multiClassGolden as golden } from '../stats/multi-class.test-data.js';
import { evaluateClasses } from './evaluation.js';
import { type ClassScoreRow, classSummary } from './scores.js';

const { classes } = golden;
type Images = Pick<typeof golden, 'truths' | 'groups' | 'probabilities'>;
const rowsOf = ({ truths, groups, probabilities }: Images): ClassScoreRow[] =>
  truths.map((truth, i) => ({
    id: `i${i}`,
    group: groups[i]!,
    label: classes[truth]!,
    probabilities: probabilities[i]!,
  }));
const rows = rowsOf(golden);
const validation = rowsOf(golden.validation);

const partition = (of: (string | null)[]): Partition => ({
  column: 'site',
  title: 'site',
  values: ['inside', 'outside'],
  of,
});
const site = partition(golden.subgroup.inside.map((inside) => (inside ? 'inside' : 'outside')));
const found = evaluateClasses(rows, classes, { validation, partitions: [site], replicates: 1000 });

describe('evaluateClasses', () => {
  test('scores are scikit-learn’s, and those that training writes down', () => {
    for (const [name, value] of Object.entries(golden.plain.overall))
      expect(found.scores[name as keyof typeof found.scores].value, name).toBeCloseTo(value, 12);
    golden.plain.byClass.forEach((scores, k) => {
      for (const [name, value] of Object.entries(scores))
        expect(found.byClass[k]!.scores![name as keyof typeof scores].value, name).toBeCloseTo(value, 12);
    });
    expect(found.confusion).toEqual(golden.plain.confusion);
    const summary = classSummary(rows, classes);
    expect(found.scores.macroAuc.value).toBeCloseTo(summary.macroAuc, 12);
    summary.classes.forEach(({ name, images, auc, aucInterval: interval }, k) => {
      expect(found.byClass[k]).toMatchObject({ name, images, scores: { auc: { interval } } });
      expect(found.byClass[k]!.scores!.auc.value).toBeCloseTo(auc, 12);
    });
    expect(found).toMatchObject({ images: 631, groups: new Set(golden.groups).size, classes });
    expect(found.byClass.map(({ called }) => called)).toEqual(
      classes.map((_, k) => golden.plain.confusion.reduce((sum, row) => sum + row[k]!, 0)),
    );
  });

  test('intervals: those of an independent bootstrap over patients, around the value; copies do not narrow them', () => {
    for (const [name, { low, high }] of Object.entries(golden.bootstrap)) {
      const { interval, method } = found.scores[name as keyof typeof golden.bootstrap];
      expect(method).toBe('bootstrap');
      // Of 1000 and 4000 replicates: the ends are known to about a twentieth of the width.
      expect(Math.abs(interval!.low - low), name).toBeLessThan(0.08 * (high - low));
      expect(Math.abs(interval!.high - high), name).toBeLessThan(0.08 * (high - low));
    }
    const all = [found.scores, ...found.byClass.map(({ scores }) => scores!)].flatMap((scores) =>
      Object.values(scores),
    );
    expect(all).toHaveLength(10 + 4 * 7);
    for (const { value, interval } of all)
      expect(interval!.low < value! && value! < interval!.high).toBe(true);
    expect(found.scores.accuracy.method).toBe('wilson');
    expect(found.byClass[0]!.scores).toMatchObject({
      auc: { method: 'delong' },
      precision: { method: 'wilson' },
      f1: { method: 'bootstrap' },
    });
    // Every patient's images doubled: nothing more is known.
    const doubled = evaluateClasses([...rows, ...rows], classes, { validation, replicates: 400 });
    for (const name of ['accuracy', 'balancedAccuracy'] as const) {
      const width = ({ low, high }: { low: number; high: number }): number => high - low;
      const ratio = width(doubled.scores[name].interval!) / width(found.scores[name].interval!);
      expect(Math.abs(ratio - 1), name).toBeLessThan(0.15);
    }
  });

  test('calibration is of the class that is called, before and after the temperature of the validation images', () => {
    expect(found.calibration.error).toBeCloseTo(golden.calibration.error, 12);
    expect(found.calibration.bins.map(({ images }) => images)).toEqual(
      golden.calibration.bins.map(([images]) => images),
    );
    found.calibration.bins.forEach(({ meanProbability, observed }, b) => {
      expect(meanProbability).toBeCloseTo(golden.calibration.bins[b]![1], 12);
      expect(observed).toBeCloseTo(golden.calibration.bins[b]![2], 12);
    });
    expect(found.calibration.logLoss).toBe(found.scores.logLoss.value);
    expect(found.temperature.temperature).toBeCloseTo(golden.validation.temperature, 6);
    // These probabilities are too sure, and are drawn as the validation's are.
    expect(found.tempered!.error).toBeLessThan(found.calibration.error);
    expect(found.tempered!.logLoss).toBeLessThan(found.calibration.logLoss);
    expect(found.calibration.floor.high).toBeLessThan(found.calibration.error);
  });

  test('subgroups: mean sensitivity over the classes that both sides have enough of', () => {
    const [inside, outside] = found.subgroups[0]!.subgroups;
    const { judged, own, rest } = golden.subgroup;
    expect(inside!.judged).toEqual(judged);
    expect(inside!.balancedAccuracy!.value).toBeCloseTo(own, 12);
    expect(inside!.difference!.difference).toBeCloseTo(own - rest, 12);
    // The same test seen from the other side, corrected as one.
    expect(outside!.difference!.difference).toBeCloseTo(rest - own, 12);
    expect(outside!.difference!.p).toBe(inside!.difference!.p);
    expect(inside!.difference!.holm).toBe(inside!.difference!.p);
    const { low, high } = inside!.difference!;
    expect(low < own - rest && own - rest < high).toBe(true);
  });

  test('subgroups: images whose value is not known are on no side', () => {
    const unknown = golden.truths.map((_, i) => i % 5 === 0);
    const of = site.of.map((value, i) => (unknown[i] ? null : value));
    const known = rows.filter((_, i) => !unknown[i]);
    const part = partition(of.filter((value) => value !== null));
    const all = evaluateClasses(rows, classes, { validation, partitions: [partition(of)], replicates: 20 });
    const alone = evaluateClasses(known, classes, { validation, partitions: [part], replicates: 20 });
    const [some, same] = [all, alone].map(({ subgroups }) => subgroups[0]!.subgroups[0]!);
    expect(all.subgroups[0]!.missing).toBe(rows.length - known.length);
    expect(some!.images).toBe(same!.images);
    expect(some!.judged).toEqual(same!.judged);
    expect(some!.difference!.difference).toBeCloseTo(same!.difference!.difference, 12);
  });

  test('subgroups: a planted weakness is found; one with few patients is not judged; unknown ones are left out', () => {
    // Of every second patient inside, the likeliest and the second class change places.
    const spoilt = rows.map((row, i) => {
      if (!golden.subgroup.inside[i] || Number(row.group.slice(1)) % 2 === 0) return row;
      const turned = [...row.probabilities];
      turned.push(turned.shift()!);
      return { ...row, probabilities: turned };
    });
    const few = {
      ...partition(golden.groups.map((group) => (group < 'p11' ? 'inside' : null))),
      title: 'few',
    };
    const evaluation = evaluateClasses(spoilt, classes, {
      validation,
      partitions: [site, few],
      replicates: 300,
    });
    const [tested, untested] = evaluation.subgroups;
    expect(tested!.subgroups[0]!.difference!.difference).toBeLessThan(-0.1);
    expect(tested!.subgroups[0]!.difference!.holm).toBeLessThan(0.01);
    expect(untested!.missing).toBeGreaterThan(500);
    expect(untested!.subgroups[0]).toMatchObject({ few: true, balancedAccuracy: null, difference: null });
    expect(untested!.subgroups[0]!.accuracy).not.toBeNull();
  });

  test.each([
    ['all told apart', (k: number) => [0, 1, 2].map((j) => (j === k ? 0.8 : 0.1))],
    ['certain of all', (k: number) => [0, 1, 2].map((j) => (j === k ? 1 : 0))],
    ['nothing but one class called', () => [0.6, 0.2, 0.2]],
  ])('no interval is a point or leaves its range: %s', (_, probabilitiesOf) => {
    const names = ['a', 'b', 'c'];
    const made = Array.from({ length: 36 }, (_, i): ClassScoreRow => {
      const k = (i >> 1) % 3;
      return { id: `i${i}`, group: `p${i >> 1}`, label: names[k]!, probabilities: probabilitiesOf(k) };
    });
    const few = evaluateClasses(made, names, { validation: made, replicates: 100 });
    for (const one of [few.scores, ...few.byClass.map(({ scores }) => scores!)]) {
      for (const [name, { value, interval }] of Object.entries(one)) {
        if (value === null) continue;
        expect(interval!.high - interval!.low, name).toBeGreaterThan(0.01);
        expect(interval!.low <= value && value <= interval!.high, name).toBe(true);
        expect(interval!.low, name).toBeGreaterThanOrEqual(0);
        if (name !== 'logLoss') expect(interval!.high, name).toBeLessThanOrEqual(name === 'brier' ? 2 : 1);
      }
    }
    if (few.scores.macroAuc.value === 1) expect(few.scores.macroAuc.interval!.low).toBeCloseTo(0.54074, 5);
  });

  test('images of another place may lack a class, not bring a new one', () => {
    const elsewhere = rows.filter(({ label }) => label !== 'dermatofibroma');
    const without = evaluateClasses(elsewhere, classes, { validation, replicates: 50 });
    expect(without.byClass[3]).toMatchObject({ images: 0, groups: 0, scores: null });
    expect(without.confusion[3]).toEqual([0, 0, 0, 0]);
    const strange = rows.map((row, i) => (i === 3 ? { ...row, label: 'wart' } : row));
    expect(() => evaluateClasses(strange, classes, { validation })).toThrow(DataError);
    expect(() => evaluateClasses(strange, classes, { validation })).toThrow(
      /image 'i3' is 'wart', which is none of the run's classes: melanoma, nevus/,
    );
  });
});
