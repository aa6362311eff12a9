import { beforeAll, describe, expect, test } from 'vitest';
import type { Block, ReportDocument } from '../../report/document.js';
import { toHtml } from '../../report/html.js';
import { composeEvaluationReport } from './compose.js';
import { exampleEvaluationInput } from './example.test-data.js';
import type { EvaluationReportInput } from './input.js';

let input: EvaluationReportInput;
let report: ReportDocument;
let page: string;
beforeAll(() => {
  input = exampleEvaluationInput();
  report = composeEvaluationReport(input);
  page = toHtml(report);
});

const blocksOf = (document: ReportDocument, section: string): Block[] =>
  document.sections.find(({ id }) => id === section)?.blocks ?? [];

const tableOf = (document: ReportDocument, title: string) => {
  const found = document.sections
    .flatMap(({ blocks }) => blocks)
    .find((block) => block.kind === 'table' && block.title === title);
  if (found?.kind !== 'table') throw new Error(`no table '${title}'`);
  return found;
};

describe('the page of an evaluation', () => {
  test('has every part, and each figure says what it shows and what it does not', () => {
    expect(report.sections.map(({ id }) => id)).toEqual([
      'scores',
      'calibration',
      'subgroups',
      'errors',
      'protocol',
    ]);
    const figures = report.sections
      .flatMap(({ blocks }) => blocks)
      .filter((block) => block.kind === 'figure' || block.kind === 'gallery');
    expect(figures.map(({ name }) => name)).toEqual([
      'curves',
      'probabilities',
      'reliability',
      'subgroups',
      'errors',
    ]);
    for (const { shows, doesNotShow } of figures) {
      expect(shows.length).toBeGreaterThan(60);
      expect(doesNotShow.length).toBeGreaterThan(60);
    }
    expect(page).not.toMatch(/NaN|undefined|\[object|null/);
  });

  test('tables hold the figures of the evaluation', () => {
    const { scores, confusion, calibration, tempered } = input.evaluation;
    const rows = tableOf(report, 'Every score').rows;
    expect(rows).toHaveLength(Object.keys(scores).length);
    expect(rows.find(([name]) => name === 'AUC')![1]).toBe(scores.auc.value!.toFixed(3));
    const [positive, other] = tableOf(report, 'Confusion matrix').rows;
    expect(positive![1]).toMatch(new RegExp(`^${confusion.truePositives} \\(`));
    expect(positive![2]).toMatch(new RegExp(`^${confusion.falseNegatives} \\(`));
    expect(other![1]).toMatch(new RegExp(`^${confusion.falsePositives} \\(`));
    expect(positive![3]).toBe(String(input.evaluation.positives));
    const ece = tableOf(report, 'Probabilities before and after temperature scaling').rows[0]!;
    expect(ece.slice(1)).toEqual([calibration.error.toFixed(3), tempered!.error.toFixed(3)]);
  });

  test('subgroups: few are starred and without a p, names of the data are escaped', () => {
    const rows = tableOf(report, 'Each subgroup against all other images').rows;
    const soles = rows.find(([name]) => name!.startsWith('anatomical site: palms'))!;
    expect(soles[0]).toMatch(/ \*$/);
    expect(soles[2]).toBe('–');
    expect(rows.find(([name]) => name === 'sex: male')![2]).toMatch(/\d/);
    expect(page).toContain('palms &amp; &lt;soles&gt;');
    expect(page).not.toContain('<soles>');
  });

  test('without metadata it says what cannot be seen; without pictures it has no gallery', () => {
    const bare = composeEvaluationReport({
      ...input,
      evaluation: { ...input.evaluation, subgroups: [] },
      errors: null,
    });
    const [only] = blocksOf(bare, 'subgroups');
    expect(only).toMatchObject({ kind: 'prose', text: expect.stringContaining('would go unnoticed') });
    expect(bare.sections.map(({ id }) => id)).not.toContain('errors');
    expect(bare.footer).not.toContain('pass it on');
    expect(report.footer).toContain('pass it on');
  });

  test('a classifier not shown to beat chance is called that', () => {
    const { scores } = input.evaluation;
    const weak = { ...scores, auc: { ...scores.auc, value: 0.55, interval: { low: 0.46, high: 0.64 } } };
    const { summary } = composeEvaluationReport({
      ...input,
      evaluation: { ...input.evaluation, scores: weak },
    });
    expect(summary).toMatchObject({ tone: 'open', short: 'not shown to be better than chance' });
    expect(report.summary).toMatchObject({ tone: 'even', short: 'better than chance' });
  });

  test('a threshold that nothing reaches, and no temperature, leave a whole page', () => {
    const { evaluation } = input;
    const none = composeEvaluationReport({
      ...input,
      evaluation: {
        ...evaluation,
        threshold: 2,
        tempered: null,
        scores: { ...evaluation.scores, precision: { value: null, interval: null, method: 'wilson' } },
      },
    });
    expect(toHtml(none)).not.toMatch(/NaN|undefined|null/);
  });
});
