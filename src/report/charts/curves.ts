/**
 * Curves over steps, thresholds, frequencies, shares: several on one plane, each a line of its own look. A curve may have
 * a band or intervals; what was logged at every step is drawn as a fine line with its trend over it.
 */
import type { Hover, Panel } from '../document.js';
import { MUTED, PAPER, RULE, type SeriesStyle } from '../palette.js';
import { type Axis, isNarrow, type Markish, type PanelOptions, Plot, panelOf, scaleOf } from './plot.js';

export interface CurvePoint {
  x: number;
  y: number;
  /** Ends of a band or an interval. */
  low?: number;
  high?: number;
}

export interface Curve extends SeriesStyle {
  /** In the order of x. */
  points: readonly CurvePoint[];
  /**
   * `line` (the default) goes through all points, with a band where they have ends; `step` down to the next one; `dots` has
   * a dot at each of a few measurements; `intervals` a mark with its interval; `trend` takes them for many noisy ones.
   */
  as?: 'line' | 'step' | 'dots' | 'intervals' | 'trend';
  /** Told in place of x and y, one a point. */
  texts?: readonly string[];
}

export interface CurvesOptions extends PanelOptions {
  /** Default: optimiser steps. */
  x?: Axis;
  y: Axis & { log?: boolean };
  heightPx?: number;
  /** Broken horizontal lines, which curves are read against. */
  levels?: readonly number[];
  /** Dotted vertical lines. */
  events?: readonly number[];
  /** A point in particular, with a word beside it. */
  mark?: CurvePoint & { label: string };
  /** Points that curves were drawn through. */
  dots?: { points: readonly CurvePoint[]; color: string };
  /** Points can be asked for their values. */
  explore?: boolean;
}

const FINE_POINTS = 320;
const TREND_POINTS = 36;
/** Up to so many points need no trend. */
const FEW = 80;
/** More bands than these on one plane hide each other. */
export const MOST_BANDS = 4;

export const STEPS: Axis = { label: 'step', format: (value) => value.toLocaleString('en-GB') };

export function curvesPanel(curves: readonly Curve[], options: CurvesOptions): Panel {
  const { x = STEPS, y, levels = [], events = [], mark, dots, explore = false } = options;
  const shown = y.log
    ? curves.map((curve) => ({ ...curve, points: curve.points.filter((point) => point.y > 0) }))
    : curves;
  return panelOf(
    (width) => {
      const narrow = isNarrow(width);
      const ticks = y.log ? logTicks(shown) : 5;
      return {
        height: options.heightPx ?? (options.half ? 245 : narrow ? 240 : 290),
        marginLeft: 60,
        marginBottom: 42,
        marginRight: 24, // half of the last tick's figure
        marginTop: 12,
        x: { ...scaleOf(x, narrow ? 4 : 8), nice: false },
        y: {
          ...scaleOf(y),
          ...(y.log ? { type: 'log', ticks: logTicks(shown), tickFormat: plainNumber } : {}),
        },
        symbol: { type: 'identity' },
        marks: [
          Plot.gridY({ stroke: RULE, strokeOpacity: 1, ticks }),
          // Nothing is drawn of it; the axis reaches there.
          Plot.ruleY(y.include ?? [], { stroke: 'none' }),
          Plot.ruleX(events, { stroke: MUTED, strokeDasharray: '2,3' }),
          Plot.ruleY(levels, { stroke: MUTED, strokeDasharray: '4,4' }),
          ...curveMarks(shown, narrow),
          ...(dots ? [Plot.dot(dots.points, { x: 'x', y: 'y', fill: dots.color, r: 3.5 })] : []),
          ...(mark
            ? [
                Plot.dot([mark], { x: 'x', y: 'y', r: 6, stroke: 'var(--ink)', strokeWidth: 1.6 }),
                Plot.text([mark], { x: 'x', y: 'y', text: 'label', dy: 16, ...towardsMiddle(mark, shown) }),
              ]
            : []),
        ],
      };
    },
    options,
    explore ? curveHover(curves, { x: x.label, y: y.label }) : undefined,
  );
}

