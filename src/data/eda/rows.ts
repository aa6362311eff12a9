/**
 * One way to draw everything that is counted: a row a category, its name and number above a stacked bar, so that
 * long names need no margin and nothing changes on a phone; beside it, where asked for, the share of the positive
 * class with its interval.
 */
import * as Plot from '@observablehq/plot';
import type { Panel } from '../../report/index.js';
import { fullPanel, INK, MUTED, PAPER, percent, RULE, SOFT } from '../../report/index.js';
import { POSITIVE_COLOR } from './series.js';
import type { Share } from './share.js';

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

export interface RowsOptions {
  /** What a screen reader says. */
  label: string;
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

/** Shortens a text that would be wider than this. */
export function clip(text: string, widthPx: number, letterPx = LETTER_PX): string {
  const letters = Math.max(3, Math.floor(widthPx / letterPx));
  return text.length > letters ? `${text.slice(0, letters - 1).trimEnd()}…` : text;
}

/** The end of the axis of shares: the next of these above the largest. */
const shareEnds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1];

export function rowsPanel(rows: readonly BarRow[], options: RowsOptions): Panel {
  const lengths = rows.map(({ segments }) => segments.reduce((sum, { value }) => sum + value, 0));
  const max = options.max ?? Math.max(...lengths, 1e-9);
  const { share } = options;
  const drawn = rows.flatMap(({ share: one }, row) => (share && one ? [{ ...one, row }] : []));
  const largest = Math.max(
    share?.reference ?? 0,
    ...drawn.map(({ value, high }) => Math.min(1, high, 2.5 * value + 0.02)),
  );
  const end = shareEnds.find((candidate) => candidate >= largest) ?? 1;

  const draw = (width: number): Plot.PlotOptions => {
    const narrow = width < 500;
    const indentPx = rows.some((row) => row.dots) ? 6 : 1;
    const marginPx = share ? TICK_PX : indentPx;
    const inner = width - indentPx - marginPx;
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
    const barY = { y1: (d: { row: number }) => d.row + 0.56, y2: (d: { row: number }) => d.row + 0.8 };
    const middle = (d: { row: number }): number => d.row + 0.68;
    return {
      width,
      height: rows.length * ROW_PX + (share ? 54 : 8),
      marginLeft: indentPx,
      marginRight: marginPx,
      marginTop: share ? 24 : 2,
      marginBottom: share ? 30 : 6,
      x: { domain: [0, 1], axis: null },
      y: { domain: [rows.length, 0], axis: null },
      marks: [
        Plot.rect(rows, {
          x1: 0,
          x2: to,
          y1: (_: unknown, i: number) => i + 0.56,
          y2: (_: unknown, i: number) => i + 0.8,
          fill: SOFT,
        }),
        Plot.rect(
          bars.filter(({ x1, x2 }) => x2 > x1),
          { x1: 'x1', x2: 'x2', ...barY, fill: (d: { color: string }) => d.color, title: 'title' },
        ),
        Plot.dot(dots, {
          x: 'x',
          y: middle,
          r: 5,
          fill: (d: { color: string }) => d.color,
          stroke: PAPER,
          strokeWidth: 1.5,
          title: 'title',
        }),
        Plot.text(rows, {
          x: 0,
          y: (_: unknown, i: number) => i + 0.3,
          text: (d: BarRow) => clip(d.label, to * inner - textOf(d).length * LETTER_PX - 8),
          title: 'label',
          textAnchor: 'start',
          fill: INK,
        }),
        Plot.text(rows, {
          x: to,
          y: (_: unknown, i: number) => i + 0.3,
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
                x1: (d: Share) => shareX(d.low),
                x2: (d: Share) => shareX(d.high),
                y1: middle,
                y2: middle,
                stroke: POSITIVE_COLOR,
                strokeWidth: 2,
              }),
              Plot.dot(drawn, {
                x: (d: Share) => shareX(d.value),
                y: middle,
                r: 4.5,
                fill: POSITIVE_COLOR,
                stroke: PAPER,
                strokeWidth: 1.5,
                title: (d: Share) => `${percent(d.value)} (${percent(d.low)} to ${percent(d.high)})`,
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
  return fullPanel(draw, options.label);
}
