import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Hover } from '../../report/document.js';
import { fixed, levelText, pValue, signed } from '../../report/format.js';
import { spendingShares } from '../../stats/multiplicity.js';
import { precisionRecallCurve } from '../../stats/precision-recall.js';
import { precisionAt } from '../../verdict/report/bands.js';
import { armLabel } from '../../verdict/report/palette.js';
import { summarise } from '../analysis.js';
import { resolveArms, sweepSchema } from '../arms.js';
import { exampleSummary, fourArms } from '../example.test-data.js';
import { parseSummary, type TrialSummary } from '../summary.js';
import { metricReading } from './images.js';
import { type WrittenReport, writeReport } from './index.js';
import { armStyles } from './palette.js';

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
  test('needs nothing from outside: no link, no address but the SVG name space, scripts that fetch nothing', () => {
    expect(html).not.toMatch(/<(link|iframe|object|embed)\b|<script[^>]+src/i);
    expect(html).not.toMatch(/\b(fetch|XMLHttpRequest|import)\b\s*\(/);
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
    for (const id of [
      'result',
      'calibration',
      'benefit',
      'run',
      'data',
      'images',
      'training',
      'methods',
      'limits',
      'appendix',
    ])
      expect(html).toContain(`<section id="${id}">`);
    for (const name of [
      'differences',
      'auc',
      'curves',
      'reliability',
      'benefit',
      'participants',
      'grids',
      'gan-loss',
      'classifier',
    ])
      expect(html).toContain(`<figure id="figure-${name}"`);
    // What this trial has nothing for is left out.
    for (const id of ['sweeps', 'folds', 'external']) expect(html).not.toContain(`<section id="${id}">`);
    expect(html).toContain('Not a medical device.');
    expect(html).toContain('backbone: efficientnet-b0');
  });

  test('each figure says what it shows and what it does not', () => {
    const figures = html.split('<figure ').length - 1;
    expect(figures).toBe(9);
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
    // An arm's name stands in what is told on hover, too.
    const name = '"><script>alert(2)</script>';
    for (const arm of hostile.arms) if (arm.name === 'real') arm.name = name;
    for (const run of hostile.runs) if (run.arm === 'real') run.arm = name;
    const result = writeReport(hostile, join(root, 'hostile'), quick);
    const page = readFileSync(result.html, 'utf8');
    expect(page).not.toContain('<img src=x');
    expect(page).not.toContain('</pre><script');
    expect(page.split('<script>').length - 1).toBe(2);
    expect(page).toContain('&lt;img src=x');
    expect(readFileSync(result.markdown, 'utf8')).toContain(
      '# &lt;img src=x onerror=alert(1)&gt; & "quotes" \\| pipes',
    );
  });
});

