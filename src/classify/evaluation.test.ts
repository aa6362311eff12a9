import { Random } from 'graft-torch/base';
import { describe, expect, test } from 'vitest';
import { partitionsOf } from '../data/dataset/partition.js';
import { classifyGolden } from '../stats/classify.test-data.js';
import { holm } from '../stats/multiplicity.js';
import { chooseThreshold } from '../stats/scores.js';
import { evaluateScores, type ScoreName } from './evaluation.js';
import { aucIntervalOf, type ScoreRow } from './scores.js';
import { FEWEST_TO_JUDGE, subgroupTables } from './subgroups.js';
import { wrongest } from './worst.js';

/** Patients with one to three images each; probabilities are true unless `sharpness` is not 1. */
function patients(
  seed: number,
  count: number,
  options: { sharpness?: number; score?: (label: number, sex: string, random: Random) => number } = {},
): { rows: ScoreRow[]; metadata: Record<string, string>[] } {
  const random = new Random(seed);
  const { sharpness = 1, score } = options;
  const rows: ScoreRow[] = [];
  const metadata: Record<string, string>[] = [];
  for (let patient = 0; patient < count; patient++) {
    const sex = random.chance(0.5) ? 'male' : 'female';
    const age = String(5 * (4 + random.int(14)));
    for (let image = random.int(3); image >= 0; image--) {
      const logit = random.normal(-0.8, 1.3);
      const label = random.chance(1 / (1 + Math.exp(-logit))) ? 1 : 0;
      const z = score ? score(label, sex, random) : sharpness * logit;
      rows.push({
        id: `i${rows.length}`,
        group: `p${patient}`,
        label,
        score: 1 / (1 + Math.exp(-z)),
      });
      metadata.push({ sex: random.chance(0.03) ? 'unknown' : sex, age_approx: age, note: `n${rows.length}` });
    }
  }
  return { rows, metadata };
}

const validation = patients(1, 250).rows;
const under = patients(2, 250);

