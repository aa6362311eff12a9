import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, writeJson } from 'graft-torch/base';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { barsPanel } from '../../report/charts/bars.js';
import { toHtml } from '../../report/html.js';
import { toMarkdown } from '../../report/markdown.js';
import { describeDataset } from '../dataset/describe.js';
import { readImportReport } from '../dataset/report.js';
import { columnsOf, columnTitle } from './columns.js';
import { pairsOf } from './duplicates.js';
import { exampleAudit, exampleDataset, hostile, longName, writeExampleReport } from './example.test-data.js';
import { findingsOf } from './findings.js';
import { gapsOf } from './missing.js';
import { figuresDirOf, makeEdaReport, writeEdaReport } from './report.js';
import { drawSamples } from './samples.js';
import { seriesOf } from './series.js';

const root = mkdtempSync(join(tmpdir(), 'graft-eda-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Example = Awaited<ReturnType<typeof exampleDataset>>;
const options = { version: '9.9.9', madeAt: new Date('2026-11-02T12:00:00Z') };
const figureIds = (html: string): string[] =>
  [...html.matchAll(/<figure id="figure-([^"]+)">/g)].map(([, id]) => id!);

describe('a report with everything in it', () => {
  let dataset: Example;
  let html: string;
  let figures: string[];
  beforeAll(async () => {
    dataset = await exampleDataset(join(root, 'full'));
    writeExampleReport(dataset);
    const written = await writeEdaReport(dataset, join(root, 'full.html'), {
      ...options,
      audit: exampleAudit(dataset),
    });
    html = readFileSync(written.html, 'utf8');
    figures = written.figures;
  });

  test('needs nothing from outside, runs no script, is small', () => {
    expect(html).not.toMatch(/<(script|link|iframe|object|embed)\b/i);
    expect(
      html.match(/https?:\/\/[^"'\s<)]+/g)?.filter((url) => url !== 'http://www.w3.org/2000/svg') ?? [],
    ).toEqual([]);
    expect(html).not.toMatch(/url\((?!#)/);
    expect(html.length).toBeLessThan(1_000_000);
  });

  test('names of the data cannot become markup: in text, attributes, figures and their files', () => {
    expect(html).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
    expect(html).not.toContain('<b>example');
    expect(html).not.toContain('Clinic <B>');
    for (const path of figures.filter((file) => file.endsWith('.svg')))
      expect(readFileSync(path, 'utf8'), path).not.toContain('<script');
  });

  test('tags are balanced', () => {
    for (const tag of [
      'section',
      'figure',
      'table',
      'tr',
      'td',
      'ul',
      'svg',
      'div',
      'p',
      'g',
      'span',
      'title',
    ])
      expect(html.match(new RegExp(`<${tag}[\\s>]`, 'g'))?.length ?? 0, tag).toBe(
        html.split(`</${tag}>`).length - 1,
      );
  });

  test('every figure is there once, and says what it shows and what it does not', () => {
    const ids = figureIds(html);
    expect(ids).toEqual([
      'classes',
      'samples',
      'sizes',
      'flow',
      'duplicates',
      'splits',
      'groups',
      'column-diagnosis-1',
      'age',
      'column-sex',
      'column-anatom-site-general',
      'column-fitzpatrick',
      'column-script-alert-x-script-quotes-column',
      'column-attribution',
      'numbers',
      'missing',
      'confounds',
    ]);
    expect(html.split('What it does not show.').length - 1).toBe(ids.length);
  });

  test('each figure is a file as SVG and as PNG, which stand alone', async () => {
    const names = readdirSync(join(root, 'full-figures')).sort();
    expect(names).toEqual(
      figureIds(html)
        .flatMap((id) => [`${id}.png`, `${id}.svg`])
        .sort(),
    );
    expect(figures.map((path) => path.slice(join(root, 'full-figures/').length)).sort()).toEqual(names);
    for (const id of figureIds(html)) {
      const svg = readFileSync(join(root, `full-figures/${id}.svg`), 'utf8');
      expect(svg, id).not.toMatch(/var\(|NaN|undefined|Infinity/);
      const height = Number(/^<svg[^>]* height="(\d+)"/.exec(svg)![1]);
      const png = await sharp(join(root, `full-figures/${id}.png`)).metadata();
      const scale = ['samples', 'duplicates'].includes(id) ? 1 : 2;
      expect([png.width, png.height], id).toEqual([768 * scale, height * scale]);
      // More than a blank sheet: dark letters, and colours.
      const { channels } = await sharp(join(root, `full-figures/${id}.png`)).stats();
      expect(Math.min(...channels.map(({ min }) => min)), id).toBeLessThan(80);
    }
  });

  test('as Markdown: every figure names its file', async () => {
    const markdown = toMarkdown(await makeEdaReport(dataset, options));
    expect(markdown).toContain('![Images of each class](figures/samples.svg)');
    // In fenced code it is text; elsewhere it must be escaped.
    expect(markdown.replace(/```[\s\S]*?```/g, '')).not.toMatch(/(?<!\\)<script/);
  });

  test('says what the data are, and where they come from', () => {
    expect(html).toContain(dataset.hash.slice(0, 16));
    expect(html).toContain('Graft 9.9.9, 2 November 2026');
    expect(html).toContain('CC0-1.0');
    expect(html).toContain('Clinic A');
    expect(html).toContain('To cite.');
  });

  test('what was left out, reason by reason, and what it did to the classes', () => {
    expect(html).toMatch(/rows without a label<\/td><td class="right">7 \(2\.8 %\)<\/td><td>no label 7/);
    expect(html).toMatch(
      /further copies of an image \(SHA-256\)<\/td><td class="right">5 \(2\.0 %\)<\/td><td>melanoma 5</,
    );
    expect(html).toMatch(
      /<td>melanoma<\/td><td class="right">85<\/td>.{0,40}<td class="right">80<\/td>.{0,60}<td class="right">5</,
    );
    expect(html).toContain('12 more were left out');
    expect(html).toContain('<b>Files of other types: 1.</b> Not used: notes.txt.');
  });

  test('the audit: leaks make the headline’s colour, features stand with their intervals', () => {
    expect(html).toContain('class="summary bad"');
    expect(html).toMatch(/the same patient<\/td><td>train and test<\/td>/);
    expect(html).toContain('0.740  (0.680 to 0.800)');
    expect(html).toContain('Two features were looked at.');
    expect(html).toContain('Train and test share 3 patients: scores will be too good.');
  });

  test('a picture tells its id, label, split, age, sex, site and group, on hover, on focus, and to screen readers', () => {
    const tile = /<div class="tile" tabindex="0">.*?<\/div><div class="tip"[^>]*>(.*?)<\/div><\/div>/.exec(
      html,
    )!;
    for (const name of ['id', 'label', 'split', 'group', 'size']) expect(tile[1]).toContain(`<i>${name}</i>`);
    for (const name of ['age', 'sex', 'anatomical site']) expect(html).toContain(`<i>${name}</i>`);
    expect(html).toMatch(/<img alt="ISIC_\d+, label melanoma, split \w+/);
    expect(html).toContain('.tile:hover .tip,.tile:focus .tip{display:block}');
  });

  test('numbers that are drawn are those that were counted', () => {
    const svg = readFileSync(join(root, 'full-figures/splits.svg'), 'utf8');
    for (const { split, label, images } of describeDataset(dataset).counts) {
      const title = { train: 'Training', val: 'Validation', test: 'Test' }[split];
      const escaped = label.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
      expect(svg).toContain(`<title>${title}, ${escaped}: ${images}</title>`);
    }
  });
});

describe('other datasets', () => {
  const report = async (dataset: Example): Promise<string> => {
    const page = toHtml(await makeEdaReport(dataset, options));
    expect(page).not.toMatch(/>[^<]*(NaN|undefined|Infinity)[^<]*</);
    return page;
  };

  test('two classes from folders: no metadata, no import report, no audit', async () => {
    const dataset = await exampleDataset(join(root, 'folders'), {
      classes: ['malignant', 'benign'],
      images: 30,
      metadata: false,
    });
    const page = await report(dataset);
    expect(figureIds(page)).toEqual(['classes', 'samples', 'sizes', 'splits', 'groups']);
    expect(page).toContain('The audit was not run');
    expect(page).toContain('what was left out when it was made is not known');
    expect(page).not.toContain('id="metadata"');
  });

  test('one class, for a GAN: no shares, no comparison', async () => {
    const dataset = await exampleDataset(join(root, 'one'), { classes: ['melanoma'], images: 40 });
    const page = await report(dataset);
    expect(page).toContain('40 images of one class, melanoma');
    expect(page).not.toContain('share of melanoma');
  });

  test('twenty classes: positive against all others, a row a class for age, few pictures of each', async () => {
    const classes = Array.from({ length: 20 }, (_, i) => `diagnosis ${i + 1}`);
    const dataset = await exampleDataset(join(root, 'twenty'), { classes, images: 400 });
    const page = await report(dataset);
    expect(page).toContain('19 other classes');
    expect(page.split('<div class="tile"').length - 1).toBe(20 * 6);
    expect(page).toContain('A row a class');
  });

  test('all values missing, all sizes equal, one value a class: nothing to draw, and nothing breaks', async () => {
    const dataset = await exampleDataset(join(root, 'gaps'), { classes: ['a', 'b'], images: 8 });
    for (const row of dataset.rows) {
      [row.width, row.height] = [64, 64];
      row.extra = { age_approx: '', sex: 'unknown', weight: row.label === 'a' ? '70' : '', few: row.label };
    }
    const page = await report(dataset);
    expect(figureIds(page)).toEqual(['classes', 'samples', 'splits', 'missing']);
    expect(page).toContain('All images are 64 × 64 px');
  });

  test('30,000 images: figures hold bins, not a mark an image', async () => {
    const dataset = await exampleDataset(join(root, 'large'), { images: 30_000 });
    const page = await report(dataset);
    const marks = page.match(/<(rect|circle|path|line)\b/g)!.length;
    expect(marks).toBeLessThan(3000);
    expect(page.length).toBeLessThan(1_000_000);
  });

  test('reports of earlier imports have no flow: it follows from what they name', async () => {
    const dataset = await exampleDataset(join(root, 'old'), { images: 30 });
    writeExampleReport(dataset);
    const written = readImportReport(dataset)!;
    const { flow: _, ...old } = written;
    writeJson(join(dataset.dir, 'import-report.json'), {
      ...old,
      problems: old.problems.map(({ label: __, ...one }) => one),
    });
    const read = readImportReport(dataset)!;
    expect(read.flow.map(({ stage, images }) => [stage, images])).toEqual([
      ['found', 31],
      ['empty-label', 30],
    ]);
  });

  test('an image that was damaged since: an error that names it, and no page', async () => {
    const dataset = await exampleDataset(join(root, 'damaged'), { images: 12 });
    writeFileSync(join(dataset.dir, 'images/2.png'), 'no image any more');
    const path = join(root, 'damaged.html');
    await expect(writeEdaReport(dataset, path)).rejects.toThrow(DataError);
    await expect(writeEdaReport(dataset, path)).rejects.toThrow(
      /images\/2\.png: cannot be decoded as an image .*; the dataset was changed after it was made/,
    );
    expect(existsSync(path)).toBe(false);
  });

  test('stopped: no page', async () => {
    const dataset = await exampleDataset(join(root, 'stopped'), { images: 12 });
    const signal = AbortSignal.abort(new Error('stopped by the user'));
    await expect(writeEdaReport(dataset, join(root, 'stopped.html'), { signal })).rejects.toThrow(
      'stopped by the user',
    );
    expect(existsSync(join(root, 'stopped.html'))).toBe(false);
  });
});

describe('parts', () => {
  let dataset: Example;
  beforeAll(async () => {
    dataset = await exampleDataset(join(root, 'parts'));
  });

  test('kinds of columns', () => {
    const kinds = Object.fromEntries(columnsOf(dataset).map(({ name, kind }) => [name, kind]));
    expect(kinds).toEqual({
      isic_id: 'identifier',
      diagnosis_1: 'categorical',
      age_approx: 'numeric',
      sex: 'categorical',
      anatom_site_general: 'categorical',
      patient_id: 'identifier',
      hair_share: 'numeric',
      fitzpatrick: 'categorical',
      image_type: 'constant',
      nothing: 'empty',
      [`${hostile} column`]: 'categorical',
      attribution: 'categorical',
    });
    const rows = dataset.rows.map((row, i) => ({
      ...row,
      extra: { dx: row.label, detail: String(i * 7), note: `text ${i}` },
    }));
    expect(columnsOf({ ...dataset, rows }).map(({ kind }) => kind)).toEqual([
      'label',
      'identifier',
      'identifier',
    ]);
    expect([columnTitle('age_approx'), columnTitle('skin_melanin')]).toEqual(['age', 'skin melanin']);
  });

  test('“unknown” is missing, and counts by class', () => {
    const set = seriesOf(dataset);
    const gap = gapsOf(dataset, columnsOf(dataset), set).find(({ column }) => column.name === 'sex')!;
    const unknown = dataset.rows.filter(({ extra }) => extra.sex === 'unknown');
    expect(gap.column.missing).toBe(unknown.length);
    expect(gap.bySeries[0]).toBe(unknown.filter(({ label }) => label === 'melanoma').length / 80);
  });

  test('samples: as many groups as there are, the same for the same seed, of the right class', () => {
    const drawn = drawSamples(dataset, 3);
    expect(drawSamples(dataset, 3)).toEqual(drawn);
    expect(drawSamples(dataset, 4)).not.toEqual(drawn);
    for (const { label, rows } of drawn) {
      expect(rows).toHaveLength(12);
      expect(new Set(rows.map((i) => dataset.rows[i]!.group)).size).toBe(12);
      expect(new Set(rows.map((i) => dataset.rows[i]!.label))).toEqual(new Set([label]));
    }
    const one = { ...dataset, rows: dataset.rows.map((row) => ({ ...row, group: row.label })) };
    expect(drawSamples(one, 0).map(({ rows }) => new Set(rows).size)).toEqual([12, 12, 12]);
  });

  test('pairs: the most alike first, copies last, those that were left out not at all', () => {
    const pair = { kind: 'near', informative: 0.5, symmetry: 0 } as const;
    const [a, b, c] = dataset.rows.map(({ id }) => id) as [string, string, string];
    const pairs = pairsOf(dataset, [
      { ...pair, a, b, correlation: 0.9 },
      { ...pair, a, b: c, kind: 'exact', correlation: 1 },
      { ...pair, a: b, b: c, correlation: 0.95 },
      { ...pair, a, b: 'gone', correlation: 0.99 },
    ]);
    expect(pairs.map((one) => [one.kind, one.correlation])).toEqual([
      ['near', 0.95],
      ['near', 0.9],
      ['exact', 1],
    ]);
  });

  test('findings name what was counted, and nothing else', () => {
    const summary = describeDataset(dataset);
    const gaps = gapsOf(dataset, columnsOf(dataset), seriesOf(dataset));
    const leads = (known: Partial<Parameters<typeof findingsOf>[1]>) =>
      findingsOf(dataset, { summary, gaps: [], report: null, audit: null, ...known }).map(({ lead }) => lead);
    const few = ['Few melanoma images in validation.', 'Few melanoma images in test.'];
    expect(leads({})).toEqual(few);
    expect(leads({ gaps })).toEqual(['What is missing differs between classes.', ...few]);
    expect(leads({ audit: exampleAudit(dataset) })).toEqual([
      'Splits are not independent.',
      'Not only the lesion tells the class.',
      ...few,
    ]);
  });

  test('rows: bars are proportional, long names are cut and told whole on hover', () => {
    const { wide, narrow } = barsPanel(
      [
        { label: 'first', text: '40', segments: [{ value: 40, color: 'red', title: 'a' }] },
        { label: longName, text: '10', segments: [{ value: 10, color: 'red', title: 'b' }] },
      ],
      { title: 'rows' },
    );
    for (const svg of [wide, narrow!]) {
      const bars = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"[^>]*>\s*<title>/g)].map(([, width]) =>
        Number(width),
      );
      expect(bars).toHaveLength(2);
      expect(bars[0]! / bars[1]!).toBeCloseTo(4, 1);
    }
    expect(narrow).toContain(`…<title>${longName}`);
  });

  test('the figures’ folder stands beside the page', () => {
    expect(figuresDirOf('a/b/eda.html')).toBe(join('a/b', 'eda-figures'));
    expect(hostile).toContain('<script>');
  });
});
