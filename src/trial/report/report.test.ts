import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleSummary } from '../example.test-data.js';
import { parseSummary, type TrialSummary } from '../summary.js';
import { metricReading } from './images.js';
import { type WrittenReport, writeReport } from './index.js';

const root = mkdtempSync(join(tmpdir(), 'graft-report-'));
const quick = { replicates: 50, baseDir: root };
let summary: TrialSummary;
let written: WrittenReport;
let html: string;

beforeAll(async () => {
  for (const [name, red] of [
    ['real', 200],
    ['synthetic', 90],
  ] as const) {
    await sharp({ create: { width: 30, height: 20, channels: 3, background: { r: red, g: 120, b: 110 } } })
      .png()
      .toFile(join(root, `${name}.png`));
  }
  summary = exampleSummary({ testImages: 150 });
  summary.gans[0]!.realGrid = 'real.png';
  summary.gans[0]!.syntheticGrid = join(root, 'synthetic.png');
  written = writeReport(summary, join(root, 'report'), quick);
  html = readFileSync(written.html, 'utf8');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('report.html', () => {
  test('needs nothing from outside: no script, no link, no address but the SVG name space', () => {
    expect(html).not.toMatch(/<(script|link|iframe|object|embed)\b/i);
    expect(
      html.match(/https?:\/\/[^"'\s<)]+/g)?.filter((url) => url !== 'http://www.w3.org/2000/svg') ?? [],
    ).toEqual([]);
    expect(html).not.toMatch(/url\((?!#)/);
    for (const [, source] of html.matchAll(/<img[^>]* src="([^"]{22})/g))
      expect(source).toBe('data:image/png;base64,');
  });

  test('opens with the verdict and holds every part', () => {
    expect(html.indexOf(written.verdict.sentence)).toBeGreaterThan(0);
    expect(html.indexOf(written.verdict.sentence)).toBeLessThan(html.indexOf('<h2>'));
    for (const id of ['result', 'run', 'data', 'images', 'training', 'methods', 'limits', 'appendix'])
      expect(html).toContain(`<section id="${id}">`);
    for (const name of ['differences', 'auc', 'roc', 'grids', 'gan-loss', 'classifier'])
      expect(html).toContain(`<figure id="figure-${name}">`);
    expect(html).toContain('Not a medical device.');
    expect(html).toContain('backbone: efficientnet-b0');
  });

  test('each figure says what it shows and what it does not', () => {
    const figures = html.split('<figure ').length - 1;
    expect(figures).toBe(6);
    expect(html.split('What it does not show.').length - 1).toBe(figures);
  });

  test('pictures are embedded whole', () => {
    for (const name of ['real', 'synthetic'])
      expect(html).toContain(readFileSync(join(root, `${name}.png`)).toString('base64'));
    expect(html).toContain('width="30" height="20"');
  });

  test('tags are balanced', () => {
    for (const tag of ['section', 'figure', 'table', 'tr', 'td', 'ul', 'svg', 'div', 'p', 'g'])
      expect(html.match(new RegExp(`<${tag}[\\s>]`, 'g'))?.length, tag).toBe(
        html.split(`</${tag}>`).length - 1,
      );
  });

  test('text of the trial cannot become markup', () => {
    const hostile = structuredClone(summary);
    hostile.name = '<img src=x onerror=alert(1)> & "quotes" | pipes';
    hostile.configYaml = 'name: "</pre><script>"';
    const result = writeReport(hostile, join(root, 'hostile'), quick);
    const page = readFileSync(result.html, 'utf8');
    expect(page).not.toContain('<img src=x');
    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;img src=x');
    expect(readFileSync(result.markdown, 'utf8')).toContain(
      '# \\<img src=x onerror=alert(1)\\> & "quotes" \\| pipes',
    );
  });
});

describe('figures', () => {
  const figure = (name: string): string => readFileSync(join(root, 'report', 'figures', name), 'utf8');

  test('stand alone: no CSS variable is left', () => {
    const names = readdirSync(join(root, 'report', 'figures'));
    expect(names.sort()).toEqual(
      [
        'auc.svg',
        'classifier-1.svg',
        'classifier-2.svg',
        'differences.svg',
        'gan-loss.svg',
        'real.png',
      ].concat(['roc-1.svg', 'roc-2.svg', 'synthetic.png']),
    );
    for (const name of names.filter((n) => n.endsWith('.svg')))
      expect(figure(name), name).not.toContain('var(');
  });

  test('draw what the analysis says: one dot a seed and one a mean, at the right places', () => {
    const { comparisons } = written.analysis;
    const circles = [...figure('differences.svg').matchAll(/<circle [^>]*>/g)].map(([tag]) => ({
      r: Number(/ r="([^"]+)"/.exec(tag)![1]),
      cx: Number(/ cx="([^"]+)"/.exec(tag)![1]),
    }));
    const seeds = circles.filter(({ r }) => r < 4);
    expect(seeds).toHaveLength(comparisons.reduce((n, { differences }) => n + differences.length, 0));
    const means = comparisons.map(({ difference }) => difference.value);
    const drawn = circles.filter(({ r }) => r > 4).map(({ cx }) => cx);
    expect(drawn).toHaveLength(means.length);
    // Positions are a linear map of the values: two points fix it, the others must lie on it.
    const order = means.map((_, i) => i).sort((a, b) => means[a]! - means[b]!);
    const [first, last] = [order[0]!, order.at(-1)!];
    const slope = (drawn[last]! - drawn[first]!) / (means[last]! - means[first]!);
    expect(slope).toBeGreaterThan(0);
    means.forEach((value, i) => {
      expect(Math.abs(drawn[first]! + slope * (value - means[first]!) - drawn[i]!)).toBeLessThan(0.3);
    });
  });

  test('tick labels keep their digits', () => {
    expect(figure('roc-1.svg')).toContain('>0.2</text>');
    expect(figure('differences.svg')).toMatch(/>\+0\.\d\d<\/text>/);
  });
});

describe('report.md and summary.json', () => {
  test('every table row has as many cells as its head', () => {
    const markdown = readFileSync(written.markdown, 'utf8');
    const cells = (line: string): number => line.replaceAll('\\|', '').split('|').length;
    const lines = markdown.split('\n');
    let heads = 0;
    lines.forEach((line, i) => {
      if (!/^\| [:-]/.test(line)) return;
      heads++;
      for (let j = i - 1; lines[j]?.startsWith('|'); j++)
        expect(cells(lines[j]!), lines[j]).toBe(cells(line));
    });
    expect(heads).toBe(7);
    for (const [, file] of markdown.matchAll(/\]\((figures\/[^)]+)\)/g))
      expect(readdirSync(join(root, 'report', 'figures'))).toContain(file!.slice('figures/'.length));
  });

  test('the summary alone gives the same report again', () => {
    const read = parseSummary(JSON.parse(readFileSync(written.json, 'utf8')));
    const again = writeReport(read, join(root, 'again'), quick);
    expect(readFileSync(again.html, 'utf8')).toBe(html);
    expect(JSON.parse(readFileSync(again.json, 'utf8'))).toMatchObject({
      verdict: { kind: written.verdict.kind },
      analysis: { primary: 1 },
    });
  });

  test('no temporary file stays behind', () => {
    expect(readdirSync(join(root, 'report')).sort()).toEqual([
      'figures',
      'report.html',
      'report.md',
      'summary.json',
    ]);
  });

  test('a foreign summary is refused by its first wrong key', () => {
    expect(() => parseSummary({ format: 'other' })).toThrow(/Not a trial summary: format/);
  });
});

describe('smaller trials', () => {
  test('one seed, two arms, no GAN, no metrics', () => {
    const arms = [
      { name: 'real', standard: false, synthetic: false },
      { name: 'real+synthetic', standard: false, synthetic: true },
    ];
    const small = {
      ...exampleSummary({ seeds: 1, testImages: 80, arms }),
      gans: [],
      metrics: [],
      bayesAuc: null,
    };
    const page = readFileSync(writeReport(small, join(root, 'small'), quick).html, 'utf8');
    expect(page).toContain('No verdict from a single seed');
    expect(page).not.toContain('Bootstrap check');
    expect(page).not.toContain('id="images"');
  });

  test('a picture that is gone is an error that names it', () => {
    const broken = structuredClone(summary);
    broken.gans[0]!.realGrid = 'gone.png';
    expect(() => writeReport(broken, join(root, 'broken'), quick)).toThrow(/gone\.png/);
  });
});

test('words: readings of metrics against their null', () => {
  const metric = summary.metrics[0]!;
  const at = (mean: number) => metricReading({ ...metric, realSynthetic: { ...metric.realSynthetic, mean } });
  expect(at(13.2)).toBe('as alike as two real images');
  expect(at(15)).toMatch(/^more alike/);
  expect(at(11)).toMatch(/^less alike/);
  expect(
    metricReading({ ...metric, better: 'lower', realSynthetic: { mean: 15, deviation: 1, n: 9 } }),
  ).toMatch(/^less/);
  expect(metricReading({ ...metric, realReal: null })).toMatch(/no null/);
});
