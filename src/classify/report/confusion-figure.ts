/** The confusion matrix as a picture: counts, and their share of the row. */
import { type FigureBlock, gridPanel, whole } from '../../report/index.js';
import type { ClassEvaluation } from '../evaluation.js';

/** `20 %`; a row without images has no shares. */
const shareText = (count: number, of: number): string => {
  const percent = (100 * count) / of;
  return percent > 0 && percent < 0.5 ? '< 1 %' : `${Math.round(percent)} %`;
};

export function confusionFigure({ confusion, classes, byClass }: ClassEvaluation): FigureBlock {
  const cells = confusion.flatMap((row, t) =>
    row.map((count, c) => {
      const { images } = byClass[t]!;
      return {
        row: classes[t]!,
        column: classes[c]!,
        text: count === 0 ? '0' : `${whole(count)}\n${shareText(count, images)}`,
        share: images > 0 ? count / images : 0,
        framed: t === c,
      };
    }),
  );
  return {
    kind: 'figure',
    name: 'confusion',
    title: 'What is called what',
    shows:
      'Rows are what the images are, with how many there are; columns what they are called. A cell has the number of images and their share of the row, which its colour shows; framed are the right calls, whose share is the class’s sensitivity.',
    doesNotShow:
      'How sure the calls were, nor what other thresholds would give: the likeliest class is called, however close the second is. Shares of a column (how often a call is right) hang on how frequent the classes are here; the table of predictive values has them.',
    legend: [],
    panels: [
      gridPanel(cells, {
        title: 'Confusion matrix',
        names: classes,
        counts: byClass.map(({ images }) => whole(images)),
        corner: 'is ↓   called →',
      }),
    ],
  };
}
