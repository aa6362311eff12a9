/** ROC and precision–recall curves of every class against the rest, as small planes beside each other. */
import {
  type FigureBlock,
  fixed,
  PRECISION_RECALL,
  pointsOf,
  type RatePlane,
  ROC,
  ratePlanes,
} from '../../report/index.js';
import { precisionRecallCurve, rocCurve } from '../../stats/index.js';
import { oneAgainstRest } from '../scores.js';
import { withInterval } from './curves.js';
import type { ClassReportInput } from './input.js';

function planes({ rows, evaluation }: ClassReportInput, kind: 'roc' | 'precision-recall'): RatePlane[] {
  return evaluation.byClass.flatMap(({ name, images, scores }, k): RatePlane[] => {
    if (scores === null) return [];
    const against = oneAgainstRest(rows, evaluation.classes, k);
    const labels = against.map(({ label }) => label);
    const probabilities = against.map(({ score }) => score);
    const sensitivity = scores.sensitivity.value!;
    if (kind === 'roc') {
      const { falsePositiveRate, truePositiveRate } = rocCurve(labels, probabilities);
      return [
        {
          name,
          figure: `AUC ${withInterval(scores.auc)}`,
          curve: pointsOf(falsePositiveRate, truePositiveRate),
          point: { x: 1 - scores.specificity.value!, y: sensitivity },
          chance: 'diagonal',
        },
      ];
    }
    const { recall, precision } = precisionRecallCurve(labels, probabilities);
    return [
      {
        name,
        figure: `AP ${withInterval(scores.averagePrecision)}`,
        curve: pointsOf(recall, precision),
        point: scores.precision.value === null ? null : { x: sensitivity, y: scores.precision.value },
        chance: images / evaluation.images,
      },
    ];
  });
}

export function classCurveFigures(input: ClassReportInput): FigureBlock[] {
  const { scores } = input.evaluation;
  return [
    {
      kind: 'figure',
      name: 'roc',
      title: 'ROC curve of each class against the rest',
      shows: `Every threshold on the probability of one class: sensitivity against false alarms among all other images. The dotted diagonal is chance, the area below a curve its AUC, with 95 % interval; their mean over the classes is ${fixed(scores.macroAuc.value!)}. The dot is where calling the likeliest class stands: as that looks at all probabilities, it may lie off the curve.`,
      doesNotShow:
        'How rare a class is: where it is, few false alarms among very many others already outnumber the right ones, which the next figure shows. Nor which classes are taken for each other.',
      legend: [],
      panels: [
        ratePlanes(planes(input, 'roc'), { title: 'ROC curves, one class a plane', axes: ROC, as: 'line' }),
      ],
    },
    {
      kind: 'figure',
      name: 'precision-recall',
      title: 'Precision–recall curve of each class against the rest',
      shows: `How often a call of the class is right, against the share of its images that is found. The dotted line is chance, the class’s share of the images; the average precision stands above with its 95 % interval, and is ${fixed(scores.macroAveragePrecision.value!)} on average over the classes. The dot is where calling the likeliest class stands.`,
      doesNotShow:
        'What would be elsewhere: these curves hang on how frequent each class is here. Curves of few images are steps of one image each.',
      legend: [],
      panels: [
        ratePlanes(planes(input, 'precision-recall'), {
          title: 'Precision–recall curves, one class a plane',
          axes: PRECISION_RECALL,
          as: 'step',
        }),
      ],
    },
  ];
}
