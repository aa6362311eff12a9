/** What each fold says by itself: of the primary comparison a figure, of all comparisons a table. */
import {
  type FigureBlock,
  forestPanel,
  left,
  right,
  signed,
  signedRange,
  type TableBlock,
} from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import { bareP } from './columns.js';
import { hasGenerators } from './covered.js';
import { DIFFERENCE_AXIS, pairLabel } from './differences-figure.js';
import { type ArmStyle, styleOf } from './palette.js';

/** Every run's difference with its own interval, by fold; null without folds or a primary comparison. */
export function foldsFigure(analysis: TrialAnalysis, styles: readonly ArmStyle[]): FigureBlock | null {
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  if (!primary || analysis.folds < 2) return null;
  const margin = analysis.equivalenceMargin;
  const percent = Math.round(analysis.level * 100);
  return {
    kind: 'figure',
    name: 'folds',
    title: `Fold by fold: ${pairLabel(primary)}`,
    shows: `The large dot is the mean difference of a fold, each line a single run with its ${percent} % interval over test images (DeLong). The folds’ test images are disjoint; the band is ±${margin}.`,
    doesNotShow:
      'Independent evidence: any two folds share most of their training images. A fold that stands apart may be one hard test split.',
    legend: [],
    panels: [
      forestPanel(
        primary.foldDifferences.map(({ fold, difference }) => ({
          label: `Fold ${fold}`,
          ...{ value: difference, low: difference, high: difference },
          text: signed(difference),
          told: `mean ${signed(difference)}`,
          color: styleOf(styles, primary.arm).color,
          singles: primary.perRun
            .filter((run) => run.fold === fold)
            .map((run) => ({
              ...{ value: run.difference, low: run.low, high: run.high },
              told: `seed ${run.seed}: ${signed(run.difference)} (${signedRange(run)})`,
            })),
        })),
        {
          title: 'Difference in test AUC by fold',
          axis: DIFFERENCE_AXIS,
          band: [-margin, margin],
          levels: [{ at: 0, solid: true }],
          explore: true,
        },
      ),
    ],
  };
}

/** Mean difference of every comparison in every fold. */
export function foldsTable(analysis: TrialAnalysis): TableBlock | null {
  if (analysis.folds < 2 || analysis.comparisons.length === 0) return null;
  const folds = [
    ...new Set(
      analysis.comparisons.flatMap(({ foldDifferences }) => foldDifferences.map(({ fold }) => fold)),
    ),
  ].sort((a, b) => a - b);
  const spread = analysis.comparisons.some(({ foldSpread }) => foldSpread !== null);
  return {
    kind: 'table',
    title: 'Differences in test AUC by fold',
    columns: [
      left('Comparison'),
      ...folds.map((fold) => right(`Fold ${fold}`)),
      ...(spread ? [right('Disagreement, p')] : []),
    ],
    rows: analysis.comparisons.map((pair) => [
      pairLabel(pair),
      ...folds.map((fold) => {
        const own = pair.foldDifferences.find((one) => one.fold === fold);
        return own ? signed(own.difference) : '–';
      }),
      ...(spread ? [pair.foldSpread ? bareP(pair.foldSpread.p) : '–'] : []),
    ]),
    strong: analysis.primary === null ? [] : [analysis.primary],
    sortable: true,
    note: `Mean over the seeds of the fold.${spread ? ` Disagreement: chance of folds as far apart where they differ by seeds and test images alone (F test); below 0.05, their training images${hasGenerators(analysis) ? ' or GANs' : ''} matter, and the interval is as wide as they make it.` : ''}`,
  };
}
