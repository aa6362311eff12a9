/** ROC and precision–recall curves, a panel each for every group of arms. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock, Hover, Panel } from '../../report/index.js';
import { halfPanel, MUTED, percent, unitSquare } from '../../report/index.js';
import { type BandPoint, type CurveScores, precisionBand, rocBand } from './bands.js';
import { type ArmStyle, legendOf } from './palette.js';

/** More bands than these in one panel hide each other. */
const MOST_BANDS = 4;

/** Arms that share a panel; one group alone needs no title. */
export interface ArmGroup {
  title: string;
  arms: readonly string[];
}

/** The groups without arms that have no run. */
export const present = (groups: readonly ArmGroup[], { runs }: CurveScores): ArmGroup[] =>
  groups
    .map(({ title, arms }) => ({ title, arms: arms.filter((name) => runs.some((run) => run.arm === name)) }))
    .filter(({ arms }) => arms.length > 0);

interface Lines {
  style: ArmStyle;
  points: BandPoint[];
}

/** A line an arm, with the range over its runs behind it. Marks carry the arm's class, which the legend switches. */
export function bandMarks(lines: readonly Lines[]): Plot.Markish[] {
  const withBands = lines.length <= MOST_BANDS;
  return lines.flatMap(({ style: { color, dash, series }, points }) => {
    const className = `series-${series}`;
    const line = Plot.line(points, {
      x: 'x',
      y: 'y',
      stroke: color,
      strokeWidth: 2.2,
      strokeDasharray: dash,
      className,
    });
    const wide = points.some(({ low, high }) => high > low);
    if (!withBands || !wide) return [line];
    return [
      Plot.areaY(points, { x: 'x', y1: 'low', y2: 'high', fill: color, fillOpacity: 0.13, className }),
      line,
    ];
  });
}

const rounded = (value: number): number => Number(value.toFixed(4));

export const bandHover = (lines: readonly Lines[], axes: { x: string; y: string }): Hover => ({
  ...axes,
  series: lines.map(({ style: { series, label }, points }) => ({
    series,
    label,
    points: points.map(({ x, y, low, high }) =>
      high > low ? [x, y, low, high].map(rounded) : [x, y].map(rounded),
    ),
  })),
});

/** @param options.positive what the positive class is called */
export function curvesFigure(
  scores: CurveScores,
  options: { groups: readonly ArmGroup[]; styles: readonly ArmStyle[]; positive: string },
): FigureBlock {
  const { styles, positive } = options;
  const groups = present(options.groups, scores);
  const arms = groups.flatMap((group) => group.arms);
  const labels = scores.folds.flatMap(({ test }) => test.labels);
  const prevalence = labels.filter((label) => label === 1).length / labels.length;
  const panels = groups.flatMap(({ title, arms: own }): Panel[] => {
    const lines = (band: typeof rocBand): Lines[] =>
      own.map((name) => ({
        style: styles.find((style) => style.name === name)!,
        points: band(scores, name),
      }));
    const panel = (
      name: string,
      axes: { x: string; y: string },
      { chance, drawn }: { chance: Plot.Markish; drawn: Lines[] },
    ): Panel =>
      halfPanel(
        title ? `${name}, ${title}` : name,
        unitSquare(axes, [chance, ...bandMarks(drawn)]),
        bandHover(drawn, axes),
      );
    return [
      panel(
        'ROC',
        { x: '1 − specificity', y: 'sensitivity' },
        {
          chance: Plot.line(
            [
              [0, 0],
              [1, 1],
            ],
            { stroke: MUTED, strokeDasharray: '2,3' },
          ),
          drawn: lines(rocBand),
        },
      ),
      panel(
        'Precision–recall',
        { x: 'sensitivity (recall)', y: 'precision' },
        {
          chance: Plot.ruleY([prevalence], { stroke: MUTED, strokeDasharray: '2,3' }),
          drawn: lines(precisionBand),
        },
      ),
    ];
  });
  const many = arms.some((name) => scores.runs.filter((run) => run.arm === name).length > 1);
  const banded = many && groups.some(({ arms: own }) => own.length <= MOST_BANDS);
  return {
    kind: 'figure',
    name: 'curves',
    title: 'ROC and precision–recall curves on the test images',
    shows:
      `Every threshold there is${many ? ', the mean over the runs of an arm' : ''}${banded ? '; the bands reach from the lowest run to the highest' : ''}. ` +
      `ROC: sensitivity against false alarms, the dotted diagonal is chance. Precision–recall: the share of rightful alarms against sensitivity, the dotted line is the share of '${positive}' (${percent(prevalence)}), which chance reaches.`,
    doesNotShow:
      'Which threshold to use: what it costs to miss a lesion is a clinical choice. Gaps between curves may be chance: the paired differences say. Bands are no intervals: they show runs on these very images, and precision falls where the class is rarer.',
    legend: legendOf(styles.filter(({ name }) => arms.includes(name))),
    panels,
  };
}
