import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FigureBlock, ReportDocument, TableBlock } from '../../report/document.js';
import { toHtml } from '../../report/html.js';
import { toMarkdown } from '../../report/markdown.js';
import { writeFigureFiles } from '../../report/write.js';
import { configEntries } from './configuration.js';
import { composeGanReport } from './content.js';
import { exampleEvents, exampleGanReport } from './example.test-data.js';
import { historyOf } from './history.js';
import { type GanReportInput, noPictures } from './input.js';

const root = mkdtempSync(join(tmpdir(), 'graft-gan-report-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let input: GanReportInput;
let report: ReportDocument;
beforeAll(async () => {
  input = await exampleGanReport();
  report = composeGanReport(input);
});

const figuresOf = ({ sections }: ReportDocument): string[] =>
  sections
    .flatMap(({ blocks }) => blocks)
    .flatMap((block) => (block.kind === 'figure' || block.kind === 'pictures' ? [block.name] : []));
const tableOf = ({ sections }: ReportDocument, title: string): TableBlock =>
  sections
    .flatMap(({ blocks }) => blocks)
    .find((block): block is TableBlock => block.kind === 'table' && block.title === title)!;

test('what is held out is drawn beside scores that were measured alike, not those of training batches', () => {
  const drawn = (type: string): string => {
    const events = input.events.map((event) =>
      event.type === type ? { ...event, realScore: 0.5, fakeScore: 0.4 } : event,
    );
    const blocks = composeGanReport({ ...input, events }).sections.flatMap(({ blocks }) => blocks);
    return blocks.find((block): block is FigureBlock => block.kind === 'figure' && block.name === 'held-out')!
      .panels[0]!.wide;
  };
  expect(drawn('losses')).toBe(drawn('nothing'));
  expect(drawn('monitor')).not.toBe(drawn('nothing'));
});

describe('history', () => {
  test('curves follow the way that was kept; findings of the other stay', () => {
    const { losses, monitor, findings, rollBacks } = historyOf(exampleEvents());
    const steps = losses.generatorLoss.map(({ x }) => x);
    expect(steps).toEqual(Array.from({ length: 260 }, (_, i) => 10 * (i + 1)));
    expect(monitor.fd).toHaveLength(13);
    // Steps 1,210 to 1,600 are those after the way back, which come later in the log.
    const later = exampleEvents().filter((event) => event.type === 'losses' && event.step === 1500);
    expect(later).toHaveLength(2);
    expect(losses.generatorLoss.find(({ x }) => x === 1500)!.y).toBe(later[1]!.generatorLoss);
    expect(findings.map(({ kind, step }) => [kind, step])).toEqual([
      ['mode-collapse', 1600],
      ['overfitting', 2400],
    ]);
    expect(rollBacks).toEqual([{ step: 1600, to: 1200, reason: 'mode-collapse' }]);
  });

  test('null, NaN and missing fields are no points', () => {
    const wall = { time: '' };
    const { monitor, losses } = historyOf([
      { type: 'monitor', step: 1, fd: null, kid: Number.NaN, wall },
      { type: 'monitor', step: 2, fd: 3, wall },
      { type: 'losses', step: 2, generatorLoss: Number.POSITIVE_INFINITY, wall },
    ]);
    expect([monitor.fd, monitor.kid, losses.generatorLoss]).toEqual([[{ x: 2, y: 3 }], [], []]);
  });
});

describe('the report', () => {
  test('has every figure that there are numbers and pictures for', () => {
    expect(figuresOf(report)).toEqual([
      'real-generated',
      'classes',
      'interpolation',
      'nearest',
      'losses',
      'scores',
      'held-out',
      'norms',
      'diversity',
      'distance',
      'augmentation',
      'training',
      'timeline',
    ]);
    for (const block of report.sections.flatMap(({ blocks }) => blocks)) {
      if (block.kind !== 'figure' && block.kind !== 'pictures') continue;
      expect(block.shows.length, block.name).toBeGreaterThan(30);
      expect(block.doesNotShow.length, block.name).toBeGreaterThan(20);
    }
  });

  test('and none that there are not', () => {
    const bare = composeGanReport({
      ...input,
      events: input.events.filter(({ type }) => type === 'losses'),
      lineage: null,
      pictures: noPictures,
    });
    expect(figuresOf(bare)).toEqual(['losses', 'scores']);
    expect(bare.sections.map(({ id }) => id)).toEqual(['training', 'configuration']);
    expect(
      composeGanReport({ ...input, events: [], pictures: noPictures }).sections.map(({ id }) => id),
    ).toEqual(['configuration', 'lineage']);
  });

  test('opens with what was trained, how long, on what, and how it went', () => {
    const { summary } = report;
    expect(summary!.sentence).toBe(
      'This SNGAN of 64 px learned 374 images (352 lesions) of melanoma from the training split of isic2017 for 2,600 steps in 22 min.',
    );
    expect([summary!.tone, summary!.short]).toEqual(['bad', '1 critical finding']);
    expect(summary!.paragraph).toContain(
      'went back to an earlier checkpoint once (from step 1,600 to 1,200: mode-collapse).',
    );
    expect(summary!.figures.map(({ label, value }) => [label, value])).toEqual([
      ['Training images', '374'],
      ['Steps', '2,600'],
      ['Time', '22 min'],
      ['Best FD', expect.stringMatching(/^\d\d\.\d$/)],
    ]);
  });

  test.each([
    [
      'warnings alone',
      (i: GanReportInput) => i.events.filter((e) => e.severity !== 'critical'),
      'open',
      '1 finding',
    ],
    [
      'nothing found',
      (i: GanReportInput) => i.events.filter((e) => e.type !== 'finding'),
      'good',
      'nothing found',
    ],
    [
      'nothing measured',
      (i: GanReportInput) => i.events.filter((e) => e.type === 'losses'),
      'open',
      'too little measured to judge',
    ],
    [
      'a run that ended before the doctor looks',
      (i: GanReportInput) => i.events.filter(({ step, type }) => step <= 400 && type !== 'finding'),
      'open',
      'too short to judge',
    ],
    [
      'images far from real ones',
      (i: GanReportInput) =>
        i.events
          .filter(({ type }) => type !== 'finding')
          .map((event) => (event.type === 'monitor' ? { ...event, fd: 290 } : event)),
      'open',
      'far from real images',
    ],
  ])('its headline: %s', (_, events, tone, short) => {
    expect(composeGanReport({ ...input, events: events(input) }).summary).toMatchObject({ tone, short });
  });

  test('an unfinished run says so', () => {
    const summary = { ...input.summary, finished: false, steps: 1200 };
    const events = input.events.filter(({ type }) => type === 'losses');
    const { summary: box } = composeGanReport({ ...input, events, summary });
    expect([box!.tone, box!.short]).toEqual(['open', 'unfinished']);
    expect(box!.paragraph).toMatch(/^The run has not finished: 1,200 of 2,600 steps are done/);
  });

  test('findings have their evidence and remedy, critical ones in bold', () => {
    const { rows, strong } = tableOf(report, 'What the doctor found');
    expect(rows.map(([kind, step]) => [kind, step])).toEqual([
      ['mode-collapse (critical)', '1,600'],
      ['overfitting (warning)', '2,400'],
    ]);
    expect(rows[1]!.slice(2)).toEqual([
      'r_v is 0.62, above 0.5',
      '--set diffAugment=[colour,translation,cutout]',
    ]);
    expect(strong).toEqual([0]);
  });

  test('settings that are not the default are bold, with what it would have been', () => {
    const { rows, strong } = tableOf(report, 'Every setting');
    expect(rows[2]).toEqual(['flips', 'true (default: false)']);
    expect(rows[1]).toEqual(['architecture', 'sngan']);
    expect(strong).toEqual([0, 2]);
  });

  test('the best step is marked where it is, with its value', () => {
    const { monitor } = historyOf(input.events);
    const least = monitor.fd.reduce((best, p) => (p.y < best.y ? p : best));
    const block = report.sections
      .flatMap(({ blocks }) => blocks)
      .find((b): b is FigureBlock => 'name' in b && b.name === 'distance')!;
    expect(block.shows).toContain(`FD ${least.y.toFixed(1)} at step ${least.x.toLocaleString('en-GB')}`);
    const svg = block.panels[0]!.wide;
    const circles = [...svg.matchAll(/<circle[^>]*>/g)].map(([tag]) => ({
      cx: Number(/cx="([^"]+)"/.exec(tag)![1]),
      cy: Number(/cy="([^"]+)"/.exec(tag)![1]),
      r: Number(/ r="([^"]+)"/.exec(tag)![1]),
    }));
    const [ring] = circles.filter(({ r }) => r === 6);
    const dots = circles.filter(({ r }) => r < 3);
    expect(dots).toHaveLength(13);
    expect(ring!.cy).toBe(Math.max(...dots.map(({ cy }) => cy))); // the lowest of them
    expect(svg).toContain('>best</text>');
  });

  test('a critic’s scores are not called probabilities', () => {
    const events = input.events.map((e) =>
      e.type === 'losses' ? { ...e, realScore: -3 - e.step / 100 } : e,
    );
    const block = composeGanReport({ ...input, events })
      .sections.flatMap(({ blocks }) => blocks)
      .find((b): b is FigureBlock => 'name' in b && b.name === 'scores')!;
    expect(block.title).toBe('What the critic says');
    expect(block.shows).not.toContain('robability');
  });

  test('generated images that are nearer than others are counted beside the same of real ones', () => {
    const nearest = report.sections
      .flatMap(({ blocks }) => blocks)
      .find((b) => 'name' in b && b.name === 'nearest')!;
    expect((nearest as FigureBlock).shows).toMatch(
      /1 of 3 generated images lie nearer to a training image .*; of real images held against the rest, 44\.0 % do/,
    );
  });
});

