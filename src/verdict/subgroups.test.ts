import { describe, expect, test } from 'vitest';
import { exampleSummary } from '../trial/example.test-data.js';
import { scoresOf } from '../trial/scores.js';
import { analyse } from './analysis.js';
import { judge } from './judged.js';
import { composeTableReport } from './report/content.js';
import { subgroupSection, subgroupsOf, subgroupsText } from './report/subgroups.js';
import { analyseSubgroups, type Subgroups } from './subgroups.js';

const scores = scoresOf(exampleSummary({ folds: 2, seeds: 2, testImages: 400 }));
const analysis = analyse(scores, { replicates: 0 });
const judged = (subgroups: readonly Subgroups[]) =>
  judge({ scores, isProbability: true, subgroups }, { replicates: 0 });
const arms = ['real+standard', 'real+standard+synthetic'];
const options = { arms, level: 0.95 };
const cells = (of: (i: number) => string) => scores.folds.map(({ test }) => test.ids.map((_, i) => of(i)));
const sex = { column: 'sex', folds: cells((i) => (i % 7 === 0 ? '' : i % 2 === 0 ? 'female' : 'male')) };

describe('subgroups', () => {
  const [column] = analyseSubgroups(scores, [sex], options);

  test('are the trial’s own analysis on their images alone', () => {
    const { value, difference, arms: own } = column!.values[0]!;
    const member = (i: number): boolean => sex.folds[0]![i] === value;
    const restricted = {
      ...scores,
      arms,
      folds: scores.folds.map((fold) => ({
        ...fold,
        test: {
          ids: fold.test.ids.filter((_, i) => member(i)),
          groups: fold.test.groups.filter((_, i) => member(i)),
          labels: fold.test.labels.filter((_, i) => member(i)),
        },
      })),
      runs: scores.runs
        .filter(({ arm }) => arms.includes(arm))
        .map((run) => ({ ...run, testScores: run.testScores.filter((_, i) => member(i)) })),
    };
    const expected = analyse(restricted, { replicates: 0 });
    expect(difference).toEqual(expected.comparisons[expected.primary!]!.difference);
    expect(own.map(({ auc }) => auc)).toEqual(expected.arms.map(({ auc }) => auc));
  });

  test('share out the images, those of an unknown value apart', () => {
    expect(column).toMatchObject({ column: 'sex', missing: 2 * Math.ceil(400 / 7) });
    const images = column!.values.reduce((sum, one) => sum + one.images, 0);
    expect(images + column!.missing).toBe(800);
  });

  test('one that holds every image says what the trial says', () => {
    const whole = { column: 'site', folds: cells((i) => (i === 1 ? 'head' : 'back')) };
    const own = analyseSubgroups(scores, [whole], { arms: analysis.arms.map(({ arm }) => arm), level: 0.95 });
    const back = own[0]!.values.find(({ value }) => value === 'back')!;
    const primary = analysis.comparisons[analysis.primary!]!;
    expect(back.difference!.value).toBeCloseTo(primary.difference.value, 2);
    expect(own[0]!.values.find(({ value }) => value === 'head')).toMatchObject({
      few: true,
      arms: [],
      difference: null,
      images: 2,
    });
  });

  test('a fold without one of the classes in it is left out, and ages become bands in their order', () => {
    const age = {
      column: 'age_approx',
      folds: scores.folds.map(({ test }, fold) =>
        test.labels.map((label, i) => (fold === 1 && label === 1 ? '85' : String(25 + 20 * (i % 3)))),
      ),
    };
    const [own] = analyseSubgroups(scores, [age], options);
    expect(own!.values.map(({ value }) => value)).toEqual(['20 to 39', '40 to 59', '60 to 79', '80 to 99']);
    expect(own!.values[0]).toMatchObject({ folds: 1, few: false });
    expect(own!.values[3]).toMatchObject({ folds: 0, few: true, images: 80 });
  });

  test('a column of one value is none', () => {
    expect(analyseSubgroups(scores, [{ column: 'sex', folds: cells(() => 'female') }], options)).toEqual([]);
    expect(subgroupSection(judged([])).blocks).toEqual([]);
  });
});

test('the section: a forest with all images first, a table with intervals, what is too small said to be so', () => {
  const rare = { column: 'anatom_site_general', folds: cells((i) => (i % 40 === 0 ? 'palm' : 'torso')) };
  const { blocks } = subgroupSection(judged([sex, rare]));
  expect(blocks.map(({ kind }) => kind)).toEqual(['figure', 'table']);
  const table = blocks[1]!;
  if (table.kind !== 'table') throw new Error('no table');
  expect(table.note).toContain('not corrected');
  expect(table.rows.find(([name]) => name!.includes('palm'))!.slice(4)).toEqual(
    Array.from({ length: 5 }, () => 'too few'),
  );
  expect(table.rows.find(([name]) => name === 'sex: female')!.at(4)).toMatch(/^[+−]0\.\d{3} \(/);
  expect(subgroupsText(subgroupsOf(judged([sex, rare])))).toMatch(
    /by subgroup: sex .* and .*Too small for a number, with fewer than 20 groups of a class: anatomical site palm\. Nothing is corrected/,
  );
});

test('a table’s subgroup columns have the section, too; its failures are named, and scores that are no probabilities have no net benefit', () => {
  const shape = {
    kind: 'scores' as const,
    folds: ['1'],
    seeds: ['0'],
    groups: true,
    generators: false,
    external: [],
  };
  const table = { kind: 'scores' as const, scores, subgroups: [sex], isProbability: true, notes: [], shape };
  const options = { plan: {}, marginReason: null, sources: [], version: '9' };
  const idsOf = (own: typeof table) =>
    composeTableReport(own, judge(own, { replicates: 0 }), options).sections.map(({ id }) => id);
  expect(idsOf(table)).toEqual(expect.arrayContaining(['subgroups', 'calibration', 'benefit', 'failures']));
  const ranks = idsOf({ ...table, subgroups: [], isProbability: false });
  for (const id of ['subgroups', 'calibration', 'benefit']) expect(ranks).not.toContain(id);
  expect(ranks).toContain('failures');
});