describe('evaluation', () => {
  test.each([
    ['all told apart', (label: number) => (label === 1 ? 0.9 : 0.1)],
    ['certain of all', (label: number) => label],
    ['certain and wrong of all', (label: number) => 1 - label],
    ['all called positive, and alike', () => 0.9],
    ['all called negative', () => 0.2],
  ])('no interval is a point or leaves its range: %s', (_, scoreOf) => {
    const rows = Array.from({ length: 24 }, (_, i): ScoreRow => {
      const label = i % 4 < 2 ? 1 : 0;
      return { id: `i${i}`, group: `p${i >> 1}`, label, score: scoreOf(label) };
    });
    const { scores } = evaluateScores(rows, { validation, threshold: 0.5, replicates: 200 });
    for (const [name, { value, interval }] of Object.entries(scores)) {
      if (value === null) continue;
      expect(interval!.high - interval!.low, name).toBeGreaterThan(0.01);
      expect(interval!.low <= value && value <= interval!.high, name).toBe(true);
      expect(interval!.low, name).toBeGreaterThanOrEqual(0);
      if (name !== 'logLoss') expect(interval!.high, name).toBeLessThanOrEqual(1);
    }
    // Six patients of each class, two images each: 0.54 is the exact bound of 6 of 6, not of 12 of 12.
    if (scores.averagePrecision.value === 1) {
      for (const name of ['auc', 'averagePrecision', 'balancedAccuracy', 'f1'] as const)
        expect(scores[name].interval!.low, name).toBeCloseTo(0.54074, 5);
      expect(scores.sensitivityAt90Specificity.interval!.low).toBeCloseTo(0.54074, 5);
      expect(scores.specificityAt95Sensitivity.interval!.low).toBeCloseTo(0.54074, 5);
    }
  });

  test('values are those of scikit-learn, at the threshold that is given', () => {
    for (const { labels, probabilities, threshold, scores } of classifyGolden.scores) {
      const rows = labels.map(
        (label, i): ScoreRow => ({
          id: `${i}`,
          group: `${i}`,
          label: label as 0 | 1,
          score: probabilities[i]!,
        }),
      );
      const found = evaluateScores(rows, { validation, threshold, replicates: 100 });
      for (const [name, value] of Object.entries(scores)) {
        const { value: ours, interval } = found.scores[name as ScoreName];
        expect(ours, name).toBeCloseTo(value, 12);
        expect(interval!.low, name).toBeLessThanOrEqual(value);
        expect(interval!.high, name).toBeGreaterThanOrEqual(value);
      }
    }
  });

  test('threshold and temperature come from the validation images alone', () => {
    const found = evaluateScores(under.rows, { validation, replicates: 100 });
    expect(found.threshold).toBe(
      chooseThreshold(
        validation.map(({ label }) => label),
        validation.map(({ score }) => score),
      ),
    );
    const relabelled = under.rows.map((row) => ({ ...row, label: (1 - row.label) as 0 | 1 }));
    const other = evaluateScores(relabelled, { validation, replicates: 100 });
    expect(other.threshold).toBe(found.threshold);
    expect(other.temperature).toEqual(found.temperature);
    expect(other.scores.auc.value).toBeCloseTo(1 - found.scores.auc.value!, 12);
  });

  test('temperature scaling repairs a classifier that is too sure, and leaves the AUC', () => {
    const sure = { sharpness: 4 };
    const found = evaluateScores(patients(2, 250, sure).rows, {
      validation: patients(1, 250, sure).rows,
      replicates: 100,
    });
    expect(found.temperature.temperature).toBeGreaterThan(3);
    expect(found.temperature.temperature).toBeLessThan(5.5);
    expect(found.calibration.error).toBeGreaterThan(2 * found.calibration.floor.high);
    expect(found.tempered!.error).toBeLessThan(found.tempered!.floor.high);
    expect(found.tempered!.logLoss).toBeLessThan(found.calibration.logLoss);
    // Probabilities that are true stay as they are.
    const { temperature } = evaluateScores(under.rows, { validation, replicates: 100 });
    expect(Math.abs(temperature.temperature - 1)).toBeLessThan(0.25);
  });

  test('intervals keep patients together: copies of every image do not narrow them', () => {
    const twice = [...under.rows, ...under.rows.map((row) => ({ ...row, id: `${row.id}b` }))];
    const options = { validation, replicates: 400 };
    const [once, copied] = [evaluateScores(under.rows, options), evaluateScores(twice, options)];
    const width = (found: typeof once, name: ScoreName): number =>
      found.scores[name].interval!.high - found.scores[name].interval!.low;
    for (const name of ['auc', 'averagePrecision', 'sensitivity', 'f1', 'brier'] as const)
      expect(width(copied, name) / width(once, name), name).toBeCloseTo(1, 1);
    const apart = evaluateScores(
      twice.map((row) => ({ ...row, group: row.id })),
      options,
    );
    for (const name of ['auc', 'averagePrecision', 'sensitivity', 'f1', 'brier'] as const)
      expect(width(apart, name) / width(once, name), name).toBeLessThan(0.82);
    expect(once.scores.auc.interval).toEqual(aucIntervalOf(under.rows));
  });

  test('the seed fixes everything', () => {
    const run = (seed: number) => evaluateScores(under.rows, { validation, replicates: 100, seed });
    expect(run(4)).toEqual(run(4));
    expect(run(4).scores.brier.interval).not.toEqual(run(5).scores.brier.interval);
  });

  test('a missing class is refused, on either side', () => {
    const negatives = under.rows.filter(({ label }) => label === 0);
    expect(() => evaluateScores(negatives, { validation })).toThrow(/images under test are \d+, 0 of them/);
    expect(() => evaluateScores(under.rows, { validation: negatives })).toThrow(/validation images are/);
  });
});

describe('partitions', () => {
  test('known columns are found, ages become bands, identifiers none', () => {
    const [sex, age] = partitionsOf(under.metadata);
    expect(sex).toMatchObject({ column: 'sex', title: 'sex' });
    expect([...sex!.values].sort()).toEqual(['female', 'male']);
    expect(sex!.of.filter((value) => value === null).length).toBeGreaterThan(0);
    expect(age!.title).toBe('age');
    expect(age!.values).toEqual(['20 to 39', '40 to 59', '60 to 79', '80 to 99']);
    under.metadata.forEach(({ age_approx }, i) => {
      const [low, high] = age!.of[i]!.split(' to ').map(Number) as [number, number];
      expect(Number(age_approx)).toBeGreaterThanOrEqual(low);
      expect(Number(age_approx)).toBeLessThanOrEqual(high);
    });
    expect(partitionsOf(under.metadata)).toHaveLength(2);
    const tens = partitionsOf(under.metadata, { columns: ['age_approx'], ageBandYears: 10 });
    expect(tens[0]!.values[0]).toBe('20 to 29');
  });

  test('numbers become thirds, hairs none and some, rare words are put together', () => {
    const metadata = Array.from({ length: 300 }, (_, i) => ({
      skin_tone: String(i / 300),
      hairs: String(i % 3),
      scanner: i < 280 ? `s${i % 5}` : `rare${i}`,
    }));
    const [tone, hair] = partitionsOf(metadata);
    expect(tone!.values).toHaveLength(3);
    for (const value of tone!.values)
      expect(Math.abs(tone!.of.filter((own) => own === value).length - 100)).toBeLessThanOrEqual(1);
    expect(hair!.values).toEqual(['none', 'some']);
    expect(hair!.of.filter((value) => value === 'some')).toHaveLength(200);
    const [scanner] = partitionsOf(metadata, { columns: ['scanner'] });
    expect(scanner!.values).toHaveLength(12);
    expect(scanner!.values.at(-1)).toBe('14 other values');
  });

  test('a column that is not there, or says nothing, is refused with what there is', () => {
    expect(() => partitionsOf(under.metadata, { columns: ['scanner'] })).toThrow(
      "no metadata column 'scanner'; there are sex, age_approx, note",
    );
    expect(() => partitionsOf(under.metadata, { columns: ['note'] })).toThrow(/hardly one twice/);
  });
});

