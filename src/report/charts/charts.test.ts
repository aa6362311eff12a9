import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { BLUE, ORANGE } from '../palette.js';
import { barsPanel } from './bars.js';
import { type Curve, curvesPanel, thin } from './curves.js';
import { flowPanel } from './flow.js';
import { type ForestItem, forestPanel } from './forest.js';
import { gridPanel } from './grid.js';
import { ratesPanel } from './rates.js';
import { reliabilityPanel } from './reliability.js';
import { countsPanel } from './scatter.js';

const count = (svg: string, pattern: RegExp): number => (svg.match(pattern) ?? []).length;
const circles = (svg: string): { x: number; y: number; r: number }[] =>
  [...svg.matchAll(/<circle [^>]*>/g)].map(([circle]) => {
    const read = (name: string): number => Number(new RegExp(` ${name}="([\\d.-]+)"`).exec(circle)?.[1]);
    return { x: read('cx'), y: read('cy'), r: read('r') };
  });
/** A value of an axis to px, as the page's script reads it. */
const scaleIn = (svg: string, axis: 'x' | 'y'): ((value: number) => number) => {
  const [from, to, first, last] = new RegExp(`data-${axis}="linear ([^"]+)"`)
    .exec(svg)![1]!
    .split(' ')
    .map(Number);
  return (value) => first! + ((value - from!) / (to! - from!)) * (last! - first!);
};

test('only charts know what they are drawn with, and it loads with the first figure', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => ({
      path: relative(root, join(root, path)),
      text: readFileSync(join(root, path), 'utf8'),
    }));
  const naming = sources.filter(({ text }) => /@observablehq\/plot/.test(text));
  expect(naming.map(({ path }) => path)).toEqual([join('report', 'charts', 'plot.ts')]);
  expect(naming[0]!.text).not.toMatch(/^import (?!type).*(observablehq|linkedom)/m);
});

describe('forest plots', () => {
  const rows: ForestItem[] = [
    {
      label: 'first',
      text: '0.70 (0.60 to 0.80)',
      ...{ value: 0.7, low: 0.6, high: 0.8 },
      singles: [
        { value: 0.65, told: 'seed 0: 0.65' },
        { value: 0.75, told: 'seed 1: 0.75' },
      ],
    },
    { label: 'second', text: '0.50 (0.45 to 0.55)', value: 0.5, low: 0.45, high: 0.55, few: true },
  ];
  const options = { title: 'rows', axis: { label: 'AUC' }, limits: [0, 1] as const };

  test('on either width a dot lies where the page’s script looks for it', () => {
    const panel = forestPanel(rows, { ...options, explore: true });
    for (const svg of [panel.wide, panel.narrow!]) {
      const [x, y] = [scaleIn(svg, 'x'), scaleIn(svg, 'y')];
      const told = panel.hover!.series.flatMap(({ points }) => points);
      expect(told).toHaveLength(4);
      for (const [value, row] of told)
        expect(
          circles(svg).some((dot) => Math.abs(dot.x - x(value!)) < 0.2 && Math.abs(dot.y - y(row!)) < 0.2),
          `${value} in row ${row}`,
        ).toBe(true);
    }
    expect(panel.hover!.series[0]!.texts).toEqual(['0.70 (0.60 to 0.80)', 'seed 0: 0.65', 'seed 1: 0.75']);
  });

  test('labels stand in a column where there is room beside it, else above, and are cut rather than drawn over', () => {
    const long =
      'a label that is far longer than any phone, or column of labels, could ever show in one line of text';
    const items: ForestItem[] = [
      { heading: 'head' },
      ...rows,
      { label: long, value: 0.5, low: 0.4, high: 0.6 },
    ];
    const { wide, narrow } = forestPanel(items, { ...options, labelPx: 250 });
    for (const svg of [wide, narrow!]) {
      for (const word of ['head', 'first', 'second', '0.70 (0.60 to 0.80)']) expect(svg).toContain(word);
      expect(svg).not.toContain(long);
      expect(svg).toContain('…');
    }
    const height = (svg: string): number => Number(/ height="(\d+)"/.exec(svg)![1]);
    expect(height(narrow!)).toBeGreaterThan(1.5 * height(wide));
  });

  test('levels are named, the domain ends at the limits, too few are open dots', () => {
    const { wide } = forestPanel(rows, { ...options, levels: [{ at: 0.99, label: 'best' }], explore: true });
    expect(wide).toContain('best');
    expect(scaleIn(wide, 'x')(1)).toBeCloseTo(700, 5);
    expect(count(wide, /<circle [^>]*fill="var\(--paper\)"/g)).toBe(1);
  });
});

