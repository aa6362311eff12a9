/** Rates from 0 to 1 against each other, on a square: ROC and precision–recall curves. */
import type { Panel } from '../document.js';
import { shortened } from '../format.js';
import { BLUE, INK, MUTED, PAPER, RULE } from '../palette.js';
import { type Curve, type CurvePoint, curveHover, curveMarks } from './curves.js';
import {
  isNarrow,
  type Markish,
  type PanelOptions,
  Plot,
  type PlotOptions,
  panelOf,
  scaleOf,
} from './plot.js';

/** Which rates: the names of the two sides. */
export interface Rates {
  x: string;
  y: string;
}

export const ROC: Rates = { x: '1 − specificity', y: 'sensitivity' };
export const PRECISION_RECALL: Rates = { x: 'sensitivity (recall)', y: 'precision' };

export interface RatesOptions extends PanelOptions {
  axes: Rates;
  /** What a guess gives: the diagonal, or this height everywhere. */
  chance: 'diagonal' | number;
  /** Where a threshold stands. */
  point?: CurvePoint | null;
  explore?: boolean;
}

export const ratesPanel = (curves: readonly Curve[], options: RatesOptions): Panel => {
  const { axes, chance, point, explore = false } = options;
  return panelOf(
    () => unitSquare(axes, [chanceMark(chance), ...curveMarks(curves), ...pointMark(point ?? null)]),
    options,
    explore ? curveHover(curves, axes) : undefined,
  );
};

/** The plane that rates, and shares over probabilities, are drawn on. */
export const unitSquare = (axes: Rates, marks: readonly Markish[]): PlotOptions => ({
  height: 346,
  marginLeft: 48,
  marginBottom: 42,
  marginTop: 10,
  marginRight: 12,
  r: { type: 'identity' },
  symbol: { type: 'identity' },
  x: scaleOf({ label: axes.x, domain: [0, 1] }),
  y: scaleOf({ label: axes.y, domain: [0, 1] }),
  marks: [Plot.frame({ stroke: RULE }), ...marks],
});

const GUESS = { stroke: MUTED, strokeDasharray: '2,3' };

export const chanceMark = (chance: 'diagonal' | number): Markish =>
  chance === 'diagonal'
    ? Plot.link([0], { x1: 0, y1: 0, x2: 1, y2: 1, ...GUESS })
    : Plot.ruleY([chance], GUESS);

const pointMark = (point: CurvePoint | null): Markish[] =>
  point ? [Plot.dot([point], { x: 'x', y: 'y', r: 5.5, fill: INK, stroke: PAPER, strokeWidth: 1.5 })] : [];

/** One of several small squares. */
export interface RatePlane {
  name: string;
  /** Under the name. */
  figure: string;
  curve: readonly CurvePoint[];
  point: CurvePoint | null;
  chance: 'diagonal' | number;
}

/** Room above a square for a name and a figure, in px. */
const HEAD_PX = 48;

/** Squares side by side, as many a row as fit. @param options.as as of `Curve` */
export function ratePlanes(
  planes: readonly RatePlane[],
  options: PanelOptions & { axes: Rates; as: 'line' | 'step' },
): Panel {
  const { axes, as } = options;
  return panelOf((width) => {
    const columns = Math.min(planes.length, isNarrow(width) ? 2 : 4);
    const lines = Math.ceil(planes.length / columns);
    const [left, right, top, bottom] = [50, 10, 36, 44];
    const gap = 0.14;
    const side = ((width - left - right) * (1 - gap)) / (columns - gap);
    const pitch = side + HEAD_PX;
    const facets = (count: number, paddingInner: number) => ({
      domain: Array.from({ length: count }, (_, i) => i),
      axis: null,
      paddingInner,
      paddingOuter: 0,
    });
    const place = { fx: 'fx', fy: 'fy' } as const;
    const at = (i: number) => ({ fx: i % columns, fy: Math.floor(i / columns) });
    const points = planes.flatMap(({ curve }, i) =>
      withoutUnseen(curve).map((point) => ({ ...point, ...at(i) })),
    );
    const guesses = planes.flatMap(({ chance }, i) =>
      [0, 1].map((x) => ({ x, y: chance === 'diagonal' ? x : chance, ...at(i) })),
    );
    const heads = planes.map(({ name, figure }, i) => ({
      name: shortened(name, Math.floor(side / 6.4)),
      figure,
      ...at(i),
    }));
    const dots = planes.flatMap(({ point }, i) => (point ? [{ ...point, ...at(i) }] : []));
    const line = { ...place, x: 'x', y: 'y', z: null } as const;
    const words = { ...place, frameAnchor: 'top-left', textAnchor: 'start', fontSize: 11 } as const;
    return {
      height: top + lines * pitch - HEAD_PX + bottom,
      marginLeft: left,
      marginRight: right,
      marginTop: top,
      marginBottom: bottom,
      fx: facets(columns, gap),
      fy: facets(lines, HEAD_PX / pitch),
      x: { ...scaleOf({ label: axes.x, domain: [0, 1], format: String }), ticks: [0, 0.5, 1] },
      y: { ...scaleOf({ label: axes.y, domain: [0, 1] }), ticks: [0, 0.5, 1] },
      marks: [
        Plot.frame({ stroke: RULE }),
        Plot.line(guesses, { ...line, ...GUESS }),
        Plot.line(points, {
          ...line,
          stroke: BLUE,
          strokeWidth: 1.8,
          curve: as === 'step' ? 'step-before' : 'linear',
        }),
        Plot.dot(dots, { ...place, x: 'x', y: 'y', r: 4, fill: INK, stroke: PAPER, strokeWidth: 1.2 }),
        Plot.text(heads, { ...words, text: 'name', dy: -27, fill: INK, fontWeight: 600 }),
        Plot.text(heads, {
          ...words,
          text: 'figure',
          dy: -13,
          fill: MUTED,
          fontVariant: 'tabular-nums',
          fontSize: 10,
        }),
      ],
    };
  }, options);
}

/** Half a pixel of a plane: nobody sees less, and pages of large sets stay light. */
const UNSEEN = 1 / 400;

/** A curve without the points that lie within half a pixel of the last one kept; its ends stay. */
export function withoutUnseen(points: readonly CurvePoint[]): CurvePoint[] {
  let last = points[0];
  return points.filter((point, i) => {
    const isSeen =
      i === 0 ||
      i === points.length - 1 ||
      Math.abs(point.x - last!.x) >= UNSEEN ||
      Math.abs(point.y - last!.y) >= UNSEEN;
    if (isSeen) last = point;
    return isSeen;
  });
}