describe('subgroups', () => {
  const sexes = ({ metadata }: typeof under) => partitionsOf(metadata, { columns: ['sex'] });

  const unfair = patients(3, 300, {
    score: (label, sex, random) => (sex === 'male' ? 2 * label : 0) + random.normal(-1),
  });

  test('a classifier that knows men alone is found out; one that serves all alike is not', () => {
    const fair = subgroupTables(under.rows, 0.4, sexes(under))[0]!;
    for (const { difference } of fair.subgroups) expect(difference.auc!.holm).toBeGreaterThan(0.05);
    const table = subgroupTables(unfair.rows, 0.5, sexes(unfair))[0]!;
    const women = table.subgroups.find(({ value }) => value === 'female')!;
    expect(women.difference.auc!.high).toBeLessThan(0);
    expect(women.difference.auc!.holm).toBeLessThan(0.001);
    expect(women.difference.sensitivity!.high).toBeLessThan(0);
    expect(women.sensitivity!.value).toBeLessThan(0.35);
    expect(table.missing).toBeGreaterThan(0);
    expect(table.subgroups.reduce((sum, { images }) => sum + images, table.missing)).toBe(unfair.rows.length);
  });

  test('two subgroups are one test, more are as many; Holm runs over all of them', () => {
    const tables = subgroupTables(unfair.rows, 0.5, partitionsOf(unfair.metadata));
    const [sex, age] = tables as [(typeof tables)[0], (typeof tables)[0]];
    const tested = age.subgroups.filter(({ few }) => !few);
    const ps = [sex.subgroups[0]!, ...tested].map(({ difference }) => difference.auc!.p);
    const expected = holm(ps);
    expect(sex.subgroups.map(({ difference }) => difference.auc!.holm)).toEqual([expected[0], expected[0]]);
    expect(tested.map(({ difference }) => difference.auc!.holm)).toEqual(expected.slice(1));
  });

  test('a subgroup of few patients is flagged and not tested, however many images it has', () => {
    // Four images of all there is of each of twenty patients.
    const isSmall = ({ group }: ScoreRow): boolean => Number(group.slice(1)) < 20;
    const copies = under.rows.filter(isSmall);
    const rows = [...under.rows, ...copies, ...copies, ...copies];
    const of = rows.map((row) => (isSmall(row) ? 'small' : 'large'));
    const [table] = subgroupTables(rows, 0.4, [
      { column: 'clinic', title: 'clinic', values: ['small', 'large'], of },
    ]);
    const [small, large] = table!.subgroups;
    expect(small!.positives).toBeGreaterThan(FEWEST_TO_JUDGE);
    expect(small!.positiveGroups).toBeLessThan(FEWEST_TO_JUDGE);
    expect(small).toMatchObject({ few: true });
    expect(small!.difference.auc!.holm).toBeNull();
    expect(large).toMatchObject({ few: false });
  });

  test('a subgroup without a class has no AUC, and still a specificity', () => {
    const { rows } = under;
    const firstNegatives = new Set(rows.filter(({ label }) => label === 0).slice(0, 5));
    const of = rows.map((row) => (firstNegatives.has(row) ? 'five' : 'others'));
    const [table] = subgroupTables(rows, 0.4, [{ column: 'c', title: 'c', values: ['five', 'others'], of }]);
    expect(table!.subgroups[0]).toMatchObject({
      images: 5,
      positives: 0,
      auc: null,
      aucInterval: null,
      sensitivity: null,
    });
    expect(table!.subgroups[0]!.specificity!.images).toBe(5);
  });
});

test('the most confident errors: furthest on the wrong side first, and none that is right', () => {
  const row = (id: string, label: 0 | 1, score: number): ScoreRow => ({ id, group: id, label, score });
  const rows = [
    row('a', 1, 0.3),
    row('b', 1, 0.1),
    row('c', 1, 0.9),
    row('d', 0, 0.6),
    row('e', 0, 0.95),
    row('f', 0, 0.2),
  ];
  expect(wrongest(rows, 1, 0.5).map(({ id }) => id)).toEqual(['b', 'a']);
  expect(wrongest(rows, 0, 0.5).map(({ id }) => id)).toEqual(['e', 'd']);
  expect(wrongest([row('g', 1, 0.5)], 1, 0.5)).toEqual([]);
});
