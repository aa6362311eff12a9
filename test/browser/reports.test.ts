/** The reports in a real browser: light, dark and on a phone. Skipped where there is no Chromium. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleAudit, exampleDataset, writeExampleReport } from '../../src/data/eda/example.test-data.js';
import { makeEdaReport } from '../../src/data/eda/index.js';
import { composeGanReport } from '../../src/generate/report/content.js';
import { exampleGanReport } from '../../src/generate/report/example.test-data.js';
import { exampleMetricReports } from '../../src/metrics/report/example.test-data.js';
import { toHtml } from '../../src/report/html.js';
import { exampleSummary } from '../../src/trial/example.test-data.js';
import { writeReport } from '../../src/trial/report/index.js';
import { type Browser, chromiumPath, launchChromium, type Page, type View } from './chromium.js';

const views = {
  light: { widthPx: 1280, heightPx: 900 },
  dark: { widthPx: 1280, heightPx: 900, scheme: 'dark' },
  phone: { widthPx: 360, heightPx: 740, phone: true },
  'dark phone': { widthPx: 360, heightPx: 740, phone: true, scheme: 'dark' },
} as const satisfies Record<string, View>;

/** What a figure looks like: drawings and pictures that are seen, texts that stick out of theirs or cover others. */
interface Seen {
  id: string;
  drawings: { width: number; height: number }[];
  broken: number;
  outside: string[];
  covered: string[];
}

const look = `[...document.querySelectorAll('figure')].map((figure) => {
  const seen = (element) => element.getClientRects().length > 0;
  const box = (element) => element.getBoundingClientRect();
  const pictures = [...figure.querySelectorAll('img')].filter(seen);
  const plots = [...figure.querySelectorAll('.panel svg')].filter(seen);
  return {
    id: figure.id,
    drawings: [...pictures, ...plots].map((one) => ({ width: box(one).width, height: box(one).height })),
    broken: pictures.filter((one) => !one.complete || one.naturalWidth === 0).length,
    outside: plots.flatMap((plot) => [...plot.querySelectorAll('text')]
      .filter((text) => text.textContent !== '' && (box(text).left < box(plot).left - 4 || box(text).right > box(plot).right + 4))
      .map((text) => text.textContent)),
    covered: plots.flatMap((plot) => {
      const texts = [...plot.querySelectorAll('text')].filter((text) => text.textContent !== '');
      return texts.flatMap((a, i) => texts.slice(i + 1).filter((b) => {
        const [p, q] = [box(a), box(b)];
        return Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1 && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 5;
      }).map((b) => a.textContent + ' | ' + b.textContent));
    }),
  };
})`;

/** WCAG's contrast of the page's ink on its paper. */
const contrast = `(() => {
  const light = (css) => {
    const [r, g, b] = css.match(/[\\d.]+/g).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.body);
  const [ink, paper] = [light(style.color), light(style.backgroundColor)];
  return { ratio: (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), dark: paper < ink };
})()`;

