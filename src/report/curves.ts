/** Curves over training steps, as reports draw them: what was logged as a fine line, its trend as a thick one. */
import * as Plot from '@observablehq/plot';
import type { LegendItem } from './document.js';
import { plainAxis } from './draw.js';
import { MUTED, RULE } from './palette.js';

export interface Point {
  x: number;
  y: number;
}

export interface Curve {
  label: string;
  /** CSS colour, `var(--…)`. */
  color: string;
  /** In the order of x. */
  points: readonly Point[];
  /** Few measurements, each a dot on the line; else they are taken for many, and a trend is drawn. */
  dots?: boolean;
}

export interface CurveOptions {
  /** Name of the vertical axis. */
  y: string;
  /** Of the horizontal one; default 'step'. */
  x?: string;
  heightPx?: number;
  /** Logarithmic; values of 0 and below are left out. */
  log?: boolean;
  /** Values that the axis must reach. */
  include?: readonly number[];
  /** Dotted horizontal lines, which curves are read against. */
  levels?: readonly number[];
  /** Dotted vertical lines. */
  events?: readonly number[];
  /** A point in particular, with a word beside it. */
  mark?: Point & { label: string };
}

const FINE_POINTS = 320;
const TREND_POINTS = 36;
/** Up to so many points need no trend. */
const FEW = 80;

/** Means of up to `buckets` runs of neighbouring points, so that a curve of any length draws fast and reads well. */
export function thin<T>(
  points: readonly T[],
  x: (point: T) => number,
  y: (point: T) => number | null,
  buckets: number,
): Point[] {
  const result: Point[] = [];
  const size = Math.max(1, Math.ceil(points.length / buckets));
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(start, start + size).flatMap((point) => {
      const value = y(point);
      return value === null ? [] : [{ x: x(point), y: value }];
    });
    if (part.length === 0) continue;
    const mean = (key: 'x' | 'y'): number => part.reduce((sum, p) => sum + p[key], 0) / part.length;
    result.push({ x: mean('x'), y: mean('y') });
  }
  return result;
}

/** A plot of curves for a panel of the given width. */
export function curvePlot(curves: readonly Curve[], options: CurveOptions, width: number): Plot.PlotOptions {
  const narrow = width < 500;
  const { x = 'step', levels = [], events = [], include = [], mark, log = false } = options;
  const { heightPx = narrow ? 230 : 270 } = options;
  const shown = log
    ? curves.map((curve) => ({ ...curve, points: curve.points.filter((point) => point.y > 0) }))
    : curves;
  const at = (points: readonly Point[], buckets: number): Point[] =>
    thin(
      points,
      (p) => p.x,
      (p) => p.y,
      buckets,
    );
  return {
    width,
    height: heightPx,
    marginLeft: 56,
    marginBottom: 42,
    marginRight: 24, // half of the last tick's figure
    marginTop: 12,
    x: {
      ...plainAxis(x, narrow),
      ...(narrow ? { ticks: 4 } : {}),
      tickFormat: (value: number) => value.toLocaleString('en-GB'),
    },
    y: {
      ...plainAxis(options.y, true),
      grid: false,
      nice: true,
      ...(log ? { type: 'log' as const, ticks: logTicks(shown), tickFormat: plainNumber } : {}),
    },
    marks: [
      Plot.gridY({ stroke: RULE, strokeOpacity: 1, ticks: log ? logTicks(shown) : 5 }),
      // Nothing is drawn of it; the axis reaches there.
      Plot.ruleY(include, { stroke: 'none' }),
      Plot.ruleX(events, { stroke: MUTED, strokeDasharray: '2,3' }),
      Plot.ruleY(levels, { stroke: MUTED, strokeDasharray: '4,4' }),
      ...shown.flatMap(({ points, color, dots }) => {
        if (dots || points.length <= FEW) {
          const line = Plot.line(points, { x: 'x', y: 'y', stroke: color, strokeWidth: 2 });
          return dots ? [line, Plot.dot(points, { x: 'x', y: 'y', fill: color, r: 2.4 })] : [line];
        }
        return [
          Plot.line(at(points, narrow ? 150 : FINE_POINTS), {
            x: 'x',
            y: 'y',
            stroke: color,
            strokeOpacity: 0.3,
            strokeWidth: 0.8,
          }),
          Plot.line(at(points, TREND_POINTS), {
            x: 'x',
            y: 'y',
            stroke: color,
            strokeWidth: 2,
            curve: 'monotone-x' as const,
          }),
        ];
      }),
      ...(mark
        ? [
            Plot.dot([mark], { x: 'x', y: 'y', r: 6, stroke: 'var(--ink)', strokeWidth: 1.6 }),
            Plot.text([mark], { x: 'x', y: 'y', text: 'label', dy: 16, ...towardsMiddle(mark, shown) }),
          ]
        : []),
    ],
  };
}

/** A label beside a point near a side stands on the inner side of it. */
function towardsMiddle(mark: Point, curves: readonly Curve[]): { textAnchor: 'start' | 'end' | 'middle' } {
  const places = curves.flatMap(({ points }) => points.map((point) => point.x));
  const [low, high] = [Math.min(...places), Math.max(...places)];
  const share = (mark.x - low) / (high - low || 1);
  return { textAnchor: share < 0.2 ? 'start' : share > 0.8 ? 'end' : 'middle' };
}

/** Powers of ten around the values; with 2 and 5 between them where those are few. */
function logTicks(curves: readonly Curve[]): number[] {
  const values = curves.flatMap(({ points }) => points.map(({ y }) => y));
  const [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log10) as [number, number];
  const powers = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i);
  const steps = powers.length > 4 ? [1] : powers.length > 2 ? [1, 3] : [1, 2, 5];
  const ticks = powers.flatMap((power) => steps.map((step) => step * 10 ** power));
  return ticks.filter((tick) => tick <= 10 ** Math.ceil(high));
}

/** '1,000', '0.01': no exponents on a logarithmic axis. */
const plainNumber = (value: number): string =>
  value >= 1 ? value.toLocaleString('en-GB') : String(Number(value.toPrecision(1)));

export const curveLegend = (curves: readonly Curve[]): LegendItem[] =>
  curves.map(({ label, color }) => ({ label, color, symbol: 'line' }));
