/** What the page's script does, in a real browser; without one these tests are skipped. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, chromiumPath, launchChromium, type Page } from '../../test/browser/chromium.js';
import { Plot, type PlotOptions, panelOf } from './charts/plot.js';
import type { Hover, Panel, ReportDocument } from './document.js';
import { toHtml } from './html.js';

const up = [10, 100, 1000].map((x, i) => [x, 0.5 + i / 10]);
const down = [10, 100, 1000].map((x, i) => [x, 0.3 - i / 10, 0, 0.4]);
const hover: Hover = {
  x: 'step',
  y: 'AUC',
  series: [
    { series: 'a', label: 'Arm <A>', points: up },
    { series: 'b', label: 'Arm B', points: down },
  ],
};
const plot = (width: number): PlotOptions => ({
  width,
  height: 240,
  x: { type: 'log' },
  y: { domain: [0, 1] },
  marks: [
    Plot.line(up, { stroke: 'var(--blue)', className: 'series-a' }),
    Plot.line(down as [number, number][], { stroke: 'var(--orange)', className: 'series-b' }),
  ],
});
const figure = (name: string, panels: Panel[]) => ({
  kind: 'figure' as const,
  name,
  title: name,
  shows: 'Lines.',
  doesNotShow: 'More.',
  legend: [
    { label: 'Arm <A>', color: 'var(--blue)', symbol: 'line', series: 'a' },
    { label: 'Arm B', color: 'var(--orange)', symbol: 'line', series: 'b', dash: '5 3' },
  ],
  panels,
});
const report: ReportDocument = {
  eyebrow: 'Test',
  title: 'A page to explore',
  subtitle: '',
  sections: [
    {
      id: 'one',
      title: 'One',
      blocks: [
        figure('explored', [panelOf(plot, { title: 'Two lines' }, hover)]),
        figure('still', [panelOf(plot, { title: 'Still', half: true })]),
      ],
    },
  ],
  footer: '',
};

test('a page without such figures has no script, and no scales', () => {
  const still = {
    ...report,
    sections: [
      { id: 'one', title: 'One', blocks: [figure('still', [panelOf(plot, { title: 'Still', half: true })])] },
    ],
  };
  expect(toHtml(still)).not.toMatch(/<script|data-x=|data-hover/);
  expect(toHtml(report).split('<script>')).toHaveLength(2);
  expect(toHtml(report)).toContain('data-x="log 10 1000 40 700"');
});

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  const dir = mkdtempSync(join(tmpdir(), 'graft-explore-'));
  const path = join(dir, 'page.html');
  let browser: Browser;
  beforeAll(async () => {
    writeFileSync(path, toHtml(report));
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const open = (phone = false): Promise<Page> =>
    browser.open(
      pathToFileURL(path).href,
      phone ? { widthPx: 390, heightPx: 800, phone } : { widthPx: 900, heightPx: 800 },
    );
  const shownSvg = `[...document.querySelectorAll('#figure-explored svg[data-x]')].find((svg) => svg.clientWidth > 0)`;
  const readout = (page: Page): Promise<string[]> =>
    page.evaluate(
      `[...document.querySelectorAll('.readout')].filter((one) => one.offsetWidth > 0).flatMap((one) => [...one.children].map((line) => line.textContent))`,
    );
  /** Where a value lies on the screen, worked out from the axes' ticks rather than from the script's scales. */
  const placeOf = async (page: Page, x: number, y: number): Promise<[number, number]> => {
    const box = await page.evaluate<{ left: number; top: number; zoom: number; width: number }>(
      `(() => { const svg = ${shownSvg}; svg.scrollIntoView(); const box = svg.getBoundingClientRect(); return { left: box.left, top: box.top, zoom: box.width / svg.viewBox.baseVal.width, width: svg.viewBox.baseVal.width }; })()`,
    );
    // Plot's default margins: 40 left, 20 right, 20 above, 30 below.
    const left = 40 + ((Math.log10(x) - 1) / 2) * (box.width - 60);
    const top = 20 + (1 - y) * 190;
    return [box.left + left * box.zoom, box.top + top * box.zoom];
  };

  test('pointing at a point tells its values and its interval; away from all, nothing', async () => {
    const page = await open();
    await page.point(...(await placeOf(page, 100, 0.6)));
    expect(await readout(page)).toEqual(['Arm <A>', 'step 100', 'AUC 0.6']);
    await page.point(...(await placeOf(page, 1000, 0.1)));
    expect(await readout(page)).toEqual(['Arm B', 'step 1,000', 'AUC 0.1 (0 to 0.4)']);
    await page.point(...(await placeOf(page, 30, 0.95)));
    expect(await readout(page)).toEqual([]);
    expect(page.complaints).toEqual([]);
    await page.close();
  });

  test('a tap does the same on a phone, on the drawing made for it, and stays on the screen', async () => {
    const page = await open(true);
    await page.point(...(await placeOf(page, 1000, 0.7)));
    expect(await readout(page)).toEqual(['Arm <A>', 'step 1,000', 'AUC 0.7']);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.close();
  });

  test('the legend hides and shows a curve, and only in its own figure; a hidden one tells nothing', async () => {
    const page = await open();
    const state = `[...document.querySelectorAll('.series-b')].map((mark) => mark.style.display)`;
    const button = `document.querySelectorAll('#figure-explored .legend button')[1]`;
    expect(await page.evaluate(`document.querySelectorAll('#figure-still button').length`)).toBe(0);
    expect(await page.evaluate(`${button}.getAttribute('aria-pressed')`)).toBe('true');
    await page.evaluate(`${button}.click()`);
    expect(await page.evaluate(state)).toEqual(['none', 'none', '']);
    expect(await page.evaluate(`${button}.getAttribute('aria-pressed')`)).toBe('false');
    await page.point(...(await placeOf(page, 1000, 0.1)));
    expect(await readout(page)).toEqual([]);
    await page.evaluate(`${button}.click()`);
    expect(await page.evaluate(state)).toEqual(['', '', '']);
    await page.close();
  });

  test('the arrow keys walk along a curve and to the next one, escape ends it', async () => {
    const page = await open();
    const press = (key: string): Promise<void> =>
      page.evaluate(
        `${shownSvg}.dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', bubbles: true }))`,
      );
    expect(await page.evaluate(`${shownSvg}.tabIndex`)).toBe(0);
    const walked: string[] = [];
    for (const key of [
      'ArrowRight',
      'ArrowRight',
      'ArrowRight',
      'ArrowRight',
      'ArrowDown',
      'Home',
      'ArrowUp',
    ]) {
      await press(key);
      walked.push((await readout(page)).slice(0, 2).join(', '));
    }
    expect(walked).toEqual([
      ...['Arm <A>, step 10', 'Arm <A>, step 100', 'Arm <A>, step 1,000', 'Arm <A>, step 1,000'],
      ...['Arm B, step 1,000', 'Arm B, step 10', 'Arm <A>, step 10'],
    ]);
    await press('Escape');
    expect(await readout(page)).toEqual([]);
    await page.close();
  });
});
