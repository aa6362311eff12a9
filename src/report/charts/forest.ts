/**
 * Forest plots: estimates with intervals on one axis, a row each, with the numbers beside them. The labels stand in a
 * column where that leaves room to draw, else above the lines.
 */
import type { FigureBlock, Hover, Panel } from '../document.js';
import { fixed, range, shortened, signed, signedRange } from '../format.js';
import { BLUE, INK, MUTED, PAPER, SOFT } from '../palette.js';
import {
  type Axis,
  around,
  isNarrow,
  type Markish,
  type PanelOptions,
  Plot,
  type PlotOptions,
  panelOf,
  scaleOf,
} from './plot.js';

export interface ForestRow {
  label: string;
  /** The same in two lines, for phones. */
  folded?: string;
  /** The numbers in words; default none. */
  text?: string;
  value: number;
  low: number;
  high: number;
  /** CSS colour; default blue. */
  color?: string;
  symbol?: string;
  /** Too few to judge: an open grey dot. */
  few?: boolean;
  /** In bold. */
  strong?: boolean;
  /** What the estimate is the mean of: small open dots below it, in rows of their own where they have intervals. */
  singles?: readonly ForestSingle[];
  /** Told of the estimate when it is pointed at; default `text`. */
  told?: string;
}

export interface ForestSingle {
  value: number;
  low?: number;
  high?: number;
  told: string;
}

/** A vertical line to read estimates against. */
export interface ForestLevel {
  at: number;
  /** Above it. */
  label?: string;
  /** Drawn through; default dotted. */
  solid?: boolean;
}

export interface ForestOptions extends PanelOptions {
  axis: Axis;
  /** What no value can be beyond; the domain ends there. */
  limits?: readonly [number, number];
  levels?: readonly ForestLevel[];
  /** Shaded from here to there: too small to matter. */
  band?: readonly [number, number];
  /** Width of the labels' column; 0, the default: labels stand above. */
  labelPx?: number;
  /** Points can be asked for their values. */
  explore?: boolean;
}

/** Width of the column of numbers, and the least room to draw on beside both columns. */
const [TEXT_PX, ROOM_PX] = [160, 200];
/** Mean width of a letter at 12 px; a little generous, so that names are rather cut than drawn over. */
const LETTER_PX = 6.7;
const LINE_PX = 16;
/** From a line down to the dots below it, in rows. */
const DROP = 0.2;

/** A row, or a heading above some. */
export type ForestItem = ForestRow | { heading: string };

const isRow = (item: ForestItem): item is ForestRow => 'value' in item;

type Placed = ForestRow & { row: number };

export function forestPanel(items: readonly ForestItem[], options: ForestOptions): Panel {
  const { axis, levels = [], band, labelPx = 0, explore = false } = options;
  const rows = items.flatMap((item, row): Placed[] => (isRow(item) ? [{ ...item, row }] : []));
  const heads = items.flatMap((item, row) => (isRow(item) ? [] : [{ ...item, row }]));
  const singles = rows.flatMap((row) => singlesOf(row, rows));
  const most = Math.max(0, ...rows.map((row) => row.singles?.length ?? 0));
  const ranged = singles.some(({ low }) => low !== undefined);
  const domain = axis.domain ?? domainOf(rows, options);
  const hasText = rows.some(({ text }) => text !== undefined);
  const [top, bottom] = [levels.some(({ label }) => label) ? 26 : 8, axis.label ? 46 : 28];

  const draw = (width: number): PlotOptions => {
    const narrow = isNarrow(width);
    const isBeside = labelPx > 0 && width - labelPx - (hasText ? TEXT_PX : 24) >= ROOM_PX;
    const [left, right] = isBeside ? [labelPx, hasText ? TEXT_PX : 24] : [20, 20];
    const labelOf = (row: ForestRow): string => (narrow ? (row.folded ?? row.label) : row.label);
    const lettersBeside = (text = ''): number => Math.floor((width - left - right) / LETTER_PX) - text.length;
    // On a phone the numbers have a line of their own where they do not fit beside every label.
    const isStacked = narrow && hasText && rows.some((row) => labelOf(row).length > lettersBeside(row.text));
    const lines = Math.max(1, ...rows.map((row) => labelOf(row).split('\n').length)) + (isStacked ? 1 : 0);
    const abovePx = isBeside ? 14 : 9 + lines * LINE_PX;
    const pitch = isBeside ? 25 : abovePx + 13 + (most === 0 ? 0 : ranged ? 6 + 9 * most : 10);
    const shown = (row: ForestRow): string => {
      const letters = isBeside ? (left - 12) / (LETTER_PX - 0.9) : lettersBeside(isStacked ? '' : row.text);
      return labelOf(row).includes('\n') ? labelOf(row) : shortened(labelOf(row), Math.floor(letters));
    };
    const halo = isBeside ? {} : { stroke: PAPER, strokeWidth: 4, lineAnchor: 'bottom' as const };
    const words = { y: 'row', frameAnchor: 'left', fill: INK, ...halo } as const;
    const label = (strong: boolean): Markish =>
      Plot.text(
        rows.filter((row) => (row.strong ?? false) === strong),
        {
          ...words,
          text: shown,
          ...(strong ? { fontWeight: 600 } : {}),
          ...(isBeside
            ? { dx: (heads.length > 0 ? 18 : 8) - left }
            : { dy: isStacked ? -9 - LINE_PX : -9, lineHeight: LINE_PX / 12 }),
        },
      );
    return {
      height: top + items.length * pitch + bottom,
      marginLeft: left,
      marginRight: right,
      marginTop: top,
      marginBottom: bottom,
      x: scaleOf({ ...axis, domain }, Math.max(3, Math.min(8, Math.floor((width - left - right) / 60)))),
      y: { domain: [items.length - abovePx / pitch, -abovePx / pitch], axis: null },
      symbol: { type: 'identity' },
      marks: [
        ...(band ? [Plot.rect([0], { x1: band[0], x2: band[1], fill: SOFT })] : []),
        ...levels.map(({ at, solid }) =>
          Plot.ruleX([at], solid ? { stroke: INK } : { stroke: MUTED, strokeDasharray: '2,3' }),
        ),
        ...levels.map(({ at, label: word = '' }) => levelName(word, at, domain)),
        Plot.link(singles, { x1: 'low', x2: 'high', y1: 'row', y2: 'row', stroke: MUTED, strokeWidth: 1 }),
        Plot.dot(singles, { x: 'value', y: 'row', r: 2.6, stroke: MUTED, fill: PAPER }),
        Plot.link(rows, {
          x1: 'low',
          x2: 'high',
          y1: 'row',
          y2: 'row',
          stroke: ({ few, color = BLUE }: ForestRow) => (few ? MUTED : color),
          strokeWidth: 2.5,
        }),
        Plot.dot(rows, {
          x: 'value',
          y: 'row',
          r: isBeside ? 4.8 : 5.5,
          fill: ({ few, color = BLUE }: ForestRow) => (few ? PAPER : color),
          stroke: ({ few }: ForestRow) => (few ? MUTED : PAPER),
          strokeWidth: 1.5,
          ...(rows.some(({ symbol }) => symbol)
            ? { symbol: ({ symbol = 'circle' }: ForestRow) => symbol }
            : {}),
        }),
        Plot.text(heads, {
          ...words,
          text: 'heading',
          fontWeight: 600,
          ...(isBeside ? { dx: 8 - left } : { dy: -9 }),
        }),
        label(true),
        label(false),
        Plot.text(hasText ? rows : [], {
          ...words,
          fill: MUTED,
          fontVariant: 'tabular-nums',
          text: 'text',
          ...(isStacked ? {} : { frameAnchor: 'right' }),
          ...(isBeside ? { dx: TEXT_PX - 6, textAnchor: 'end' } : { dy: -9 }),
        }),
      ],
    };
  };
  return panelOf(draw, options, explore ? hoverOf(rows, axis.label) : undefined);
}

