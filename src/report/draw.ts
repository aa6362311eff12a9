/**
 * Observable Plot to an SVG string without a browser (linkedom is the document). Colours stay CSS variables;
 * `standaloneSvg` puts the light values in for files outside the page.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { Hover, Panel } from './document.js';
import { escapeHtml } from './escape.js';
import { LIGHT, RULE } from './palette.js';

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

/** Widths in px of a full panel on a wide page and on a phone, and of a half panel. */
export const WIDTHS = { full: 720, phone: 350, half: 352 } as const;

/** Stands for the label while linkedom prints, which does not escape what XML needs escaped in attributes. */
const LABEL = 'label-of-the-plot';

interface Scale {
  type?: string;
  domain?: readonly number[];
  range?: readonly number[];
}

/**
 * Draws one plot.
 * @param label what a screen reader says
 * @param withScales writes down where values lie (`data-x="linear 0 1 48 340"`: domain, then px), for a page that tells them
 */
export function drawSvg(options: Plot.PlotOptions, label: string, withScales = false): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({
    document,
    style: { fontSize: '12px', fontFamily: 'inherit', background: 'transparent', color: 'var(--ink)' },
    className: 'plot',
    ...options,
  } as unknown as Plot.PlotOptions) as unknown as {
    outerHTML: string;
    setAttribute(name: string, value: string): void;
    querySelector(selector: string): { remove(): void } | null;
    scale(name: string): Scale | undefined;
  };
  svg.querySelector('style')?.remove();
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', LABEL);
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  for (const axis of withScales ? ['x', 'y'] : []) {
    const { type, domain = [], range = [] } = svg.scale(axis) ?? {};
    svg.setAttribute(`data-${axis}`, [type, ...domain, ...range].join(' '));
  }
  return tidySvg(svg.outerHTML).replace(`"${LABEL}"`, () => `"${escapeHtml(label)}"`);
}

/** A tenth of a pixel is enough for geometry, where Plot writes up to sixteen digits; text stays as it is. */
const tidySvg = (svg: string): string =>
  svg.replace(/ (?:d|cx|cy|r|x|y|x1|x2|y1|y2|width|height|transform)="[^"]*"/g, (attribute) =>
    attribute.replace(/(\d+\.\d)\d+/g, '$1').replace(/\.0(?=\D)/g, ''),
  );

/** A domain around the values with some air. */
export function around(values: readonly number[], air = 0.06): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const margin = (high - low || 0.1) * air;
  return [low - margin, high + margin];
}

/** An axis with its name in the middle and few ticks. */
export const plainAxis = (label: string, narrow: boolean): Plot.ScaleOptions =>
  ({
    label,
    labelArrow: 'none',
    labelAnchor: 'center',
    ticks: narrow ? 5 : 8,
    tickSize: 4,
  }) as Plot.ScaleOptions;

/** A square plane from 0 to 1, as curves of rates are drawn on. */
export function unitSquare(
  axes: { x: string; y: string },
  marks: Plot.Markish[],
): Omit<Plot.PlotOptions, 'width'> {
  return {
    height: 346,
    marginLeft: 48,
    marginBottom: 42,
    marginTop: 10,
    marginRight: 12,
    x: { ...plainAxis(axes.x, true), domain: [0, 1] },
    y: { ...plainAxis(axes.y, true), domain: [0, 1] },
    marks: [Plot.frame({ stroke: RULE }), ...marks],
  };
}

/** A panel as wide as the page, drawn a second time for phones. */
export function fullPanel(draw: (width: number) => Plot.PlotOptions, label: string, hover?: Hover): Panel {
  const drawn = (width: number): string => drawSvg(draw(width), label, hover !== undefined);
  return { wide: drawn(WIDTHS.full), narrow: drawn(WIDTHS.phone), ...(hover ? { hover } : {}) };
}

/** A panel of half the page; two stand side by side, on phones one under the other. */
export function halfPanel(title: string, options: Plot.PlotOptions, hover?: Hover): Panel {
  const wide = drawSvg({ width: WIDTHS.half, ...options }, title, hover !== undefined);
  return { title, wide, narrow: null, ...(hover ? { hover } : {}) };
}

/** The same drawing as a file of its own: light colours, white ground, a common font. */
export function standaloneSvg(svg: string): string {
  const coloured = svg.replace(/var\((--[a-z0-9-]+)\)/g, (whole, name: string) => LIGHT[name] ?? whole);
  return coloured
    .replace('font-family="system-ui, sans-serif"', `font-family='${FONT}'`)
    .replace('font-family:inherit', `font-family:${FONT.replaceAll('"', "'")}`)
    .replace('background:transparent', 'background:#fff');
}