describe('figures', () => {
  const figure = (name: string): string => readFileSync(join(root, 'report', 'figures', name), 'utf8');

  test('stand alone: no CSS variable is left', () => {
    const names = readdirSync(join(root, 'report', 'figures'));
    expect(names.sort()).toEqual(
      [
        ...['auc.svg', 'benefit.svg', 'classifier-1.svg', 'classifier-2.svg'],
        ...['curves-1.svg', 'curves-2.svg', 'curves-3.svg', 'curves-4.svg'],
        ...[
          'differences-1.svg',
          'differences-2.svg',
          'differences-3.svg',
          'gan-loss.svg',
          'participants.svg',
        ],
        ...['real.png', 'reliability-1.svg', 'reliability-2.svg', 'synthetic.png'],
      ].sort(),
    );
    for (const name of names.filter((n) => n.endsWith('.svg')))
      expect(figure(name), name).not.toContain('var(');
  });

  test('draw what the analysis says: one dot a seed and one a mean, at the right places', () => {
    const { comparisons } = written.analysis;
    const roles = ['primary', 'secondary', 'control'];
    const circles = roles.map((_, i) =>
      [...figure(`differences-${i + 1}.svg`).matchAll(/<circle [^>]*>/g)].map(([tag]) => ({
        r: Number(/ r="([^"]+)"/.exec(tag)![1]),
        cx: Number(/ cx="([^"]+)"/.exec(tag)![1]),
      })),
    );
    const inOrder = roles.map((role) => comparisons.filter((comparison) => comparison.role === role));
    inOrder.forEach((own, i) => {
      const runs = circles[i]!.filter(({ r }) => r < 4);
      expect(runs).toHaveLength(own.reduce((n, { differences }) => n + differences.length, 0));
    });
    const means = inOrder.flat().map(({ difference }) => difference.value);
    const drawn = circles.flatMap((own) => own.filter(({ r }) => r > 4).map(({ cx }) => cx));
    expect(drawn).toHaveLength(means.length);
    // All panels have one scale, and positions are a linear map of the values: two points fix it, the others lie on it.
    const order = means.map((_, i) => i).sort((a, b) => means[a]! - means[b]!);
    const [first, last] = [order[0]!, order.at(-1)!];
    const slope = (drawn[last]! - drawn[first]!) / (means[last]! - means[first]!);
    expect(slope).toBeGreaterThan(0);
    means.forEach((value, i) => {
      expect(Math.abs(drawn[first]! + slope * (value - means[first]!) - drawn[i]!)).toBeLessThan(0.3);
    });
  });

  test('tell on hover what the analysis says, exactly', () => {
    const panels = [...html.matchAll(/<div class="panel" data-hover="([^"]*)"/g)].map(
      ([, text]) => JSON.parse(text!.replaceAll('&quot;', '"').replaceAll('&#39;', "'")) as Hover,
    );
    const [primary] = panels[0]!.series;
    const { difference, differences, p } = written.analysis.comparisons[written.analysis.primary!]!;
    expect(primary!.points.map(([x]) => x)).toEqual([difference.value, ...differences]);
    expect(primary!.texts![0]).toBe(
      `${signed(difference.value)}  (${signed(difference.low)} to ${signed(difference.high)}), p ${pValue(p)}`,
    );
    // A ROC curve's mean lies between its lowest and highest run.
    const roc = panels.find(({ x }) => x === '1 − specificity')!;
    expect(roc.series.map(({ series }) => series)).toEqual(['arm-0', 'arm-2']);
    for (const [, y, low, high] of roc.series[0]!.points.filter((point) => point.length === 4)) {
      expect(y!).toBeGreaterThanOrEqual(low!);
      expect(y!).toBeLessThanOrEqual(high!);
    }
  });

  test('tick labels keep their digits', () => {
    expect(figure('curves-1.svg')).toContain('>0.2</text>');
    expect(figure('differences-1.svg')).toMatch(/>\+0\.\d\d<\/text>/);
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
    expect(heads).toBe(15);
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
    const arms = fourArms.filter(({ augmentation }) => augmentation === 'none');
    const small = {
      ...exampleSummary({ seeds: 1, testImages: 80, arms }),
      gans: [],
      metrics: [],
      bayesAuc: null,
    };
    const page = readFileSync(writeReport(small, join(root, 'small'), quick).html, 'utf8');
    expect(page).toContain('No verdict from a single seed');
    expect(page).not.toContain('by other tests');
    expect(page).not.toContain('id="images"');
  });

  test('a picture that is gone is an error that names it', () => {
    const broken = structuredClone(summary);
    broken.gans[0]!.realGrid = 'gone.png';
    expect(() => writeReport(broken, join(root, 'broken'), quick)).toThrow(/gone\.png/);
  });
});

