/** Points on a plane. */
import type { Panel } from '../document.js';
import { BLUE, MUTED, PAPER, RULE } from '../palette.js';
import {
  type Axis,
  around,
  isNarrow,
  type PanelOptions,
  Plot,
  type PlotOptions,
  panelOf,
  scaleOf,
} from './plot.js';

export interface ScatterPoint {
  x: number;
  y: number;
  color: string;
}

export interface ScatterOptions extends PanelOptions {
  x: Axis;
  y: Axis;
}

/** A small dot a point. */
export const scatterPanel = (points: readonly ScatterPoint[], options: ScatterOptions): Panel =>
  panelOf(
    (width) => ({
      height: isNarrow(width) ? 300 : 380,
      marginLeft: 56,
      marginBottom: 42,
      marginRight: 24,
      x: scaleOf(options.x, isNarrow(width) ? 5 : 8),
      y: scaleOf(options.y),
      marks: [
        Plot.dot(points, {
          x: 'x',
          y: 'y',
          fill: ({ color }: ScatterPoint) => color,
          fillOpacity: 0.55,
          r: isNarrow(width) ? 1.8 : 2.4,
        }),
      ],
    }),
    options,
  );

/** A place with how much is there. */
export interface CountedPoint {
  x: number;
  y: number;
  count: number;
  title: string;
}

/** More different places than this are drawn as cells, not as dots. */
export const MOST_DOTS = 60;
const CELLS = 26;

/**
 * The larger a dot, or the darker a cell, the more is there; the dotted line is x = y.
 * @param options.told what a cell holds, in words
 */
export function countsPanel(
  points: readonly CountedPoint[],
  options: ScatterOptions & { heightPx: number; told: (count: number) => string },
): Panel {
  const domain = { x: spanOf(points, 'x'), y: spanOf(points, 'y') };
  const [low, high] = [Math.max(domain.x[0], domain.y[0]), Math.min(domain.x[1], domain.y[1])];
  const { told } = options;
  const most = Math.max(...points.map(({ count }) => count));
  const diagonal = { x1: low, x2: high, y1: low, y2: high, stroke: MUTED, strokeDasharray: '2,3' };
  const draw = (): PlotOptions => ({
    height: options.heightPx,
    marginLeft: 56,
    marginBottom: 42,
    marginTop: 10,
    marginRight: 14,
    r: { type: 'identity' },
    x: scaleOf({ ...options.x, domain: domain.x }),
    y: scaleOf({ ...options.y, domain: domain.y }),
    marks: [
      Plot.frame({ stroke: RULE }),
      Plot.link(high > low ? [0] : [], diagonal),
      points.length <= MOST_DOTS
        ? Plot.dot(points, {
            x: 'x',
            y: 'y',
            r: ({ count }: CountedPoint) => 2.5 + 9 * Math.sqrt(count / most),
            fill: BLUE,
            fillOpacity: 0.55,
            stroke: PAPER,
            strokeWidth: 1,
            title: 'title',
          })
        : Plot.rect(cellsOf(points, domain), {
            x1: 'x1',
            x2: 'x2',
            y1: 'y1',
            y2: 'y2',
            fill: BLUE,
            fillOpacity: ({ strength }: { strength: number }) => 0.15 + 0.85 * strength,
            inset: 0.25,
            title: ({ count }: { count: number }) => told(count),
          }),
    ],
  });
  return panelOf(draw, options);
}

const spanOf = (points: readonly CountedPoint[], key: 'x' | 'y'): [number, number] =>
  around(
    points.map((point) => point[key]),
    0.08,
  );

/** Counts in a grid over the plane; the strength of a cell grows with the root of its count. */
function cellsOf(points: readonly CountedPoint[], { x, y }: { x: [number, number]; y: [number, number] }) {
  const [dx, dy] = [(x[1] - x[0]) / CELLS, (y[1] - y[0]) / CELLS];
  const counts = new Map<string, { i: number; j: number; count: number }>();
  for (const point of points) {
    const i = Math.min(CELLS - 1, Math.floor((point.x - x[0]) / dx));
    const j = Math.min(CELLS - 1, Math.floor((point.y - y[0]) / dy));
    const cell = counts.get(`${i} ${j}`) ?? { i, j, count: 0 };
    cell.count += point.count;
    counts.set(`${i} ${j}`, cell);
  }
  const most = Math.max(...[...counts.values()].map(({ count }) => count));
  return [...counts.values()].map(({ i, j, count }) => ({
    x1: x[0] + i * dx,
    x2: x[0] + (i + 1) * dx,
    y1: y[0] + j * dy,
    y2: y[0] + (j + 1) * dy,
    count,
    strength: Math.sqrt(count / most),
  }));
}
