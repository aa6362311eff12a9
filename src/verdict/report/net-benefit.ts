/** Is acting on the probabilities worth more than treating all, or none? A decision curve, and its values at some thresholds. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock, Hover, Section, TableBlock } from '../../report/index.js';
import {
  fixed,
  fullPanel,
  INK,
  levelText,
  MUTED,
  percent,
  plainAxis,
  RULE,
  signed,
  signedRange,
} from '../../report/index.js';
import { benefitOfAll, netBenefit } from '../../stats/index.js';
import type { TrialAnalysis } from '../analysis.js';
import { armBenefit, type GroupedScores } from '../run-measures.js';
import { type BandPoint, bandOf, runsOf } from './bands.js';
import { hasGenerators } from './covered.js';
import { bandMarks } from './curves-figure.js';
import { pairLabel } from './differences-figure.js';
import { type ArmStyle, armLabel, legendOf } from './palette.js';

/** Threshold probabilities that are told in numbers. */
const TOLD = [0.05, 0.1, 0.2, 0.3, 0.5];
const STEP = 0.01;
/** Of arms without a comparison. */
const MOST_ARMS = 4;

/** @param scores probabilities */
export function benefitSection(
  scores: GroupedScores,
  analysis: TrialAnalysis,
  styles: readonly ArmStyle[],
): Section {
  const primary = analysis.primary === null ? null : analysis.comparisons[analysis.primary]!;
  const arms = primary
    ? [primary.baseline, primary.arm]
    : analysis.arms.slice(0, MOST_ARMS).map(({ arm }) => arm);
  return {
    id: 'benefit',
    title: 'Net benefit',
    blocks: [
      decisionFigure(scores, analysis, { arms, styles }),
      ...(primary ? [benefitTable(scores, analysis, primary)] : []),
    ],
  };
}

const prevalenceOf = ({ folds }: GroupedScores): number => {
  const shares = folds.map(
    ({ test: { labels } }) => labels.filter((label) => label === 1).length / labels.length,
  );
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
};

function decisionFigure(
  scores: GroupedScores,
  analysis: TrialAnalysis,
  { arms, styles }: { arms: readonly string[]; styles: readonly ArmStyle[] },
): FigureBlock {
  const prevalence = prevalenceOf(scores);
  const lines = arms.map((name) => {
    const runs = runsOf(scores, name);
    const points = bandOf(runs, (run, x) => netBenefit(run.labels, run.scores, x * (1 - STEP)), 100);
    return {
      style: styles.find((style) => style.name === name)!,
      points: points.map((point) => ({ ...point, x: point.x * (1 - STEP) })),
    };
  });
  // Beyond the last threshold at which anything is worth doing, all lines are one.
  const useful = Math.max(
    ...lines.flatMap(({ points }) => points.filter(({ y }) => y > 0.001).map(({ x }) => x)),
    0.15,
  );
  const end = Math.min(1 - STEP, Math.ceil((useful + 0.02) * 10) / 10);
  const shown = lines.map(({ style, points }) => ({
    style,
    points: points.filter(({ x }) => x <= end + 1e-9),
  }));
  const highest = Math.max(prevalence, ...shown.flatMap(({ points }) => points.map(({ high }) => high)));
  const floor = -0.2 * highest;
  // Where treating all leaves the drawing: t with prevalence − (1 − prevalence) t/(1 − t) = floor.
  const odds = (prevalence - floor) / (1 - prevalence);
  const all = [0, Math.min(end, odds / (1 + odds))];
  const everybody = Array.from({ length: 60 }, (_, i) => {
    const x = all[0]! + (i / 59) * (all[1]! - all[0]!);
    return { x, y: benefitOfAll(prevalence, x) };
  });
  const axes = { x: 'threshold probability', y: 'net benefit' };
  const several = runsOf(scores, arms[0]!).length > 1;
  return {
    kind: 'figure',
    name: 'benefit',
    title: 'Decision curve',
    shows: `Net benefit (Vickers & Elkin 2006) of acting on the probability from a threshold on${several ? ', the mean over the runs of an arm; the bands reach from the lowest run to the highest' : ''}. One who acts from 10 % on says that finding one of ‘${analysis.names.positive}’ is worth nine false alarms. Dashed: acting on every image; at 0, on none. Only above both is an arm of use.`,
    doesNotShow: `Which threshold is right: that is a clinical choice. The share of positives is that of the test images (${percent(prevalence)}), and where they are rarer all of it is less. Probabilities are taken at their word: an arm that says too much for having been trained on more positives than there are (${hasGenerators(analysis) ? 'synthetic images, ' : ''}oversampling) loses here what recalibration could give back.`,
    legend: [
      ...legendOf(shown.map(({ style }) => style)),
      { label: 'act on all', color: MUTED, symbol: 'line', dash: '6 3' },
    ],
    panels: [
      fullPanel(
        (width) => ({
          width,
          height: width < 500 ? 280 : 340,
          marginLeft: 52,
          marginBottom: 44,
          marginTop: 12,
          marginRight: 18,
          x: {
            ...plainAxis(axes.x, width < 500),
            domain: [0, end],
            tickFormat: (value: number) => `${Math.round(100 * value)} %`,
          },
          y: { ...plainAxis(axes.y, true), domain: [floor, 1.06 * highest] },
          marks: [
            Plot.gridY({ ticks: 5, stroke: RULE, strokeOpacity: 1 }),
            Plot.ruleY([0], { stroke: INK, strokeOpacity: 0.5 }),
            Plot.line(everybody, { x: 'x', y: 'y', stroke: MUTED, strokeWidth: 1.6, strokeDasharray: '6 3' }),
            ...bandMarks(shown.map(({ style, points }) => ({ style, points: inside(points, floor) }))),
          ],
        }),
        'Net benefit over threshold probability',
        hoverOf(shown, axes, prevalence),
      ),
    ],
  };
}