/** The marks of curves, bands behind all lines. They carry the series' class, which the legend switches. */
export function curveMarks(curves: readonly Curve[], narrow = false): Markish[] {
  return [
    ...(curves.filter(({ points }) => points[0]?.low !== undefined).length > MOST_BANDS
      ? []
      : curves.flatMap(bandOf)),
    ...curves.flatMap((curve) => lineOf(curve, narrow)),
  ];
}

const classOf = ({ series }: SeriesStyle) => (series === undefined ? {} : { className: `series-${series}` });

function bandOf(curve: Curve): Markish[] {
  const { points, color, as } = curve;
  if (as === 'intervals' || !points.some(({ low = 0, high = 0 }) => high > low)) return [];
  return [
    Plot.areaY(points, { x: 'x', y1: 'low', y2: 'high', fill: color, fillOpacity: 0.13, ...classOf(curve) }),
  ];
}

function lineOf(curve: Curve, narrow: boolean): Markish[] {
  const { points, color, dash, symbol, as = 'line' } = curve;
  const place = { x: 'x', y: 'y', ...classOf(curve) };
  const stroke = { ...place, stroke: color, strokeWidth: 2, strokeDasharray: dash };
  if (as === 'trend' && points.length > FEW)
    return [
      Plot.line(thin(points, narrow ? 150 : FINE_POINTS), {
        ...stroke,
        strokeOpacity: 0.3,
        strokeWidth: 0.8,
      }),
      Plot.line(thin(points, TREND_POINTS), { ...stroke, curve: 'monotone-x' }),
    ];
  const line = Plot.line(points, as === 'step' ? { ...stroke, curve: 'step-before' } : stroke);
  if (as === 'dots') return [line, Plot.dot(points, { ...place, fill: color, r: 2.4 })];
  if (as !== 'intervals') return [line];
  return [
    Plot.link(points, {
      x1: 'x',
      x2: 'x',
      y1: 'low',
      y2: 'high',
      stroke: color,
      strokeWidth: 1.4,
      ...classOf(curve),
    }),
    line,
    Plot.dot(points, {
      ...place,
      r: 5,
      fill: color,
      stroke: PAPER,
      strokeWidth: 1.2,
      symbol: symbol as 'circle',
    }),
  ];
}

const rounded = (value: number): number => Number(value.toFixed(4));

/** What is told when they are pointed at of the curves that the legend can switch. */
export const curveHover = (curves: readonly Curve[], axes: { x: string; y: string }): Hover => ({
  ...axes,
  series: curves
    .filter(({ series }) => series !== undefined)
    .map(({ series, label, points, texts }) => ({
      series,
      label,
      points: points.map(({ x, y, low = y, high = y }) =>
        (high > low && !texts ? [x, y, low, high] : [x, y]).map(rounded),
      ),
      ...(texts ? { texts: [...texts] } : {}),
    })),
});

/** Two lists as points. */
export const pointsOf = (x: ArrayLike<number>, y: ArrayLike<number>): CurvePoint[] =>
  Array.from(x, (value, i) => ({ x: value, y: y[i]! }));

/** Means of up to `buckets` runs of neighbouring points, so that a curve of any length draws fast and reads well. */
export function thin(points: readonly CurvePoint[], buckets: number): CurvePoint[] {
  const size = Math.max(1, Math.ceil(points.length / buckets));
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size);
    const mean = (key: 'x' | 'y'): number => part.reduce((sum, p) => sum + p[key], 0) / part.length;
    return { x: mean('x'), y: mean('y') };
  });
}

/** A label beside a point near a side stands on the inner side of it. */
function towardsMiddle(
  mark: CurvePoint,
  curves: readonly Curve[],
): { textAnchor: 'start' | 'end' | 'middle' } {
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
