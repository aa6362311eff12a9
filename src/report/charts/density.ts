/** Densities of one variable, a hill a class, with strips below them that count the values. */
import type { Panel } from '../document.js';
import { plural, whole } from '../format.js';
import { INK, PAPER, RULE } from '../palette.js';
import {
  isNarrow,
  type Markish,
  type PanelOptions,
  Plot,
  type PlotOptions,
  panelOf,
  scaleOf,
} from './plot.js';

/** What is drawn of a class. */
export interface Hill {
  name: string;
  /** CSS colour. */
  color: string;
  /** Values. */
  n: number;
  /** The density; empty where there are too few values for one. */
  line: readonly { x: number; y: number }[];
  /** Share of the fullest cell in each cell that has any value. */
  strip: readonly { x1: number; x2: number; share: number; n: number }[];
}

/** All hills over each other. @param options.axis what the variable is called, where that stands nowhere else */
export const densityPanel = (
  hills: readonly Hill[],
  options: PanelOptions & { axis?: string; heightPx?: number },
): Panel =>
  panelOf((width) => {
    const { axis = '', heightPx } = options;
    const stripsPx = 8 * hills.length;
    const height = heightPx ?? (isNarrow(width) ? 230 : 270) + stripsPx;
    const top = Math.max(1e-12, ...hills.flatMap(({ line }) => line.map(({ y }) => y)));
    // Strips are about 8 px high.
    const stripHeight = (top * 8) / (height - 60 - stripsPx);
    return {
      height,
      marginLeft: 10,
      marginRight: 14,
      marginTop: 8,
      marginBottom: axis ? 42 : 26,
      x: { ...scaleOf({ label: axis }, height < 200 ? 5 : 8), nice: false },
      y: { domain: [-stripHeight * (hills.length + 0.6), top * 1.04], axis: null },
      marks: [
        ...hills.flatMap(({ line, color }) => [
          Plot.areaY(line, { x: 'x', y1: 0, y2: 'y', fill: color, fillOpacity: 0.1 }),
          Plot.line(line, { x: 'x', y: 'y', stroke: color, strokeWidth: 2 }),
        ]),
        Plot.ruleY([0], { stroke: RULE }),
        ...hills.map(({ strip, color, name }, k) =>
          Plot.rect(strip, {
            x1: 'x1',
            x2: 'x2',
            y1: -stripHeight * (k + 0.45),
            y2: -stripHeight * (k + 1.25),
            fill: color,
            fillOpacity: ({ share }) => 0.12 + 0.88 * share,
            insetLeft: 0.25,
            insetRight: 0.25,
            title: ({ x1, x2, n }) => `${name}, ${tidy(x1)} to ${tidy(x2)}: ${plural(n, 'image')}`,
          }),
        ),
      ],
    };
  }, options);

const tidy = (value: number): string => String(Number(value.toPrecision(4)));

const RIDGE_PX = 44;

/** Many classes: one hill a row, named, all equally high, instead of a tangle of curves. */
export const ridgePanel = (hills: readonly Hill[], options: PanelOptions & { axis: string }): Panel =>
  panelOf(
    (): PlotOptions => ({
      height: hills.length * RIDGE_PX + 56,
      marginLeft: 10,
      marginRight: 14,
      marginTop: 14,
      marginBottom: 42,
      x: { ...scaleOf({ label: options.axis, ticks: 6 }), nice: false },
      y: { domain: [hills.length, 0], axis: null },
      marks: hills.flatMap(ridge),
    }),
    options,
  );

function ridge({ line, strip, color, name, n }: Hill, row: number): Markish[] {
  const top = Math.max(1e-12, ...line.map(({ y }) => y));
  const height = ({ y }: { y: number }): number => row + 1 - (0.62 * y) / top;
  return [
    Plot.ruleY([row + 1], { stroke: RULE }),
    Plot.areaY(line, { x: 'x', y1: row + 1, y2: height, fill: color, fillOpacity: 0.3 }),
    Plot.line(line, { x: 'x', y: height, stroke: color, strokeWidth: 1.5 }),
    Plot.link(line.length === 0 ? strip : [], {
      x1: ({ x1, x2 }) => (x1 + x2) / 2,
      x2: ({ x1, x2 }) => (x1 + x2) / 2,
      y1: row + 0.7,
      y2: row + 1,
      stroke: color,
    }),
    Plot.text([name], {
      frameAnchor: 'left',
      y: [row + 0.2],
      text: [`${name}  ·  ${whole(n)}`],
      fill: INK,
      stroke: PAPER,
      strokeWidth: 4,
    }),
  ];
}