/** What lies below the drawing ends at its edge. */
const inside = (points: readonly BandPoint[], floor: number): BandPoint[] =>
  points.map(({ x, y, low, high }) => ({
    x,
    y: Math.max(floor, y),
    low: Math.max(floor, low),
    high: Math.max(floor, high),
  }));

const hoverOf = (
  lines: readonly { style: ArmStyle; points: BandPoint[] }[],
  axes: { x: string; y: string },
  prevalence: number,
): Hover => ({
  ...axes,
  series: lines.map(({ style: { series, label }, points }) => ({
    series,
    label,
    points: points.map(({ x, y }) => [x, y].map((value) => Number(value.toFixed(4)))),
    texts: points.map(
      ({ x, y }) =>
        `from ${percent(x)} on: net benefit ${fixed(y)}, of acting on all ${fixed(benefitOfAll(prevalence, x))}`,
    ),
  })),
});

/** Nothing is not less than nothing. */
const withoutSign = (value: number): string => fixed(Math.abs(value) < 0.0005 ? 0 : value);

function benefitTable(
  scores: GroupedScores,
  { level }: TrialAnalysis,
  pair: { arm: string; baseline: string },
): TableBlock {
  const right = (title: string) => ({ title, align: 'right' as const });
  const prevalence = prevalenceOf(scores);
  return {
    kind: 'table',
    title: `Net benefit: ${pairLabel(pair)}`,
    columns: [
      right('Threshold'),
      right(armLabel(pair.baseline)),
      right(armLabel(pair.arm)),
      right('Act on all'),
      right('Difference'),
      right(`${levelText(level)} interval`),
    ],
    rows: TOLD.map((threshold) => {
      const mean = (name: string): string => {
        const value = armBenefit(scores, name, { threshold, level });
        return value ? withoutSign(value.mean) : '–';
      };
      const difference = armBenefit(scores, pair.arm, { threshold, minus: pair.baseline, level });
      return [
        `${Math.round(100 * threshold)} %`,
        mean(pair.baseline),
        mean(pair.arm),
        withoutSign(benefitOfAll(prevalence, threshold)),
        difference ? signed(difference.mean) : '–',
        difference ? signedRange(difference) : '–',
      ];
    }),
    note: `Mean over runs; intervals of the difference over seeds and test images, each by itself and not corrected for there being several. A net benefit of 0.01 is one more of the positive found in 100 images, at no more false alarms.`,
  };
}