/** The singles of a row, each with its place; those with intervals one under the other, none beside the next row. */
function singlesOf(
  { row, singles = [] }: Placed,
  rows: readonly Placed[],
): (ForestSingle & { row: number })[] {
  const most = Math.max(...rows.map((one) => one.singles?.length ?? 0));
  const step = Math.min(0.16, 0.7 / most);
  return singles.map((single, i) => ({
    ...single,
    row: row + (single.low === undefined ? DROP : 0.16 + step * i),
  }));
}

function domainOf(rows: readonly ForestRow[], options: ForestOptions): [number, number] {
  const { levels = [], band = [], limits } = options;
  const [low, high] = around([
    ...band,
    ...levels.map(({ at }) => at),
    ...rows.flatMap((row) => [row.low, row.high, row.value]),
    ...rows.flatMap(({ singles = [] }) =>
      singles.flatMap((one) => [one.value, one.low ?? one.value, one.high ?? one.value]),
    ),
  ]);
  return limits ? [Math.max(limits[0], low), Math.min(limits[1], high)] : [low, high];
}

/** A level's name above the drawing; at the edges the words turn inwards. */
function levelName(word: string, at: number, [low, high]: readonly [number, number]): Markish {
  const share = (at - low) / (high - low);
  const textAnchor = share > 0.8 ? 'end' : share < 0.2 ? 'start' : 'middle';
  return Plot.text([word], { x: [at], text: [word], frameAnchor: 'top', dy: -16, fill: MUTED, textAnchor });
}

const hoverOf = (rows: readonly Placed[], x: string): Hover => ({
  x,
  y: '',
  series: rows.map((row) => {
    const singles = singlesOf(row, rows);
    return {
      label: row.label,
      points: [[row.value, row.row], ...singles.map((single) => [single.value, single.row])],
      texts: [row.told ?? row.text ?? '', ...singles.map(({ told }) => told)],
    };
  }),
});

export interface ForestPoint {
  label: string;
  value: number;
  interval: { low: number; high: number };
  /** Too few to judge: an open dot. */
  few: boolean;
}

/**
 * The figure of subgroups: points under headings.
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
  const [number, between] = isSigned ? [signed, signedRange] : [fixed, range];
  const items = blocks.flatMap(({ title, points }): ForestItem[] => [
    { heading: title },
    ...points.map(({ interval, ...point }) => ({
      ...point,
      ...interval,
      text: `${number(point.value)} (${between(interval)})`,
    })),
  ]);
  if (!items.some(isRow)) return [];
  const panel = forestPanel(items, {
    title: `Forest plot: ${captions.title}`,
    axis: { label: axis, ...(isSigned ? { format: signedTick } : {}) },
    ...(isSigned ? {} : { limits: [0, 1] }),
    levels: [{ at: level }],
    labelPx: 250,
  });
  return [{ kind: 'figure', ...captions, legend: [], panels: [panel] }];
}

/** '+0.01', and no more decimals than it takes. */
export const signedTick = (value: number): string => signed(value).replace(/(\.\d\d)0$/, '$1');