describe('curves', () => {
  const line = (color: string, y: number, own: Partial<Curve> = {}): Curve => ({
    label: color,
    color,
    points: [0, 1, 2].map((x) => ({ x, y: y + x })),
    ...own,
  });

  test('a band where points have ends, but not for more curves than can be told apart', () => {
    const banded = (n: number): Curve[] =>
      Array.from({ length: n }, (_, i) => ({
        ...line(BLUE, i, { series: `arm-${i}` }),
        points: [0, 1].map((x) => ({ x, y: x, low: x - 1, high: x + 1 })),
      }));
    const drawn = (n: number): string => curvesPanel(banded(n), { title: 't', y: { label: 'y' } }).wide;
    expect(count(drawn(4), /fill-opacity="0.13"/g)).toBe(4);
    expect(count(drawn(5), /fill-opacity="0.13"/g)).toBe(0);
    expect(drawn(5)).toContain('series-arm-4');
  });

  test('what the legend cannot switch is not told', () => {
    const { hover } = curvesPanel([line(BLUE, 0, { series: 'a' }), line(ORANGE, 1)], {
      ...{ title: 't', x: { label: 'share' }, y: { label: 'loss' } },
      explore: true,
    });
    expect(hover).toMatchObject({
      x: 'share',
      y: 'loss',
      series: [
        {
          series: 'a',
          points: [
            [0, 0],
            [1, 1],
            [2, 2],
          ],
        },
      ],
    });
  });

  test('many points become a fine line and a trend, whose means are those of the points', () => {
    const points = Array.from({ length: 1000 }, (_, x) => ({ x, y: x % 2 }));
    const { wide } = curvesPanel([{ label: 'loss', color: BLUE, as: 'trend', points }], {
      title: 't',
      y: { label: 'loss' },
    });
    expect(count(wide, /stroke-opacity="0.3"/g)).toBe(1);
    expect(thin(points, 10).map(({ y }) => y)).toEqual(Array(10).fill(0.5));
    expect(thin(points.slice(0, 3), 10)).toEqual(points.slice(0, 3));
  });
});

test('rates lie on a square from 0 to 1, with what a guess gives', () => {
  const axes = { x: 'a', y: 'b' };
  const curve = {
    label: '',
    color: BLUE,
    points: [
      { x: 0, y: 0 },
      { x: 1, y: 1 },
    ],
  };
  const panel = ratesPanel([curve], {
    title: 'ROC',
    half: true,
    axes,
    chance: 'diagonal',
    point: { x: 0.5, y: 0.25 },
  });
  expect(panel).toMatchObject({ title: 'ROC', narrow: null });
  const [dot] = circles(panel.wide);
  // The square spans 48 to 340 px, and 304 to 10.
  expect(dot!.x).toBeCloseTo(48 + 0.5 * 292, 0);
  expect(dot!.y).toBeCloseTo(304 - 0.25 * 294, 0);
  expect(count(panel.wide, /stroke-dasharray="2,3"/g)).toBe(1);
});

test('the more images a bin holds, the larger its mark', () => {
  const bins = [10, 90].map((images, i) => ({ meanProbability: 0.2 + 0.6 * i, observed: 0.5, images }));
  const { wide } = reliabilityPanel([{ label: '', color: BLUE, bins }], {
    title: 't',
    half: true,
    observed: 'share',
  });
  // Plot draws the largest first.
  const [large, small] = circles(wide);
  expect(large!.r - 3).toBeCloseTo(3 * (small!.r - 3), 0);
});

test('a cell is the darker the larger its share; few places are dots, many are cells', () => {
  const cells = [0, 0.5, 1, 0.25].map((share, i) => ({
    ...{ row: i < 2 ? 'a' : 'b', column: i % 2 ? 'b' : 'a' },
    ...{ text: String(share), share, framed: false },
  }));
  const grid = gridPanel(cells, { title: 't', names: ['a', 'b'], counts: ['1', '2'], corner: 'is ↓' });
  const opacities = [...grid.wide.matchAll(/fill-opacity="([\d.]+)"/g)].map(([, value]) => Number(value));
  expect(opacities).toEqual([0, 0.275, 0.55, 0.1375]);
  const places = (n: number) =>
    countsPanel(
      Array.from({ length: n }, (_, x) => ({ x, y: x, count: 1 + x, title: '' })),
      { title: 't', half: true, x: { label: 'x' }, y: { label: 'y' }, heightPx: 200, told: String },
    ).wide;
  expect(circles(places(60))).toHaveLength(60);
  expect(circles(places(61))).toHaveLength(0);
});

test('text from outside is escaped in every chart', () => {
  const name = '<b>"&\'';
  const bars = barsPanel([{ label: name, text: '1', segments: [{ value: 1, color: BLUE, title: name }] }], {
    title: name,
  });
  const flow = flowPanel(
    {
      found: null,
      out: null,
      kept: { title: name, lines: [name] },
      splits: [{ title: name, lines: [] }],
      external: [],
    },
    { title: name },
  );
  for (const svg of [bars.wide, bars.narrow!, flow.wide, flow.narrow!]) {
    expect(svg).not.toContain('<b>');
    expect(svg).toContain('&lt;b&gt;');
    expect(svg).toContain('aria-label="&lt;b&gt;&quot;&amp;&#39;"');
  }
});
