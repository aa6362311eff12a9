import { beforeAll, describe, expect, test } from 'vitest';
import type { FigureBlock, ReportDocument, TableBlock } from '../../report/document.js';
import { toHtml } from '../../report/html.js';
import { composeEvaluationReport } from './compose.js';
import { exampleClassInput, SEVEN } from './example.test-data.js';
import type { ClassReportInput } from './input.js';

let input: ClassReportInput;
let report: ReportDocument;
let page: string;
beforeAll(() => {
  input = exampleClassInput();
  report = composeEvaluationReport(input);
  page = toHtml(report);
});

const allBlocks = (document: ReportDocument) => document.sections.flatMap(({ blocks }) => blocks);
const tableOf = (document: ReportDocument, title: string): TableBlock => {
  const found = allBlocks(document).find((block) => block.kind === 'table' && block.title === title);
  if (found?.kind !== 'table') throw new Error(`no table '${title}'`);
  return found;
};
const figureOf = (document: ReportDocument, name: string): FigureBlock => {
  const found = allBlocks(document).find((block) => block.kind === 'figure' && block.name === name);
  if (found?.kind !== 'figure') throw new Error(`no figure '${name}'`);
  return found;
};

describe('the page of several classes', () => {
  test('has every part, and each figure says what it shows and what it does not', () => {
    expect(report.sections.map(({ id }) => id)).toEqual([
      'scores',
      'classes',
      'calibration',
      'subgroups',
      'errors',
      'protocol',
    ]);
    const figures = allBlocks(report).filter((block) => block.kind === 'figure' || block.kind === 'gallery');
    expect(figures.map(({ name }) => name)).toEqual([
      'confusion',
      'roc',
      'precision-recall',
      'reliability',
      'subgroups',
      'errors',
    ]);
    for (const { shows, doesNotShow } of figures) {
      expect(shows.length).toBeGreaterThan(60);
      expect(doesNotShow.length).toBeGreaterThan(60);
    }
    expect(page.match(/.{80}(NaN|undefined|\[object|null|Infinity).{40}/)?.[0]).toBeUndefined();
  });

  test('the confusion matrix is drawn with every count, its share of the row, and colour by that share', () => {
    const { confusion, byClass } = input.evaluation;
    for (const svg of [
      figureOf(report, 'confusion').panels[0]!.wide,
      figureOf(report, 'confusion').panels[0]!.narrow!,
    ]) {
      const texts = [...svg.matchAll(/<tspan[^>]*>([^<]*)<\/tspan>/g)].map(([, text]) => text!);
      for (const [t, row] of confusion.entries())
        for (const count of row.filter((one) => one > 0)) {
          const at = texts.findIndex((text, i) => text === String(count) && /%$/.test(texts[i + 1] ?? ''));
          expect(at, `${count} of class ${t}`).toBeGreaterThanOrEqual(0);
        }
      const opacities = [...svg.matchAll(/fill-opacity="([\d.]+)"/g)].map(([, value]) => Number(value));
      expect(opacities).toHaveLength(49);
      confusion.flat().forEach((count, i) => {
        const images = byClass[Math.floor(i / 7)]!.images;
        expect(opacities[i]).toBeCloseTo((0.55 * count) / images, 6);
      });
    }
  });

  test('tables hold the figures of the evaluation', () => {
    const { scores, byClass } = input.evaluation;
    const rows = tableOf(report, 'Every score').rows;
    expect(rows).toHaveLength(Object.keys(scores).length);
    expect(rows[0]![0]).toMatch(/ISIC 2018/);
    expect(rows[0]!.slice(1)).toEqual([
      scores.balancedAccuracy.value!.toFixed(3),
      `${scores.balancedAccuracy.interval!.low.toFixed(3)} to ${scores.balancedAccuracy.interval!.high.toFixed(3)}`,
      'bootstrap',
    ]);
    expect(rows.find(([name]) => name === 'Accuracy')![3]).toBe('Wilson');
    const found = tableOf(report, 'What is found of each class, and how often a call is right').rows;
    const ranked = tableOf(report, 'How well each class is ranked against the rest').rows;
    byClass.forEach(({ name, images, called, scores: own }, k) => {
      for (const table of [found, ranked])
        expect(table[k]!.slice(0, 3)).toEqual([name, String(images), String(called)]);
      const { sensitivity, auc } = own!;
      expect(found[k]![3]).toBe(
        `${sensitivity.value!.toFixed(2)} (${sensitivity.interval!.low.toFixed(2)} to ${sensitivity.interval!.high.toFixed(2)})`,
      );
      expect(ranked[k]![3]).toMatch(new RegExp(`^${auc.value!.toFixed(2)} \\(`));
    });
    expect(page).toContain('&lt;disease&gt;');
    expect(page).not.toContain('<disease>');
  });

  test('a plane a class, with its curve, its name and its figure', () => {
    for (const [name, figure] of [
      ['roc', /AUC 0\.\d{3} \(0/g],
      ['precision-recall', /AP [01]\.\d{3} \(0/g],
    ] as const) {
      const { wide, narrow } = figureOf(report, name).panels[0]!;
      for (const svg of [wide, narrow!]) {
        expect(svg.match(figure)).toHaveLength(7);
        for (const [one] of SEVEN.filter(([title]) => !title.includes('&'))) expect(svg).toContain(one);
        expect(svg.match(/<circle/g)).toHaveLength(7);
      }
    }
  });

  test('what is most confused, and how surely', () => {
    const { confusion, byClass } = input.evaluation;
    const shares = confusion.flatMap((row, t) =>
      row.flatMap((count, c) => (t === c ? [] : [{ t, c, count, share: count / byClass[t]!.images }])),
    );
    const most = shares.reduce((best, one) => (one.share > best.share ? one : best));
    const text = allBlocks(report).flatMap((block) => (block.kind === 'prose' ? [block.text] : []));
    expect(text.join(' ')).toContain(
      `'${byClass[most.t]!.name}' called '${byClass[most.c]!.name}' (${most.count} of ${byClass[most.t]!.images})`,
    );
    const gallery = allBlocks(report).find((block) => block.kind === 'gallery');
    expect(gallery?.kind === 'gallery' && gallery.rows.map(({ title }) => title)).toContain(
      `'nevus' called something else: 2 of 3, the surest first`,
    );
  });

  test('subgroups are compared over classes that both sides have; few are starred and without a p', () => {
    const rows = tableOf(report, 'Each subgroup against all other images').rows;
    const soles = rows.find(([name]) => name!.startsWith('anatomical site: palms'))!;
    expect(soles[0]).toMatch(/ \*$/);
    expect(soles.slice(3)).toEqual(['–', '–', '–', '–']);
    expect(figureOf(report, 'subgroups').panels[0]!.wide).toMatch(/−0\.\d{3} \(−0\.\d{3} to −0\.\d{3}\)/);
    const face = rows.find(([name]) => name === 'anatomical site: face')!;
    expect(face[4]).toMatch(/^[3-7] of 7$/);
    expect(face[5]).toMatch(/^−0\.\d\d \(/);
    // Harder there, by construction.
    expect(page).toMatch(/mean sensitivity differs from the rest in .*anatomical site face \(−0\.\d{3}\)/);
  });

  test('chance, missing classes, foreign data and phantoms are told; without pictures there is no gallery', () => {
    expect(report.summary!.paragraph).toContain('By chance it would be 14.3 %.');
    expect(report.summary).toMatchObject({ tone: 'even', short: 'better than chance' });
    const { evaluation } = input;
    const { balancedAccuracy } = evaluation.scores;
    const changed = composeEvaluationReport({
      ...input,
      dataset: { ...input.dataset, foreign: true, kind: 'phantom' },
      evaluation: {
        ...evaluation,
        scores: {
          ...evaluation.scores,
          balancedAccuracy: { ...balancedAccuracy, interval: { low: 0.1, high: 0.3 } },
        },
        byClass: evaluation.byClass.map((one, k) =>
          k === 6 ? { ...one, images: 0, groups: 0, scores: null } : one,
        ),
        confusion: evaluation.confusion.map((row, k) => row.map((count) => (k === 6 ? 0 : count))),
        subgroups: [],
        tempered: null,
      },
      errors: null,
    });
    expect(changed.summary!.paragraph).toMatch(/no image of 'vascular lesion' here/);
    expect(changed.summary!.paragraph).toMatch(/16\.7 %.*its own validation split.*phantoms/);
    expect(changed.summary!.short).toBe('not shown to be better than chance');
    expect(changed.sections.map(({ id }) => id)).not.toContain('errors');
    expect(toHtml(changed).match(/.{80}(NaN|undefined|null|Infinity).{40}/)?.[0]).toBeUndefined();
    expect(toHtml(changed)).toContain('would go unnoticed');
    expect(report.footer).toContain('pass it on');
    expect(changed.footer).not.toContain('pass it on');
  });
});
