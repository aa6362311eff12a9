/** A forest plot: scores of subgroups, or their differences to the rest, with intervals, column by column. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock } from './document.js';
import { around, fullPanel } from './draw.js';
import { fixed, range, signed, signedRange } from './format.js';
import { INK, MUTED, PAPER } from './palette.js';

const BLUE = 'var(--blue)';

interface Interval {
  low: number;
  high: number;
}

export interface ForestPoint {
  label: string;
  value: number;
  interval: Interval;
  /** Too few to judge: an open dot. */
  few: boolean;
}

interface ForestRow {
  row: number;
  label: string;
  text: string;
  low: number;
  high: number;
  value: number;
  few: boolean;
}

/**
 * @param blocks the points of each column under its title; without any point there is no figure
 * @param figure.level where the dotted line stands: the score over all images; 0 for differences
 * @param figure.signed the points are differences; else they lie between 0 and 1
 */
export function forestFigure(
  blocks: readonly { title: string; points: readonly ForestPoint[] }[],
  figure: Pick<FigureBlock, 'name' | 'title' | 'shows' | 'doesNotShow'> & {
    axis: string;
    level: number;
    signed?: boolean;
  },
): FigureBlock[] {
  const { axis, level, signed: isSigned = false, ...captions } = figure;
  const number = isSigned ? signed : fixed;
  const between = isSigned ? signedRange : range;
  const rows: ForestRow[] = [];
  const heads: { row: number; text: string }[] = [];
  let place = 0;
  for (const { title, points } of blocks) {
    heads.push({ row: place++, text: title });
    for (const { label, value, interval, few } of points) {
      const text = `${number(value)} (${between(interval)})`;
      rows.push({ row: place++, label, text, ...interval, value, few });
    }
  }
  if (rows.length === 0) return [];
  const domain = around([level, ...rows.flatMap(({ low, high }) => [low, high])]);
  const draw = (width: number): Plot.PlotOptions => {
    const narrow = width < 500;
    const left = narrow ? 12 : 250;
    const words = { fill: INK, fontSize: narrow ? 11 : 12, frameAnchor: 'left' as const };
    return {
      width,
      height: 52 + place * (narrow ? 36 : 25),
      marginLeft: left,
      marginRight: narrow ? 12 : 160,
      marginTop: 8,
      marginBottom: 44,
      x: {
        domain: isSigned ? domain : [Math.max(0, domain[0]), Math.min(1, domain[1])],
        label: axis,
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: narrow ? 4 : 6,
        tickSize: 4,
      },
      y: { domain: [place - 0.5, -0.6], axis: null },
      marks: [
        Plot.ruleX([level], { stroke: MUTED, strokeDasharray: '2,3' }),
        Plot.link(rows, {
          x1: 'low',
          x2: 'high',
          y1: 'row',
          y2: 'row',
          stroke: (row: ForestRow) => (row.few ? MUTED : BLUE),
          strokeWidth: 2.2,
        }),
        Plot.dot(rows, {
          x: 'value',
          y: 'row',
          r: 4.8,
          fill: (row: ForestRow) => (row.few ? PAPER : BLUE),
          stroke: (row: ForestRow) => (row.few ? MUTED : PAPER),
          strokeWidth: 1.5,
        }),
        Plot.text(heads, { ...words, y: 'row', text: 'text', fontWeight: 600, dx: narrow ? 0 : 8 - left }),
        Plot.text(rows, {
          ...words,
          y: 'row',
          text: (row: ForestRow) => (narrow ? `${row.label}: ${number(row.value)}` : row.label),
          dx: narrow ? 6 : 18 - left,
          dy: narrow ? -14 : 0,
        }),
        Plot.text(narrow ? [] : rows, {
          y: 'row',
          text: 'text',
          frameAnchor: 'right',
          dx: 154,
          textAnchor: 'end',
          fill: MUTED,
          fontVariant: 'tabular-nums',
        }),
      ],
    };
  };
  return [
    { kind: 'figure', ...captions, legend: [], panels: [fullPanel(draw, `Forest plot: ${captions.title}`)] },
  ];
}
