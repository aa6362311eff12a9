/** What the report says of two classes, or of one against the rest. */
import type { Block, Summary } from '../../report/index.js';
import { fixed, percent, plural, range, whole } from '../../report/index.js';
import type { ScoreName } from '../evaluation.js';
import { binaryCounts, fewest, fewWords } from '../few.js';
import { cautions, type ReportParts, scoreTableOf, standing } from './common-blocks.js';
import { curvesFigure, histogramFigure } from './curves.js';
import { errorGallery } from './errors.js';
import type { EvaluationReportInput } from './input.js';
import { reliabilityFigure } from './reliability.js';
import { subgroupBlocks } from './subgroup-blocks.js';

/** What is said where a threshold decides. */
export const thresholdParts = (input: EvaluationReportInput): ReportParts => ({
  summary: summaryBox(input),
  sections: [
    {
      id: 'scores',
      title: 'Scores',
      blocks: [curvesFigure(input), scoreTable(input), confusionTable(input), histogramFigure(input)],
    },
  ],
  reliability: reliabilityFigure(input),
  temperature:
    'The temperature changes no order, so that the AUC stays; a threshold must be scaled along with the probabilities.',
  subgroups: subgroupBlocks(input),
  gallery: input.errors && errorGallery(input.errors, null),
  protocol: protocolOf(input),
});

function summaryBox(input: EvaluationReportInput): Summary {
  const { evaluation, dataset, split } = input;
  const { scores, images, positives, groups } = evaluation;
  const { interval } = scores.auc;
  const few = fewest(binaryCounts(input.rows, dataset.positive));
  const beatsChance = interval !== null && interval.low > 0.5;
  const sentences = [
    `At the threshold of the validation split it finds ${percent(scores.sensitivity.value!)} of the ${whole(positives)} '${dataset.positive}' and calls ${percent(1 - scores.specificity.value!)} of the others so by mistake.`,
    ...(scores.precision.value === null
      ? []
      : [
          `${percent(scores.precision.value)} of its alarms are right; that share falls where the class is rarer than here.`,
        ]),
    ...(few ? [fewWords(few)] : []),
    ...cautions(input, 'threshold and temperature come from'),
  ];
  const share = (name: ScoreName): string =>
    scores[name].value === null ? '–' : fixed(scores[name].value, 2);
  const note = (name: ScoreName): string => {
    const { interval: own } = scores[name];
    return own ? `${fixed(own.low, 2)} to ${fixed(own.high, 2)}` : 'no interval';
  };
  return {
    title: 'Summary',
    ...standing(input, { beatsChance, few }),
    sentence: `On ${plural(images, 'image')} of ${split === 'all' ? 'all splits' : `the ${split} split`}${groups === images ? '' : ` (${plural(groups, dataset.groupedBy)})`} it ranks a '${dataset.positive}' above another image with a chance of ${percent(scores.auc.value!)}.`,
    paragraph: sentences.join(' '),
    figures: [
      { label: 'AUC', value: fixed(scores.auc.value!), note: interval ? range(interval) : 'no interval' },
      { label: 'Average precision', value: share('averagePrecision'), note: note('averagePrecision') },
      { label: 'Sensitivity', value: share('sensitivity'), note: note('sensitivity') },
      { label: 'Specificity', value: share('specificity'), note: note('specificity') },
    ],
  };
}

const SCORE_TITLES: Record<ScoreName, string> = {
  auc: 'AUC',
  averagePrecision: 'Average precision (PR-AUC)',
  balancedAccuracy: 'Balanced accuracy',
  accuracy: 'Accuracy',
  sensitivity: 'Sensitivity (recall)',
  specificity: 'Specificity',
  precision: 'Precision (positive predictive value)',
  negativePredictiveValue: 'Negative predictive value',
  f1: 'F1',
  sensitivityAt90Specificity: 'Sensitivity at 90 % specificity',
  sensitivityAt95Specificity: 'Sensitivity at 95 % specificity',
  specificityAt90Sensitivity: 'Specificity at 90 % sensitivity',
  specificityAt95Sensitivity: 'Specificity at 95 % sensitivity',
  brier: 'Brier score (lower is better)',
  logLoss: 'Log loss, nats (lower is better)',
};

const scoreTable = ({ evaluation }: EvaluationReportInput): Block =>
  scoreTableOf(
    SCORE_TITLES,
    evaluation.scores,
    'Accuracy, sensitivity, specificity, predictive values, F1: at the threshold of the validation split. “At 90 % specificity” and its like read their threshold off these very images, so that they are a little too good, and promise nothing about a threshold set before. All intervals keep the images of a group together.',
  );

function confusionTable({ evaluation, dataset }: EvaluationReportInput): Block {
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = evaluation.confusion;
  const row = (name: string, positive: number, negative: number): string[] => {
    const all = positive + negative;
    const cell = (count: number): string => `${whole(count)} (${percent(count / all)})`;
    return [name, cell(positive), cell(negative), whole(all)];
  };
  return {
    kind: 'table',
    title: 'Confusion matrix',
    columns: [
      { title: 'What it is', align: 'left' },
      { title: `Called ${dataset.positive}`, align: 'right' },
      { title: 'Called other', align: 'right' },
      { title: 'Images', align: 'right' },
    ],
    rows: [row(dataset.positive, truePositives, falseNegatives), row('other', falsePositives, trueNegatives)],
    note: `At the threshold ${fixed(evaluation.threshold)}. Shares are of the row.`,
    slim: true,
  };
}

function protocolOf({ evaluation, dataset }: EvaluationReportInput): ReportParts['protocol'] {
  const { protocol, images, positives, groups, threshold } = evaluation;
  return {
    images: `${whole(images)}, ${whole(positives)} '${dataset.positive}', ${plural(groups, 'group')} (by ${dataset.groupedBy})`,
    calls: ['Threshold', `${fixed(threshold, 4)}: ${protocol.threshold}`],
    calibrated: 'of the positive class',
  };
}