describe.skipIf(chromiumPath === undefined)('reports in Chromium (skipped where there is none)', () => {
  const root = mkdtempSync(join(tmpdir(), 'graft-browser-'));
  const pages: Record<string, string> = {};
  let browser: Browser;
  beforeAll(async () => {
    const dataset = await exampleDataset(join(root, 'dataset'));
    writeExampleReport(dataset);
    browser = await launchChromium();
    pages.dataset = join(root, 'eda.html');
    writeFileSync(pages.dataset, toHtml(await makeEdaReport(dataset, { audit: exampleAudit(dataset) })));
    pages.gan = join(root, 'gan.html');
    writeFileSync(pages.gan, toHtml(composeGanReport(await exampleGanReport())));
    for (const [name, report] of Object.entries(await exampleMetricReports())) {
      pages[name] = join(root, `${name}.html`);
      writeFileSync(pages[name]!, toHtml(report));
    }
    const summary = { ...exampleSummary({ testImages: 80 }), metrics: [] };
    pages.trial = writeReport(summary, join(root, 'trial'), { replicates: 20 }).html;
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(root, { recursive: true, force: true });
  });

  const open = (report: string, view: View): Promise<Page> =>
    browser.open(pathToFileURL(pages[report]!).href, view);

  test.each(
    ['dataset', 'trial', 'gan', 'image', 'distribution', 'privacy', 'artefacts'].flatMap((report) =>
      Object.entries(views).map(([name, view]) => [report, name, view] as const),
    ),
  )('%s, %s: every figure is there, nothing sticks out, nothing is asked for', async (report, _, view) => {
    const page = await open(report, view);
    expect(page.complaints).toEqual([]);
    expect(page.requests).toEqual([pathToFileURL(pages[report]!).href]);
    const figures = await page.evaluate<Seen[]>(look);
    const html = readFileSync(pages[report]!, 'utf8');
    expect(figures.map(({ id }) => id)).toEqual(
      [...html.matchAll(/<figure id="([^"]+)"/g)].map(([, id]) => id),
    );
    for (const { id, drawings, broken, outside, covered } of figures) {
      expect(drawings.length, id).toBeGreaterThan(0);
      for (const { width, height } of drawings) {
        expect(width, id).toBeGreaterThan(30);
        expect(height, id).toBeGreaterThan(30);
      }
      expect(broken, id).toBe(0);
      expect(outside, id).toEqual([]);
      expect(covered, id).toEqual([]);
    }
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(view.widthPx);
    const { ratio, dark } = await page.evaluate<{ ratio: number; dark: boolean }>(contrast);
    expect(dark).toBe('scheme' in view);
    expect(ratio).toBeGreaterThan(7);
    await page.close();
  });

  test('a press on a column’s head sorts the table, another one the other way round', async () => {
    const page = await open('privacy', views.light);
    const press = (column: number): Promise<string[]> =>
      page.evaluate<string[]>(`(() => {
        const table = document.querySelector('table.sortable');
        table.tHead.rows[0].cells[${column}].querySelector('button').click();
        return [...table.tBodies[0].rows].map((row) => row.cells[${column}].textContent);
      })()`);
    const names = await press(0);
    expect(names).toEqual(names.toSorted((a, b) => a.localeCompare(b)));
    expect(await press(0)).toEqual(names.toReversed());
    const numbers = (await press(1)).map((text) => Number(text.replace('−', '-')));
    expect(numbers.length).toBeGreaterThan(5);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(await page.evaluate<string>("document.querySelector('[aria-sort]').ariaSort")).toBe('ascending');
    await page.close();
  });

  test.each(['light', 'phone'] as const)(
    '%s: what is told of a picture appears when it is pointed at, inside the page',
    async (name) => {
      const page = await open('dataset', views[name]);
      const shown = `[...document.querySelectorAll('.tip')].filter((tip) => getComputedStyle(tip).display !== 'none').map((tip) => tip.textContent)`;
      expect(await page.evaluate<string[]>(shown)).toEqual([]);
      const { x, y, id } = await page.evaluate<{ x: number; y: number; id: string }>(`(() => {
      const tile = document.querySelectorAll('.tile')[2];
      tile.scrollIntoView({ block: 'center' });
      const { left, top, width, height } = tile.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2, id: tile.querySelector('img').alt.split(',')[0] };
    })()`);
      await page.point(x, y);
      const told = await page.evaluate<string[]>(shown);
      expect(told).toHaveLength(1);
      expect(told[0]).toContain(id);
      // Every one of them, as the keyboard reaches it.
      const places = await page.evaluate<{ left: number; right: number; width: number }[]>(`
      [...document.querySelectorAll('.tile')].map((tile) => {
        tile.focus();
        const { left, right, width } = tile.querySelector('.tip').getBoundingClientRect();
        return { left, right, width };
      })`);
      expect(places.length).toBeGreaterThan(30);
      for (const { left, right, width } of places) {
        expect(width).toBeGreaterThan(200);
        expect(left).toBeGreaterThanOrEqual(0);
        expect(right).toBeLessThanOrEqual(views[name].widthPx);
      }
      await page.close();
    },
  );
});
