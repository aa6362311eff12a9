/**
 * What every chart is drawn with: Observable Plot, to an SVG string without a browser (linkedom is the document). Both are
 * loaded with the first figure: who draws nothing does not wait for them. Colours stay CSS variables; `standaloneSvg` puts
 * the light values in for files outside the page.
 */
import { createRequire } from 'node:module';
import type * as ObservablePlot from '@observablehq/plot';
import type * as Linkedom from 'linkedom';
import type { Hover, Panel } from '../document.js';
import { escapeHtml } from '../escape.js';
import { LIGHT } from '../palette.js';

export type { Markish, PlotOptions } from '@observablehq/plot';

const require = createRequire(import.meta.url);

/** Observable Plot, which loads when it is first asked for a mark. */
export const Plot: typeof ObservablePlot = new Proxy({} as typeof ObservablePlot, {
  get: (_, name) => Reflect.get(require('@observablehq/plot') as object, name),
});

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

/** Widths in px of a full panel on a wide page and on a phone, and of a half panel. */
export const WIDTHS = { full: 720, phone: 350, half: 352 } as const;

/** Whether a panel is one for a phone, or half a page. */
export const isNarrow = (width: number): boolean => width < 500;

/** Stands for the label while linkedom prints, which does not escape what XML needs escaped in attributes. */
const LABEL = 'label-of-the-plot';

interface Scale {
  type?: string;
  domain?: readonly number[];
  range?: readonly number[];
}

/** Draws one plot. `hover`: where values lie is written down (`data-x="linear 0 1 48 340"`: domain, then px). */
function drawSvg(options: ObservablePlot.PlotOptions, label: string, hover: boolean): string {
  const { parseHTML } = require('linkedom') as typeof Linkedom;
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({
    document,
    style: { fontSize: '12px', fontFamily: 'inherit', background: 'transparent', color: 'var(--ink)' },
    className: 'plot',
    ...options,
  } as unknown as ObservablePlot.PlotOptions) as unknown as {
    outerHTML: string;
    setAttribute(name: string, value: string): void;
    querySelector(selector: string): { remove(): void } | null;
    scale(name: string): Scale | undefined;
  };
  svg.querySelector('style')?.remove();
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', LABEL);
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  for (const axis of hover ? ['x', 'y'] : []) {
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

/** What every chart is told of its panel. */
export interface PanelOptions {
  /** What a screen reader says; a half panel has it printed above. */
  title: string;
  /** Half of the page: two stand side by side. Default: the whole width, drawn a second time for phones. */
  half?: boolean;
}

/** Draws a panel at the widths it is seen in. */
export function panelOf(
  draw: (width: number) => ObservablePlot.PlotOptions,
  { title, half = false }: PanelOptions,
  hover?: Hover,
): Panel {
  const drawn = (width: number): string => drawSvg({ width, ...draw(width) }, title, hover !== undefined);
  const told = hover ? { hover } : {};
  return half
    ? { title, wide: drawn(WIDTHS.half), narrow: null, ...told }
    : { wide: drawn(WIDTHS.full), narrow: drawn(WIDTHS.phone), ...told };
}

/** A quantity along one side of a chart. */
export interface Axis {
  label: string;
  /** Default: what the values span, with some air. */
  domain?: readonly [number, number];
  /** Values that the axis must reach. */
  include?: readonly number[];
  format?: (value: number) => string;
  /** About so many. */
  ticks?: number;
}

/** An axis with its name in the middle. */
export const scaleOf = ({ label, domain, format, ticks }: Axis, usual = 5): ObservablePlot.ScaleOptions =>
  ({
    label: label || null,
    labelArrow: 'none',
    labelAnchor: 'center',
    tickSize: 4,
    ticks: ticks ?? usual,
    ...(domain ? { domain } : { nice: true }),
    ...(format ? { tickFormat: format } : {}),
  }) as ObservablePlot.ScaleOptions;

/** A domain around the values with some air. */
export function around(values: readonly number[], air = 0.06): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const margin = (high - low || 0.1) * air;
  return [low - margin, high + margin];
}

/** The same drawing as a file of its own: light colours, white ground, a common font. */
export function standaloneSvg(svg: string): string {
  const coloured = svg.replace(/var\((--[a-z0-9-]+)\)/g, (whole, name: string) => LIGHT[name] ?? whole);
  return coloured
    .replace('font-family="system-ui, sans-serif"', `font-family='${FONT}'`)
    .replace('font-family:inherit', `font-family:${FONT.replaceAll('"', "'")}`)
    .replace('background:transparent', 'background:#fff');
}
