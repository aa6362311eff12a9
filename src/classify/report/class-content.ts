/** Composes the report on a classifier with several classes from plain data. */
import type { Block, ReportDocument, Summary } from '../../report/index.js';
import { fixed, list, percent, plural, range, whole } from '../../report/index.js';
import type { OverallScoreName, Score } from '../evaluation.js';
import { fewest, fewWords } from '../few.js';
import { classCurveFigures } from './class-curves.js';
import { classSubgroupBlocks, classTables, confusionSentence } from './class-tables.js';
import {
  calibrationTableOf,
  cautions,
  documentOf,
  protocolBlocksOf,
  scoreTableOf,
  standing,
} from './common-blocks.js';
import { confusionFigure } from './confusion-figure.js';
import type { ClassReportInput } from './input.js';
import { reliabilityFigureOf } from './reliability.js';

export function composeClassReport(input: ClassReportInput): ReportDocument {
  const { evaluation } = input;
  return documentOf(input, {
    images: evaluation.images,
    hasPictures: input.errors !== null,
    summary: summaryBox(input),
    sections: [
      {
        id: 'scores',
        title: 'Scores',
        blocks: [
          confusionFigure(evaluation),
          { kind: 'prose', text: confusionSentence(evaluation) },
          scoreTable(input),
        ],
      },
      {
        id: 'classes',
        title: 'Class by class',
        blocks: [...classTables(evaluation), ...classCurveFigures(input)],
      },
      {
        id: 'calibration',
        title: 'Calibration',
        blocks: [
          reliabilityFigureOf(evaluation, {
            observed: 'share that is right',
            shows:
              'Images in ten bins by the probability of the class that they are called: on the dotted line, as many calls are right as the probability says; below it the classifier is too sure.',
            doesNotShow:
              'Whether the probabilities of the other classes are true, nor whether a single image’s is. Rare classes hardly count here: a classifier can be true on average and too sure of each rare call.',
          }),
          calibrationTableOf(
            evaluation,
            'Brier score and log loss are of all classes. The temperature changes no call.',
          ),
        ],
      },
      { id: 'subgroups', title: 'Does it serve all alike?', blocks: classSubgroupBlocks(input) },
      { id: 'errors', title: 'The most confident errors', blocks: errorBlocks(input) },
      { id: 'protocol', title: 'How it was measured', blocks: protocolBlocks(input) },
    ],
  });
}

function summaryBox(input: ClassReportInput): Summary {
  const { evaluation, dataset, split } = input;
  const { scores, images, groups, byClass } = evaluation;
  const present = byClass.filter((one) => one.images > 0);
  const absent = byClass.filter((one) => one.images === 0).map(({ name }) => `'${name}'`);
  const few = fewest(present);
  // A mean over classes stands where two of them can be judged.
  const isFew = present.filter((one) => fewest([one]) === null).length < 2;
  const chance = 1 / present.length;
  const { value, interval } = scores.balancedAccuracy;
  const beatsChance = interval !== null && interval.low > chance;
  const largest = present.reduce((most, one) => (one.images > most.images ? one : most));
  const figure = (label: string, { value: own, interval: reach }: Score) => ({
    label,
    value: fixed(own!),
    note: reach ? range(reach) : 'no interval',
  });
  const sentences = [
    `By chance it would be ${percent(chance)}.`,
    `Of all images ${percent(scores.accuracy.value!)} are called what they are; calling every image '${largest.name}' would get ${percent(largest.images / images)}.`,
    ...(absent.length > 0
      ? [`There is no image of ${list(absent)} here: means are over the other classes.`]
      : []),
    ...(few ? [fewWords(few)] : []),
    ...cautions(input, 'the temperature comes from'),
  ];
  return {
    title: 'Summary',
    ...standing(input, { beatsChance, few: isFew ? few : null }),
    sentence: `On ${plural(images, 'image')} of ${split === 'all' ? 'all splits' : `the ${split} split`}${groups === images ? '' : ` (${plural(groups, dataset.groupedBy)})`} it recognises ${percent(value!)} of a class, on average over ${whole(present.length)} classes.`,
    paragraph: sentences.join(' '),
    figures: [
      figure('Balanced accuracy', scores.balancedAccuracy),
      figure('Macro AUC', scores.macroAuc),
      figure('Macro F1', scores.macroF1),
      figure('Accuracy', scores.accuracy),
    ],
  };
}

const SCORE_TITLES: Record<OverallScoreName, string> = {
  balancedAccuracy: 'Balanced accuracy (mean sensitivity; the ISIC 2018 score)',
  macroAuc: 'AUC, macro mean',
  weightedAuc: 'AUC, mean weighted by class size',
  macroAveragePrecision: 'Average precision (PR-AUC), macro mean',
  accuracy: 'Accuracy',
  macroPrecision: 'Precision, macro mean',
  macroF1: 'F1, macro mean',
  weightedF1: 'F1, mean weighted by class size',
  brier: 'Brier score, 0 to 2 (lower is better)',
  logLoss: 'Log loss, nats (lower is better)',
};

const scoreTable = ({ evaluation }: ClassReportInput): Block =>
  scoreTableOf(
    SCORE_TITLES,
    evaluation.scores,
    'A macro mean gives every class the same weight, a weighted one as much as it has images. AUC and average precision are of each class against the rest. A class that is never called counts as 0 in the macro precision. All intervals keep the images of a group together.',
  );

function errorBlocks({ errors, evaluation }: ClassReportInput): Block[] {
  if (!errors) return [];
  const rows = errors
    .filter(({ tiles }) => tiles.length > 0)
    .map(({ name, total, tiles }) => ({
      title: `'${name}' called something else: ${tiles.length < total ? `${whole(tiles.length)} of ${whole(total)}, the surest first` : `all ${whole(total)}`}`,
      tiles,
    }));
  if (rows.length === 0) return [{ kind: 'prose', text: 'There is no error to show.' }];
  const wrong = errors.reduce((sum, { total }) => sum + total, 0);
  return [
    {
      kind: 'gallery',
      name: 'errors',
      title: 'The most confident errors, by what the images are',
      shows: `Of ${whole(wrong)} of ${plural(evaluation.images, 'image')} that are called something else than they are, those whose wrong class got the highest probability. It stands below, with the probability of their own class. Look for wrong labels, for hair, rulers, ink and dark corners, and for a kind of lesion that recurs.`,
      doesNotShow:
        'How frequent such images are: these are the worst, not a sample. Nor why the classifier erred: graft classify explain shows where it looked.',
      rows,
    },
  ];
}

function protocolBlocks(input: ClassReportInput): Block[] {
  const { evaluation, dataset } = input;
  const { images, groups, classes } = evaluation;
  return protocolBlocksOf(input, {
    images: `${whole(images)} of ${whole(classes.length)} classes, ${plural(groups, 'group')} (by ${dataset.groupedBy})`,
    calls: ['Call', `${evaluation.protocol.calls}, without a threshold`],
    calibrated: 'of the class that is called',
    evaluation,
  });
}
