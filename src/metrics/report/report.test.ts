import { liveTensors } from 'graft-torch';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Block, ReportDocument } from '../../report/document.js';
import { toHtml } from '../../report/html.js';
import { toMarkdown } from '../../report/markdown.js';
import type { MetricRecord } from '../sets/record.js';
import { exampleMetricReports } from './example.test-data.js';
import { DISTRIBUTION_WORDS, figure, protocolTable, readingOf, standingOf } from './records.js';

const record = (own: Partial<MetricRecord> = {}): MetricRecord => ({
  metric: 'frechet',
  name: 'Fréchet distance',
  unit: '',
  better: 'lower',
  class: null,
  value: 0.2,
  sd: null,
  interval: [0.18, 0.22],
  floor: { value: 0.1, interval: [0.08, 0.12], matched: null },
  n: { real: 283, synthetic: 1000 },
  protocol: { resizer: 'bicubic' },
  ...own,
});

describe('the standing of a record', () => {
  it('goes by intervals, and by which way is better', () => {
    expect(standingOf(record())).toBe('worse');
    expect(standingOf(record({ better: 'higher' }))).toBe('better');
    expect(standingOf(record({ better: 'real' }))).toBe('worse');
    expect(standingOf(record({ interval: [0.11, 0.22] }))).toBe('overlap');
    expect(standingOf(record({ interval: [0.01, 0.05] }))).toBe('better');
    expect(standingOf(record({ interval: [0.01, 0.05], better: 'real' }))).toBe('worse');
    expect(standingOf(record({ floor: null }))).toBeNull();
    expect(standingOf(record({ interval: null }))).toBeNull();
    expect(readingOf(record({ floor: null }), DISTRIBUTION_WORDS)).toBe('cannot be read: no floor');
  });

  it('takes the figure at the floor’s N, not that of more images', () => {
    const floor = record().floor!;
    const matched = { value: 0.1, interval: [0.09, 0.13] as [number, number] };
    expect(standingOf(record({ floor: { ...floor, matched } }))).toBe('overlap');
    expect(standingOf(record({ floor: { ...floor, matched: { ...matched, interval: null } } }))).toBeNull();
  });
});

it('figures have three digits that count', () => {
  expect([0, 0.4567, 0.01234, 12.345, 1.2345, 1234.5, 283.4, -0.5, 0.00001].map(figure)).toEqual([
    '0',
    '0.457',
    '0.0123',
    '12.3',
    '1.23',
    '1,235',
    '283',
    '−0.500',
    '1.0e-5',
  ]);
});

it('a protocol is told once where all share it, and by metric where they do not', () => {
  const table = protocolTable([
    record(),
    record({ name: 'KID', metric: 'kernel', protocol: { resizer: 'bicubic', subsets: 100 } }),
  ]);
  expect(table.rows).toEqual([
    ['resizer', 'all', 'bicubic'],
    ['subsets', 'KID', '100'],
  ]);
});

describe('pages', () => {
  let pages: Record<string, ReportDocument>;
  let before: number;
  beforeAll(async () => {
    before = liveTensors();
    pages = await exampleMetricReports();
  });
  const blocks = (page: string): Block[] => pages[page]!.sections.flatMap((section) => section.blocks);

  it('leave no tensor behind', () => {
    expect(liveTensors()).toBe(before);
  });

  it.each(['image', 'distribution', 'privacy', 'artefacts'])(
    '%s: every figure says what it shows and what it does not, tables sort, both prints work',
    (page) => {
      for (const block of blocks(page)) {
        if (!('shows' in block)) continue;
        expect(block.shows.length).toBeGreaterThan(20);
        expect(block.doesNotShow.length).toBeGreaterThan(20);
      }
      expect(blocks(page).some((block) => block.kind === 'table' && block.sortable)).toBe(true);
      const [body = ''] = toHtml(pages[page]!)
        .replace(/base64,[^"]*/g, '')
        .split('<script>');
      expect(body.includes('<table class="sortable">')).toBe(true);
      expect(/undefined|NaN|Infinity/.exec(body)?.[0]).toBeUndefined();
      expect(toMarkdown(pages[page]!)).toContain('# synthetic against real');
    },
  );

  it('show the planted copy beside its original', () => {
    const gallery = blocks('privacy').find((block) => block.kind === 'gallery');
    const [first] = gallery!.rows;
    expect(first!.title).toMatch(/copied pictures/);
    expect(first!.tiles[0]!.facts.map(({ value }) => value)).toEqual(['synthetic/0005.png', 'real/0000.png']);
    expect(pages.privacy!.summary).toMatchObject({ tone: 'bad', short: 'Fail' });
  });
});
