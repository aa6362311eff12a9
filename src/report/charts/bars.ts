/**
 * Rows of bars, for everything that is counted: a row a category, its name and number above a stacked bar, so that long
 * names need no margin and nothing changes on a phone; beside it, where asked for, a share with its interval.
 */
import type { Panel } from '../document.js';
import { percent, shortened } from '../format.js';
import { INK, MUTED, ORANGE, PAPER, RULE, SOFT } from '../palette.js';
import { isNarrow, type PanelOptions, Plot, type PlotOptions, panelOf } from './plot.js';

/** A share, 0…1, with its interval. */
export interface Share {
  value: number;
  low: number;
  high: number;
}

export interface BarRow {
  label: string;
  /** Its number, right above the bar; the short form is for phones. */
  text: string;
  shortText?: string;
  segments: { value: number; color: string; title: string }[];
  /** Marks upon the bar, on its scale. */
  dots?: { value: number; color: string; title: string }[];
  /** Of the positive class; null where there is nothing to take a share of. */
  share?: Share | null;
}

export interface BarsOptions extends PanelOptions {
  /** Value that fills the bar's room; default the longest bar. */
  max?: number;
  /** Draws the shares: their title, and the share that they are compared with. */
  share?: { title: string; reference: number };
}

const ROW_PX = 40;
/** Half a tick's label beyond the end of the axis of shares. */
const TICK_PX = 20;
/** Mean width of a letter at 12 px; a little generous, so that names are rather cut than drawn over. */
const LETTER_PX = 6.7;

/** The end of the axis of shares: the next of these above the largest. */
const shareEnds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1];

export function barsPanel(rows: readonly BarRow[], options: BarsOptions): Panel {
  const lengths = rows.map(({ segments }) => segments.reduce((sum, { value }) => sum + value, 0));
  const max = options.max ?? Math.max(...lengths, 1e-9);
  const { share } = options;
  const drawn = rows.flatMap(({ share: one }, row) => (share && one ? [{ ...one, row }] : []));
  const largest = Math.max(
    share?.reference ?? 0,
    ...drawn.map(({ value, high }) => Math.min(1, high, 2.5 * value + 0.02)),
  );
  const end = shareEnds.find((candidate) => candidate >= largest) ?? 1;
  const draw = (width: number): PlotOptions => {
    const narrow = isNarrow(width);
    const indentPx = rows.some((row) => row.dots) ? 6 : 1;
    const marginPx = share ? TICK_PX : indentPx;
    const inner = width - indentPx - marginPx;
    const clip = (text: string, widthPx: number): string =>
      shortened(text, Math.max(3, Math.floor(widthPx / LETTER_PX)));
    const textOf = (row: BarRow): string => (narrow ? (row.shortText ?? row.text) : row.text);
    // In units of the whole inner width: bars end, shares begin.
    const from = narrow ? 0.64 : 0.7;
    const to = share ? from - 24 / inner : 1;
    const bars = rows.flatMap(({ segments }, row) => {
      let x = 0;
      return segments.map(({ value, color, title }) => {
        const x1 = (x / max) * to;
        x += value;
        return { row, x1, x2: (x / max) * to, color, title };
      });
    });
    const dots = rows.flatMap((one, row) =>
      (one.dots ?? []).map(({ value, color, title }) => ({ row, x: (value / max) * to, color, title })),
    );
    const shareX = (value: number): number => from + (Math.min(value, end) / end) * (1 - from);
    const ticks = [0, end / 2, end];
    const barY = { y1: (_: unknown, i: number) => i + 0.56, y2: (_: unknown, i: number) => i + 0.8 };
    const colorOf = ({ color }: { color: string }): string => color;
    const [top, bottom] = share ? [24, 30] : [2, 6];
    const middle = ({ row }: { row: number }): number => row + 0.68;
    const dot = { y: middle, stroke: PAPER, strokeWidth: 1.5 };
    const words = { y: (_: unknown, i: number) => i + 0.3, fill: INK };
    return {
      height: rows.length * ROW_PX + top + bottom,
      marginLeft: indentPx,
      marginRight: marginPx,
      marginTop: top,
      marginBottom: bottom,
      x: { domain: [0, 1], axis: null },
      y: { domain: [rows.length, 0], axis: null },
      marks: [
        Plot.rect(rows, { x1: 0, x2: to, ...barY, fill: SOFT }),
        Plot.rect(
          bars.filter(({ x1, x2 }) => x2 > x1),
          {
            x1: 'x1',
            x2: 'x2',
            y1: ({ row }) => row + 0.56,
            y2: ({ row }) => row + 0.8,
            fill: colorOf,
            title: 'title',
          },
        ),
        Plot.dot(dots, { ...dot, x: 'x', r: 5, fill: colorOf, title: 'title' }),
        Plot.text(rows, {
          ...words,
          x: 0,
          text: (row: BarRow) => clip(row.label, to * inner - textOf(row).length * LETTER_PX - 8),
          title: 'label',
          textAnchor: 'start',
        }),
        Plot.text(rows, {
          ...words,
          x: to,
          text: textOf,
          textAnchor: 'end',
          fontVariant: 'tabular-nums',
          fill: MUTED,
        }),
        ...(share
          ? [
              Plot.ruleX(ticks.map(shareX), { stroke: RULE }),
              Plot.ruleX([shareX(share.reference)], { stroke: MUTED, strokeDasharray: '2,3' }),
              Plot.link(drawn, {
                x1: ({ low }: Share) => shareX(low),
                x2: ({ high }: Share) => shareX(high),
                y1: middle,
                y2: middle,
                stroke: ORANGE,
                strokeWidth: 2,
              }),
              Plot.dot(drawn, {
                ...dot,
                x: ({ value }: Share) => shareX(value),
                r: 4.5,
                fill: ORANGE,
                title: ({ value, low, high }: Share) =>
                  `${percent(value)} (${percent(low)} to ${percent(high)})`,
              }),
              Plot.text([share.title], {
                x: from,
                y: 0,
                dy: -12,
                textAnchor: 'start',
                text: (title: string) => clip(title, (1 - from) * inner + marginPx),
                fill: MUTED,
              }),
              Plot.text(ticks, {
                x: shareX,
                y: rows.length,
                dy: 14,
                fontVariant: 'tabular-nums',
                text: (value: number) => `${+(100 * value).toFixed(1)}${value === end ? ' %' : ''}`,
                fill: MUTED,
              }),
            ]
          : []),
      ],
    };
  };
  return panelOf(draw, options);
}
