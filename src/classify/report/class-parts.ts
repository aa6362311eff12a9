/** What the report says of several classes. */
import type { Block, Summary } from '../../report/index.js';
import { fixed, list, percent, plural, range, whole } from '../../report/index.js';
import type { OverallScoreName, Score } from '../evaluation.js';
import { fewest, fewWords } from '../few.js';
import { classCurveFigures } from './class-curves.js';
import { classSubgroupBlocks, classTables, confusionSentence } from './class-tables.js';
import { cautions, type ReportParts, scoreTableOf, standing } from './common-blocks.js';
import { confusionFigure } from './confusion-figure.js';
import { errorGallery } from './errors.js';
import type { ClassReportInput } from './input.js';
import { reliabilityFigureOf } from './reliability.js';

/** What is said where the likeliest of several classes is called. */
export const classParts = (input: ClassReportInput): ReportParts => ({
  summary: summaryBox(input),
  sections: [
    {
      id: 'scores',
      title: 'Scores',
      blocks: [
        confusionFigure(input.evaluation),
        { kind: 'prose', text: confusionSentence(input.evaluation) },
        scoreTable(input),
      ],
    },
    {
      id: 'classes',
      title: 'Class by class',
      blocks: [...classTables(input.evaluation), ...classCurveFigures(input)],
    },
  ],
  reliability: reliabilityFigureOf(input.evaluation, {
    observed: 'share that is right',
    shows:
      'Images in ten bins by the probability of the class that they are called: on the dotted line, as many calls are right as the probability says; below it the classifier is too sure.',
    doesNotShow:
      'Whether the probabilities of the other classes are true, nor whether a single image’s is. Rare classes hardly count here: a classifier can be true on average and too sure of each rare call.',
  }),
  temperature: 'Brier score and log loss are of all classes. The temperature changes no call.',
  subgroups: classSubgroupBlocks(input),
  gallery: input.errors && errorGallery(input.errors, input.evaluation.images),
  protocol: {
    images: `${whole(input.evaluation.images)} of ${whole(input.evaluation.classes.length)} classes, ${plural(input.evaluation.groups, 'group')} (by ${input.dataset.groupedBy})`,
    calls: ['Call', `${input.evaluation.protocol.calls}, without a threshold`],
    calibrated: 'of the class that is called',
  },
});

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
