/** The confusion matrix as a picture: counts, and their share of the row. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock } from '../../report/index.js';
import { fullPanel, INK, MUTED, RULE, shortened, whole } from '../../report/index.js';
import type { ClassEvaluation } from '../evaluation.js';
import { BLUE } from './curves.js';

/** The fullest cell: letters must be read on it in both of the page's colour schemes. */
const MOST_OPACITY = 0.55;

interface Cell {
  truth: string;
  call: string;
  text: string;
  opacity: number;
  isRight: boolean;
}

/** `20 %`; a row without images has no shares. */
const shareText = (count: number, of: number): string => {
  const percent = (100 * count) / of;
  return percent > 0 && percent < 0.5 ? '< 1 %' : `${Math.round(percent)} %`;
};

export function confusionFigure({ confusion, classes, byClass }: ClassEvaluation): FigureBlock {
  const cells = confusion.flatMap((row, t) =>
    row.map((count, c): Cell => {
      const images = byClass[t]!.images;
      const share = images > 0 ? count / images : 0;
      return {
        truth: classes[t]!,
        call: classes[c]!,
        text: count === 0 ? '0' : `${whole(count)}\n${shareText(count, images)}`,
        opacity: MOST_OPACITY * share,
        isRight: t === c,
      };
    }),
  );
  const counts = new Map(byClass.map(({ name, images }) => [name, images]));
  const draw = (width: number): Plot.PlotOptions => {
    const narrow = width < 500;
    const left = narrow ? 92 : 148;
    const cellWidth = (width - left - 8) / classes.length;
    // Heads of columns lie down as long as their longest word fits above a cell.
    const longest = Math.max(...classes.flatMap((name) => name.split(' ')).map((word) => word.length));
    const headSize = Math.min(narrow ? 10 : 12, cellWidth / (0.62 * longest));
    const upright = headSize < 8.5;
    const fontSize = Math.max(8, Math.min(12, cellWidth / 3.6));
    const letters = narrow ? 14 : 21;
    const headLetters = upright ? 16 : 40;
    const top = upright ? 112 : 60;
    return {
      width,
      height: top + classes.length * Math.max(34, Math.min(50, 0.62 * cellWidth)) + 6,
      marginLeft: left,
      marginRight: 8,
      marginTop: top,
      marginBottom: 6,
      x: { domain: classes, axis: null, padding: 0.04 },
      y: { domain: classes, axis: null, padding: 0.06 },
      opacity: { type: 'identity' },
      marks: [
        Plot.axisX({
          anchor: 'top',
          label: null,
          tickSize: 0,
          tickPadding: 6,
          color: INK,
          fontSize: upright ? 10 : headSize,
          tickFormat: (name: string) => shortened(name, headLetters),
          ...(upright ? { tickRotate: -90 } : { lineWidth: (0.85 * cellWidth) / headSize }),
        }),
        Plot.axisY({
          label: null,
          tickSize: 0,
          tickPadding: 8,
          color: INK,
          fontSize: narrow ? 10 : 12,
          tickFormat: (name: string) => `${shortened(name, letters)}\n(${whole(counts.get(name)!)})`,
        }),
        Plot.text(['called'], {
          frameAnchor: 'top-left',
          dx: 8 - left,
          dy: 8 - top,
          text: (word: string) => `is ↓   ${word} →`,
          textAnchor: 'start',
          fill: MUTED,
          fontSize: narrow ? 10 : 12,
        }),
        Plot.cell(cells, { x: 'call', y: 'truth', fill: 'none', stroke: RULE }),
        Plot.cell(cells, { x: 'call', y: 'truth', fill: BLUE, fillOpacity: 'opacity' }),
        Plot.cell(
          cells.filter(({ isRight }) => isRight),
          { x: 'call', y: 'truth', fill: 'none', stroke: INK, strokeWidth: 1.2 },
        ),
        Plot.text(cells, {
          x: 'call',
          y: 'truth',
          text: 'text',
          fill: (cell: Cell) => (cell.text === '0' ? MUTED : INK),
          fontSize,
          lineHeight: 1.15,
          fontVariant: 'tabular-nums',
        }),
      ],
    };
  };
  return {
    kind: 'figure',
    name: 'confusion',
    title: 'What is called what',
    shows:
      'Rows are what the images are, with how many there are; columns what they are called. A cell has the number of images and their share of the row, which its colour shows; framed are the right calls, whose share is the class’s sensitivity.',
    doesNotShow:
      'How sure the calls were, nor what other thresholds would give: the likeliest class is called, however close the second is. Shares of a column (how often a call is right) hang on how frequent the classes are here; the table of predictive values has them.',
    legend: [],
    panels: [fullPanel(draw, 'Confusion matrix')],
  };
}