describe('on paper', () => {
  test('the page needs nothing from outside, and text of a run cannot become markup', () => {
    const hostile = { ...input, name: '<img src=x onerror=alert(1)>' };
    const html = toHtml(composeGanReport(hostile));
    expect(html).not.toMatch(/<(script|link|iframe|object|embed)\b/i);
    expect(html).not.toContain('<img src=x');
    const addresses = html.match(/https?:\/\/[^"'\s<)]+/g) ?? [];
    expect(addresses.filter((url) => url !== 'http://www.w3.org/2000/svg')).toEqual([]);
  });

  test('an animation is embedded as WebP, and its file beside the report is one', async () => {
    const webp = Buffer.from('RIFF0000WEBP');
    const animation = { webp, width: 90, height: 114, frames: 14 };
    const moving = composeGanReport({ ...input, events: [], pictures: { ...noPictures, animation } });
    expect(toHtml(moving)).toContain(`src="data:image/webp;base64,${webp.toString('base64')}"`);
    await writeFigureFiles(moving, join(root, 'moving'));
    expect(readFileSync(join(root, 'moving', 'training.webp'))).toEqual(webp);
  });

  test('every file that the Markdown names is written, and no other', async () => {
    await writeFigureFiles(report, join(root, 'figures'));
    const markdown = toMarkdown(report, { figures: 'sheets' });
    const named = [...markdown.matchAll(/\]\(figures\/([^)]+)\)/g)].map(([, file]) => file!);
    const written = readdirSync(join(root, 'figures'));
    expect(named.filter((file) => !written.includes(file))).toEqual([]);
    const sheets = named.filter((file) => file.endsWith('.svg')).map((file) => file.replace(/svg$/, 'png'));
    expect(written.toSorted()).toEqual([...named, ...sheets].toSorted());
  });
});

test('settings: nested keys by dotted name, lists in words, groups that are off', () => {
  const presets = { a: 1, b: { c: 0.5, d: [1, 2] }, penalty: null, list: [] };
  const config = { data: 'x', a: 2, b: { c: 0.5, d: [1, 3] }, penalty: { kind: 'r1', weight: 10 }, list: [] };
  expect(configEntries(config, presets)).toEqual([
    { key: 'data', value: 'x', preset: null },
    { key: 'a', value: '2', preset: '1' },
    { key: 'b.c', value: '0.5', preset: '0.5' },
    { key: 'b.d', value: '1, 3', preset: '1, 2' },
    { key: 'penalty.kind', value: 'r1', preset: 'none' },
    { key: 'penalty.weight', value: '10', preset: 'none' },
    { key: 'list', value: 'none', preset: 'none' },
  ]);
});