describe('a large trial', () => {
  const defaults = { gans: ['sngan'], amount: 'balance', choice: 'random' } as const;
  const arms = resolveArms(
    ['real', 'real+standard', 'real+synthetic', 'real+standard+synthetic', 'real+standard+focal'],
    sweepSchema.parse({
      arms: ['real+standard', 'real+standard+synthetic'],
      amount: ['+10%', '2:1'],
      realFraction: [0.25, 0.5],
    }),
    defaults,
  );
  let large: TrialSummary;
  let page: string;
  let markdown: string;

  beforeAll(() => {
    large = exampleSummary({ arms, folds: 2, seeds: 3, testImages: 120, external: ['elsewhere'] });
    large.dataset.kind = 'images';
    large.bayesAuc = null;
    large.sequential = { looks: [2, 3, 5], reached: 2, stopped: 'decided' };
    const amounts: Record<string, number> = { balance: 720, '+10%': 120, '2:1': 480 };
    for (const run of large.runs) {
      const { synthetic, realFraction } = arms.find(({ name }) => name === run.arm)!;
      run.realImages = 1200 * realFraction;
      run.syntheticImages = synthetic ? amounts[String(synthetic.amount)]! * realFraction : 0;
    }
    const [gan] = large.gans;
    const privacy = { pass: 'Nothing was found.', fail: 'Copies were found.' };
    large.gans = (['pass', 'fail'] as const).map((verdict, i) => ({
      ...gan!,
      name: `sngan, fold-${i + 1}`,
      fold: i + 1,
      realGrid: 'real.png',
      syntheticGrid: 'synthetic.png',
      privacy: { verdict, sentence: privacy[verdict] },
    }));
    large.metrics = large.gans.flatMap(({ name }) =>
      summary.metrics.map((metric) => ({ ...metric, gan: name })),
    );
    const result = writeReport(large, join(root, 'large'), { ...quick, replicates: 20 });
    page = readFileSync(result.html, 'utf8');
    markdown = readFileSync(result.markdown, 'utf8');
  });

  test('has sections for what a plain one has not', () => {
    for (const id of ['sweeps', 'folds', 'external']) expect(page).toContain(`<section id="${id}">`);
    for (const name of ['real-fraction', 'synthetic-amount', 'folds', 'grids-1', 'grids-2', 'gan-loss-2'])
      expect(page).toContain(`<figure id="figure-${name}"`);
  });

  test('every arm is told apart: no two have both colour and dashes, or both colour and symbol', () => {
    const styles = armStyles(arms);
    expect(styles.length).toBeGreaterThan(10);
    expect(new Set(styles.map(({ color, dash }) => `${color} ${dash}`)).size).toBe(styles.length);
    expect(new Set(styles.map(({ color, symbol }) => `${color} ${symbol}`)).size).toBe(styles.length);
    // The plain four look as in every other trial.
    expect(styles.slice(0, 4).map(({ color }) => color)).toEqual(
      ['grey', 'blue', 'orange', 'green'].map((name) => `var(--${name})`),
    );
  });

  test('the learning curves: real images with a line for each kind of arm, synthetic ones from none on', () => {
    const told = (name: string): Hover =>
      JSON.parse(
        new RegExp(`<figure id="figure-${name}".*?data-hover="([^"]*)"`)
          .exec(page)![1]!
          .replaceAll('&quot;', '"'),
      ) as Hover;
    const fractions = told('real-fraction').series;
    expect(fractions.map(({ label }) => label)).toEqual(['real + standard', 'real + standard + synthetic']);
    for (const { points } of fractions)
      expect(points.map(([x]) => Math.round(x! / 5) * 5)).toEqual([25, 50, 100]);
    const [amounts, ...others] = told('synthetic-amount').series;
    expect(others).toEqual([]);
    expect(amounts!.points).toHaveLength(4);
    expect(amounts!.texts![0]).toMatch(/, 1,200 real and 0 synthetic images$/);
    expect(amounts!.texts![3]).toMatch(/ 720 synthetic images$/);
  });

  test('external sets are compared, and their tables say at which level', () => {
    expect(page).toContain('External set elsewhere (150 images)');
    // Two panels as wide as the page, one under the other.
    expect(page).toContain('<figure id="figure-auc" class="tall"><div class="panels tall">');
    expect(markdown).toMatch(/AUC on external test sets/);
    // The second of three looks may err in less than 5 % of cases.
    expect(
      /Paired differences in AUC on external test sets.*?<th[^>]*>([\d.]+ %) interval/s.exec(page)![1],
    ).toBe(levelText(1 - 0.05 * spendingShares([2, 3, 5])[1]!));
  });

  test('the looks: what was known at each, and the last one in bold', () => {
    const rows = markdown
      .slice(markdown.indexOf('The primary difference at each look'))
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2, 5)
      .map((line) => line.split('|').map((cell) => cell.replaceAll('*', '').trim()));
    expect(rows.map((cells) => [cells[1], cells[2]])).toEqual([
      ['1', '2'],
      ['2', '3'],
      ['3', '5'],
    ]);
    expect(rows.map((cells) => cells.at(-2))).toEqual([
      'went on',
      'ended: the verdict was decided',
      'not reached',
    ]);
    const spent = rows.map((cells) => Number(cells[3]));
    expect(spent.reduce((a, b) => a + b)).toBeCloseTo(0.05, 3);
    const first = summarise(
      {
        ...large,
        runs: large.runs.filter(({ seed }) => seed <= 2),
        sequential: { ...large.sequential!, reached: 1 },
      },
      { replicates: 0 },
    );
    expect(rows[0]![4]).toContain(signed(first.comparisons[first.primary!]!.difference.value));
  });

  test('privacy: a failure is in bold, and no pass is called a proof', () => {
    expect(page).toMatch(/<tr class="strong"><td>sngan, fold-2<\/td><td>fail<\/td><td>Copies were found\./);
    expect(page).toContain('1 fail and 1 pass.');
  });

  test('the original’s figures stand beside this trial’s, unless it was of phantoms', () => {
    expect(markdown).toContain('| The original: SN-GAN 128 | 12.18 | 0.24 | 0.15 | 0.52 | 0.45 |');
    expect(markdown).toMatch(
      /\*\*This trial: sngan, fold-1 \(sngan-64\)\*\* \| \*\*13\.63\*\* \| \*\*0\.289\*\*/,
    );
    expect(html).not.toContain('The original: SN-GAN');
  });

  test('the paragraphs for a paper have every number, as whole sentences', () => {
    const start = markdown.indexOf('### For a paper');
    const text = markdown.slice(start, markdown.indexOf('\n## ', start));
    for (const part of [
      /2-fold cross-validation, grouped by lesion/,
      /1,200 \(240 malignant\) images were for training/,
      /External test sets, .* were elsewhere \(150 images, 30 malignant/,
      /We compared 11 training sets/,
      /“real \+ standard \(25% real\)”: 25 % of the groups of the real training images and standard augmentation/,
      /3 seeds \(1, 2, 3\) in each of 2 folds/,
      /3 planned looks \(2, 3, 5 seeds\)/,
      /corrected by Holm’s method/,
      /On external sets: on elsewhere/,
      /libtorch 1\.13\.1/,
      /b7c2e1f09a3d4c55/,
    ])
      expect(text).toMatch(part);
    expect(text).not.toMatch(/undefined|NaN|Infinity|\[object| {2,}\S.*[.;] {2}/);
    for (const paragraph of text.split('\n\n').slice(1)) expect(paragraph.trim()).toMatch(/^[A-Z].*\.$/s);
  });

  test('every run and every hash is in the appendix', () => {
    const runs = markdown.slice(markdown.indexOf('Every run'));
    for (const { arm, fold, seed, test: scores } of [large.runs[0]!, large.runs.at(-1)!])
      expect(runs).toMatch(
        new RegExp(
          `\\| ${armLabel(arm).replace(/[+()]/g, '\\$&')} \\| ${fold} \\| ${seed} \\| [^|]+ \\| ${fixed(scores.auc)} \\|`,
        ),
      );
    expect(runs).toContain('External set elsewhere | e1c0 |');
  });

  test('tags are balanced there, too', () => {
    for (const tag of ['section', 'figure', 'table', 'svg', 'div', 'g'])
      expect(page.match(new RegExp(`<${tag}[\\s>]`, 'g'))?.length, tag).toBe(
        page.split(`</${tag}>`).length - 1,
      );
  });
});

test('precision at a recall is a step: that of the first threshold that finds so many', () => {
  const curve = precisionRecallCurve([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]);
  expect([0.2, 0.5, 0.6, 1].map((recall) => precisionAt(curve, recall))).toEqual([1, 1, 2 / 3, 2 / 3]);
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

describe('with metadata', () => {
  const known = exampleSummary({ folds: 2, external: ['elsewhere'], metadata: true });
  const { markdown: path, html: page } = writeReport(known, join(root, 'known'), quick);
  const text = readFileSync(path, 'utf8');
  const svg = readFileSync(join(root, 'known', 'figures', 'participants.svg'), 'utf8');

  test('the flow goes from what was found to what was scored, class by class', () => {
    for (const part of [
      'Found: 2,103 images',
      'no or another label: 27',
      'Left out: 303',
      'exact copy of another: 251',
      'phantoms-2000: 1,800 images',
      'Training: 1,200',
      'malignant: 240 (231)',
      'External: elsewhere, 150',
    ])
      expect(svg).toContain(part);
    expect(svg).not.toContain('var(');
    const found = Number(/Found: ([\d,]+)/.exec(svg)![1]!.replace(',', ''));
    const out = [...svg.matchAll(/>(?:no label|cannot be read|exact copy of another): (\d+)/g)];
    expect(found - out.reduce((sum, [, n]) => sum + Number(n), 0)).toBe(1800);
  });

  test('demographics stand side by side, over folds as spans', () => {
    expect(text).toContain('Who is in which partition');
    expect(text).toMatch(/\| age: median \(quartiles\) \| [\d.–]+ \|/);
    expect(text).toMatch(/\| sex: not known \| \d/);
    const one = exampleSummary({ metadata: true });
    const single = readFileSync(writeReport(one, join(root, 'one'), quick).markdown, 'utf8');
    expect(single).toMatch(/\| sex: female \| \d+ \([\d.]+ %\) \|/);
    expect(single).toMatch(/\| age: median \(quartiles\) \| \d+ \(\d+–\d+\) \|/);
  });

  test('subgroups have a section of their own', () => {
    expect(readFileSync(page, 'utf8')).toContain('<section id="subgroups">');
    expect(text).toContain('| sex: female |');
  });

  test('without an import’s record the diagram begins with the dataset, and says so', () => {
    const plain = readFileSync(join(root, 'report', 'figures', 'participants.svg'), 'utf8');
    expect(plain).not.toContain('Found');
    expect(readFileSync(join(root, 'report', 'report.md'), 'utf8')).toContain(
      'its folder has no record of it',
    );
  });
});
