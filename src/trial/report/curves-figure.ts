/** ROC and precision–recall curves, arms without and with standard augmentation apart, so that a panel is one comparison. */
import * as Plot from '@observablehq/plot';
import { unitSquare } from '../../classify/report/curves.js';
import type { FigureBlock, Hover, Panel } from '../../report/document.js';
import { halfPanel } from '../../report/draw.js';
import { percent } from '../../report/format.js';
import { MUTED } from '../../report/palette.js';
import type { TrialArm, TrialSummary } from '../summary.js';
import { type BandPoint, precisionBand, rocBand } from './bands.js';
import { type ArmStyle, legendOf } from './palette.js';

/** More bands than these in one panel hide each other. */
const MOST_BANDS = 4;

/** Arms by their augmentation; one group alone needs no title. */
export function armGroups(arms: readonly TrialArm[]): { title: string; arms: TrialArm[] }[] {
  const groups = [
    {
      title: 'without augmentation',
      arms: arms.filter(({ augmentation }) => augmentation === 'none'),
    },
    {
      title: 'with augmentation',
      arms: arms.filter(({ augmentation }) => augmentation === 'standard'),
    },
  ].filter(({ arms: own }) => own.length > 0);
  return groups.length > 1 ? groups : groups.map((group) => ({ ...group, title: '' }));
}

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

export function curvesFigure(summary: TrialSummary, styles: readonly ArmStyle[]): FigureBlock {
  const arms = summary.arms.filter(({ name }) => summary.runs.some((run) => run.arm === name));
  const labels = summary.folds.flatMap(({ test }) => test.labels);
  const prevalence = labels.filter((label) => label === 1).length / labels.length;
  const groups = armGroups(arms);
  const panels = groups.flatMap(({ title, arms: own }): Panel[] => {
    const lines = (band: typeof rocBand): Lines[] =>
      own.map(({ name }) => ({
        style: styles.find((style) => style.name === name)!,
        points: band(summary, name),
      }));
    const panel = (
      name: string,
      axes: { x: string; y: string },
      chance: Plot.Markish,
      drawn: Lines[],
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
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: MUTED, strokeDasharray: '2,3' },
        ),
        lines(rocBand),
      ),
      panel(
        'Precision–recall',
        { x: 'sensitivity (recall)', y: 'precision' },
        Plot.ruleY([prevalence], { stroke: MUTED, strokeDasharray: '2,3' }),
        lines(precisionBand),
      ),
    ];
  });
  const many = arms.some(({ name }) => summary.runs.filter((run) => run.arm === name).length > 1);
  const banded = many && groups.some(({ arms: own }) => own.length <= MOST_BANDS);
  return {
    kind: 'figure',
    name: 'curves',
    title: 'ROC and precision–recall curves on the test images',
    shows:
      `Every threshold there is${many ? ', the mean over the runs of an arm' : ''}${banded ? '; the bands reach from the lowest run to the highest' : ''}. ` +
      `ROC: sensitivity against false alarms, the dotted diagonal is chance. Precision–recall: the share of rightful alarms against sensitivity, the dotted line is the share of '${summary.dataset.positive}' (${percent(prevalence)}), which chance reaches.`,
    doesNotShow:
      'Which threshold to use: what it costs to miss a lesion is a clinical choice. Gaps between curves may be chance: the paired differences say. Bands are no intervals: they show runs on these very images, and precision falls where the class is rarer.',
    legend: legendOf(styles.filter(({ name }) => arms.some((arm) => arm.name === name))),
    panels,
  };
}
