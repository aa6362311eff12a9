/** ROC and precision–recall curves with the operating point, and the histogram of probabilities. */
import {
  BLUE,
  type FigureBlock,
  fixed,
  histogramPanel,
  legendOf,
  ORANGE,
  PRECISION_RECALL,
  percent,
  pointsOf,
  ROC,
  range,
  ratesPanel,
} from '../../report/index.js';
import { precisionRecallCurve, rocCurve } from '../../stats/index.js';
import type { Score } from '../evaluation.js';
import type { EvaluationReportInput } from './input.js';

/** '0.812 (0.754 to 0.860)' */
export const withInterval = ({ value, interval }: Score): string =>
  value === null ? '–' : `${fixed(value)}${interval ? ` (${range(interval)})` : ''}`;

export function curvesFigure({ rows, evaluation, dataset }: EvaluationReportInput): FigureBlock {
  const labels = rows.map(({ label }) => label);
  const scores = rows.map(({ score }) => score);
  const roc = rocCurve(labels, scores);
  const curve = precisionRecallCurve(labels, scores);
  const { auc, averagePrecision, sensitivity, specificity, precision } = evaluation.scores;
  const prevalence = evaluation.positives / evaluation.images;
  const line = { label: '', color: BLUE };
  return {
    kind: 'figure',
    name: 'curves',
    title: 'ROC and precision–recall curves',
    shows: `Every threshold there is. Left, sensitivity against false alarms: the area below is the AUC, ${withInterval(auc)}; the dotted diagonal is chance. Right, the share of rightful alarms against sensitivity: average precision ${withInterval(averagePrecision)}; the dotted line is chance, the share of '${dataset.positive}' (${percent(prevalence)}). The dot is the threshold of the validation split.`,
    doesNotShow:
      'Which threshold is right: what it costs to miss a lesion is a clinical choice. The right curve hangs on how frequent the class is here; where it is rarer, fewer alarms are rightful at the same sensitivity.',
    legend: [],
    panels: [
      ratesPanel([{ ...line, points: pointsOf(roc.falsePositiveRate, roc.truePositiveRate) }], {
        ...{ title: 'ROC', half: true, axes: ROC, chance: 'diagonal' },
        point: { x: 1 - specificity.value!, y: sensitivity.value! },
      }),
      ratesPanel([{ ...line, as: 'step', points: pointsOf(curve.recall, curve.precision) }], {
        ...{ title: 'Precision–recall', half: true, axes: PRECISION_RECALL, chance: prevalence },
        point: precision.value === null ? null : { x: sensitivity.value!, y: precision.value },
      }),
    ],
  };
}

const HISTOGRAM_BINS = { low: 0, high: 1, bins: 20 };

export function histogramFigure({ rows, evaluation, dataset }: EvaluationReportInput): FigureBlock {
  const { threshold } = evaluation;
  const scoresOf = (wanted: 0 | 1): number[] =>
    rows.filter(({ label }) => label === wanted).map(({ score }) => score);
  const classes = [
    { label: 'all others', color: BLUE, values: scoresOf(0) },
    { label: dataset.positive, color: ORANGE, values: scoresOf(1) },
  ];
  return {
    kind: 'figure',
    name: 'probabilities',
    title: 'Probabilities of both classes',
    shows: `The share of each class that got such a probability, each class for itself: both add up to 100 %. The broken line is the threshold, ${fixed(threshold)}; what lies to its right is called '${dataset.positive}'. Where the two overlap, images are confused.`,
    doesNotShow:
      'How many images these are: with few positives a high bar may be a handful. Nor whether the probabilities are true: the reliability diagram says.',
    legend: legendOf(classes, 'area'),
    panels: [
      histogramPanel(classes, {
        title: 'Histogram of probabilities by class',
        bins: HISTOGRAM_BINS,
        x: { label: 'probability' },
        y: { label: 'share of the class', format: (value) => `${100 * value} %` },
        ...(threshold <= 1 ? { threshold } : {}),
      }),
    ],
  };
}
