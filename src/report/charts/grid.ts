/** A grid of cells, darker where there is more: what is called what. */
import type { Panel } from '../document.js';
import { shortened } from '../format.js';
import { BLUE, INK, MUTED, RULE } from '../palette.js';
import { isNarrow, type PanelOptions, Plot, panelOf } from './plot.js';

export interface GridCell {
  row: string;
  column: string;
  /** In one line or two. */
  text: string;
  /** 0…1, which the colour shows. */
  share: number;
  framed: boolean;
}

/** The fullest cell: letters must be read on it in both of the page's colour schemes. */
const MOST_OPACITY = 0.55;

/**
 * @param cells of a square grid; rows and columns have the same names
 * @param options.counts under the name of each row
 * @param options.corner what rows and columns are
 */
export function gridPanel(
  cells: readonly GridCell[],
  options: PanelOptions & { names: readonly string[]; counts: readonly string[]; corner: string },
): Panel {
  const { names, counts, corner } = options;
  const countOf = new Map(names.map((name, i) => [name, counts[i]!]));
  return panelOf((width) => {
    const narrow = isNarrow(width);
    const left = narrow ? 92 : 148;
    const cellWidth = (width - left - 8) / names.length;
    // Heads of columns lie down as long as their longest word fits above a cell.
    const longest = Math.max(...names.flatMap((name) => name.split(' ')).map((word) => word.length));
    const headSize = Math.min(narrow ? 10 : 12, cellWidth / (0.62 * longest));
    const upright = headSize < 8.5;
    const top = upright ? 112 : 60;
    const fontSize = narrow ? 10 : 12;
    const heads = { label: null, tickSize: 0, color: INK, fontSize };
    const place = { x: 'column', y: 'row' } as const;
    return {
      height: top + names.length * Math.max(34, Math.min(50, 0.62 * cellWidth)) + 6,
      marginLeft: left,
      marginRight: 8,
      marginTop: top,
      marginBottom: 6,
      x: { domain: names, axis: null, padding: 0.04 },
      y: { domain: names, axis: null, padding: 0.06 },
      opacity: { type: 'identity' },
      marks: [
        Plot.axisX({
          ...heads,
          anchor: 'top',
          tickPadding: 6,
          fontSize: upright ? 10 : headSize,
          tickFormat: (name: string) => shortened(name, upright ? 16 : 40),
          ...(upright ? { tickRotate: -90 } : { lineWidth: (0.85 * cellWidth) / headSize }),
        }),
        Plot.axisY({
          ...heads,
          tickPadding: 8,
          tickFormat: (name: string) => `${shortened(name, narrow ? 14 : 21)}\n(${countOf.get(name)!})`,
        }),
        Plot.text([corner], {
          frameAnchor: 'top-left',
          dx: 8 - left,
          dy: 8 - top,
          text: String,
          textAnchor: 'start',
          fill: MUTED,
          fontSize,
        }),
        Plot.cell(cells, { ...place, fill: 'none', stroke: RULE }),
        Plot.cell(cells, {
          ...place,
          fill: BLUE,
          fillOpacity: ({ share }: GridCell) => MOST_OPACITY * share,
        }),
        Plot.cell(
          cells.filter(({ framed }) => framed),
          { ...place, fill: 'none', stroke: INK, strokeWidth: 1.2 },
        ),
        Plot.text(cells, {
          ...place,
          text: 'text',
          fill: ({ text }: GridCell) => (text === '0' ? MUTED : INK),
          fontSize: Math.max(8, Math.min(12, cellWidth / 3.6)),
          lineHeight: 1.15,
          fontVariant: 'tabular-nums',
        }),
      ],
    };
  }, options);
}
