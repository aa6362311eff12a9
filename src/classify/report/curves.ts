/** ROC and precision–recall curves with the operating point, and the histogram of probabilities. */
import * as Plot from '@observablehq/plot';
import type { FigureBlock } from '../../report/index.js';
import {
  fixed,
  fullPanel,
  halfPanel,
  INK,
  MUTED,
  PAPER,
  percent,
  plainAxis,
  RULE,
  range,
  unitSquare,
} from '../../report/index.js';
import { precisionRecallCurve, rocCurve } from '../../stats/index.js';
import type { Score } from '../evaluation.js';
import type { EvaluationReportInput } from './input.js';

export const BLUE = 'var(--blue)';
export const ORANGE = 'var(--orange)';

/** '0.812 (0.754 to 0.860)' */
export const withInterval = ({ value, interval }: Score): string =>
  value === null ? '–' : `${fixed(value)}${interval ? ` (${range(interval)})` : ''}`;

const diagonal = Plot.line(
  [
    [0, 0],
    [1, 1],
  ],
  { stroke: MUTED, strokeDasharray: '2,3' },
);

const operatingPoint = (x: number, y: number): Plot.Markish =>
  Plot.dot([[x, y]], { r: 5.5, fill: INK, stroke: PAPER, strokeWidth: 1.5 });

export function curvesFigure({ rows, evaluation, dataset }: EvaluationReportInput): FigureBlock {
  const labels = rows.map(({ label }) => label);
  const scores = rows.map(({ score }) => score);
  const roc = rocCurve(labels, scores);
  const curve = precisionRecallCurve(labels, scores);
  const { auc, averagePrecision, sensitivity, specificity, precision } = evaluation.scores;
  const prevalence = evaluation.positives / evaluation.images;
  const line = { stroke: BLUE, strokeWidth: 2.2 };
  return {
    kind: 'figure',
    name: 'curves',
    title: 'ROC and precision–recall curves',
    shows: `Every threshold there is. Left, sensitivity against false alarms: the area below is the AUC, ${withInterval(auc)}; the dotted diagonal is chance. Right, the share of rightful alarms against sensitivity: average precision ${withInterval(averagePrecision)}; the dotted line is chance, the share of '${dataset.positive}' (${percent(prevalence)}). The dot is the threshold of the validation split.`,
    doesNotShow:
      'Which threshold is right: what it costs to miss a lesion is a clinical choice. The right curve hangs on how frequent the class is here; where it is rarer, fewer alarms are rightful at the same sensitivity.',
    legend: [],
    panels: [
      halfPanel(
        'ROC',
        unitSquare({ x: '1 − specificity', y: 'sensitivity' }, [
          diagonal,
          Plot.line(roc.falsePositiveRate, {
            x: roc.falsePositiveRate,
            y: roc.truePositiveRate,
            ...line,
          }),
          operatingPoint(1 - specificity.value!, sensitivity.value!),
        ]),
      ),
      halfPanel(
        'Precision–recall',
        unitSquare({ x: 'sensitivity (recall)', y: 'precision' }, [
          Plot.ruleY([prevalence], { stroke: MUTED, strokeDasharray: '2,3' }),
          Plot.line(curve.recall, { x: curve.recall, y: curve.precision, ...line, curve: 'step-before' }),
          ...(precision.value === null ? [] : [operatingPoint(sensitivity.value!, precision.value)]),
        ]),
      ),
    ],
  };
}

const HISTOGRAM_BINS = 20;

export function histogramFigure({ rows, evaluation, dataset }: EvaluationReportInput): FigureBlock {
  const { threshold } = evaluation;
  const classes = [
    { label: 0, name: 'all others', color: BLUE },
    { label: 1, name: dataset.positive, color: ORANGE },
  ].map((one) => ({ ...one, total: rows.filter(({ label }) => label === one.label).length }));
  const bars = classes.flatMap(({ label, color, total }) =>
    Array.from({ length: HISTOGRAM_BINS }, (_, b) => {
      const own = rows.filter(
        (row) =>
          row.label === label && Math.min(HISTOGRAM_BINS - 1, Math.floor(row.score * HISTOGRAM_BINS)) === b,
      );
      return { x1: b / HISTOGRAM_BINS, x2: (b + 1) / HISTOGRAM_BINS, share: own.length / total, color };
    }),
  );
  const draw = (width: number): Plot.PlotOptions => ({
    width,
    height: 250,
    marginLeft: 56,
    marginBottom: 42,
    marginTop: 14,
    marginRight: 12,
    x: { ...plainAxis('probability', width < 500), domain: [0, 1] },
    y: { ...plainAxis('share of the class', true), tickFormat: (value: number) => `${100 * value} %` },
    marks: [
      Plot.gridY({ stroke: RULE, strokeOpacity: 1, ticks: 4 }),
      Plot.rect(bars, {
        x1: 'x1',
        x2: 'x2',
        y1: 0,
        y2: 'share',
        fill: (bar: { color: string }) => bar.color,
        fillOpacity: 0.55,
        inset: 0.5,
      }),
      Plot.ruleY([0], { stroke: INK }),
      ...(threshold <= 1 ? [Plot.ruleX([threshold], { stroke: INK, strokeDasharray: '4,3' })] : []),
    ],
  });
  return {
    kind: 'figure',
    name: 'probabilities',
    title: 'Probabilities of both classes',
    shows: `The share of each class that got such a probability, each class for itself: both add up to 100 %. The broken line is the threshold, ${fixed(threshold)}; what lies to its right is called '${dataset.positive}'. Where the two overlap, images are confused.`,
    doesNotShow:
      'How many images these are: with few positives a high bar may be a handful. Nor whether the probabilities are true: the reliability diagram says.',
    legend: classes.map(({ name, color }) => ({ label: name, color, symbol: 'area' })),
    panels: [fullPanel(draw, 'Histogram of probabilities by class')],
  };
}
