/** What each fold says by itself: of the primary comparison a figure, of all comparisons a table. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock, Hover, TableBlock } from '../../report/index.js';
import { around, fullPanel, INK, MUTED, PAPER, signed, signedRange } from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { Comparison } from '../comparison.js';
import { bareP } from './columns.js';
import { hasGenerators } from './covered.js';
import { differenceAxis, pairLabel } from './differences-figure.js';
import type { ArmStyle } from './palette.js';

/** Every run's difference with its own interval, by fold; null without folds or a primary comparison. */
export function foldsFigure(analysis: TrialAnalysis, styles: readonly ArmStyle[]): FigureBlock | null {
  const primary = analysis.primary === null ? undefined : analysis.comparisons[analysis.primary];
  if (!primary || analysis.folds < 2) return null;
  const { color } = styles.find(({ name }) => name === primary.arm)!;
  const percent = Math.round(analysis.level * 100);
  return {
    kind: 'figure',
    name: 'folds',
    title: `Fold by fold: ${pairLabel(primary)}`,
    shows: `The large dot is the mean difference of a fold, each line a single run with its ${percent} % interval over test images (DeLong). The folds’ test images are disjoint; the band is ±${analysis.equivalenceMargin}.`,
    doesNotShow:
      'Independent evidence: any two folds share most of their training images. A fold that stands apart may be one hard test split.',
    legend: [],
    panels: [
      fullPanel(
        (width) => foldsPlot(primary, { color, margin: analysis.equivalenceMargin }, width),
        'Difference in test AUC by fold',
        hoverOf(primary),
      ),
    ],
  };
}

/** Runs of a fold lie one under the other, and however many they are, none beside the next fold's name. */
const runStep = (most: number): number => Math.min(0.16, 0.7 / most);

function placesOf({ foldDifferences, perRun }: Comparison) {
  const most = Math.max(
    ...foldDifferences.map(({ fold }) => perRun.filter((run) => run.fold === fold).length),
  );
  return foldDifferences.map(({ fold, difference }, row) => {
    const own = perRun.filter((run) => run.fold === fold);
    return {
      fold,
      difference,
      row,
      runs: own.map((run, i) => ({ ...run, place: row + 0.16 + runStep(most) * i })),
    };
  });
}

const hoverOf = (primary: Comparison): Hover => ({
  x: 'difference',
  y: '',
  series: placesOf(primary).map(({ fold, difference, row, runs }) => ({
    label: `Fold ${fold}`,
    points: [[difference, row], ...runs.map((run) => [run.difference, run.place])],
    texts: [
      `mean ${signed(difference)}`,
      ...runs.map((run) => `seed ${run.seed}: ${signed(run.difference)} (${signedRange(run)})`),
    ],
  })),
});

function foldsPlot(
  primary: Comparison,
  { color, margin }: { color: string; margin: number },
  width: number,
): Plot.PlotOptions {
  const narrow = width < 500;
  const folds = placesOf(primary);
  const runs = folds.flatMap((fold) => fold.runs);
  const most = Math.max(...folds.map((fold) => fold.runs.length));
  const bottom = folds.length - 1 + 0.16 + runStep(most) * most;
  const domain = around([0, -margin, margin, ...runs.flatMap(({ low, high }) => [low, high])]);
  return {
    width,
    height: 64 + folds.length * (44 + 9 * most),
    marginLeft: 20,
    marginRight: 20,
    marginTop: 8,
    marginBottom: 46,
    x: differenceAxis(domain, narrow),
    y: { domain: [bottom, -0.6], axis: null },
    marks: [
      Plot.rect([0], { x1: -margin, x2: margin, y1: -0.6, y2: bottom, fill: 'var(--soft)' }),
      Plot.ruleX([0], { stroke: INK, strokeWidth: 1 }),
      Plot.link(runs, { x1: 'low', x2: 'high', y1: 'place', y2: 'place', stroke: MUTED, strokeWidth: 1 }),
      Plot.dot(runs, { x: 'difference', y: 'place', r: 2.6, stroke: MUTED, fill: PAPER }),
      Plot.dot(folds, { x: 'difference', y: 'row', r: 5.5, fill: color, stroke: PAPER, strokeWidth: 1.5 }),
      Plot.text(folds, {
        frameAnchor: 'left',
        y: 'row',
        text: ({ fold }: (typeof folds)[number]) => `Fold ${fold}`,
        fill: INK,
        stroke: PAPER,
        strokeWidth: 4,
      }),
      Plot.text(folds, {
        frameAnchor: 'right',
        y: 'row',
        text: ({ difference }: (typeof folds)[number]) => signed(difference),
        fontVariant: 'tabular-nums',
        fill: MUTED,
        stroke: PAPER,
        strokeWidth: 4,
      }),
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
      { title: 'Comparison', align: 'left' },
      ...folds.map((fold) => ({ title: `Fold ${fold}`, align: 'right' as const })),
      ...(spread ? [{ title: 'Disagreement, p', align: 'right' as const }] : []),
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
