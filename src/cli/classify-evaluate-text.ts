/** What `graft classify evaluate` prints. */
import type { ClassEvaluation, Evaluation, Score, Subgroup } from '../classify/index.js';
import { type ScoredSplit, splitWords } from '../classify/index.js';
import type { Dataset } from '../data/dataset/index.js';
import { plainTable, trimmed, whole } from './table.js';

const between = ({ interval }: Score): string =>
  interval ? ` [95 % interval ${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}]` : '';

const figure = (score: Score): string => `${score.value?.toFixed(3) ?? '–'}${between(score)}`;

/** Which images were scored. */
interface About {
  dataset: Dataset;
  split: ScoredSplit;
}

/** An evaluation in words. */
export const describeEvaluation = (evaluation: Evaluation | ClassEvaluation, about: About): string =>
  'byClass' in evaluation ? describeClasses(evaluation, about) : describeBinary(evaluation, about);

const scaledWords = ({ tempered, temperature }: Evaluation | ClassEvaluation): string =>
  tempered
    ? `With temperature ${temperature.temperature.toFixed(2)} (fitted on validation): ${tempered.error.toFixed(3)}, log loss ${tempered.logLoss.toFixed(3)}.`
    : 'No temperature could be fitted on the validation split.';

const few = (tables: readonly { subgroups: readonly { few: boolean }[] }[]): string[] =>
  tables.some(({ subgroups }) => subgroups.some((one) => one.few)) ? ['* too few to judge'] : [];

/** Of two classes. */
function describeBinary(evaluation: Evaluation, { dataset, split }: About): string {
  const { scores, images, positives, threshold, confusion, calibration } = evaluation;
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = confusion;
  return [
    `AUC ${figure(scores.auc)} on ${splitWords(split)} ${dataset.name}: ${whole(images)} images, ${whole(positives)} '${dataset.positive}'.`,
    `Average precision ${figure(scores.averagePrecision)}; prevalence ${(positives / images).toFixed(3)}.`,
    `At threshold ${threshold.toFixed(3)} (chosen on the validation split): sensitivity ${figure(scores.sensitivity)}, specificity ${figure(scores.specificity)}, balanced accuracy ${scores.balancedAccuracy.value!.toFixed(3)}, F1 ${scores.f1.value!.toFixed(3)}.`,
    `  ${whole(truePositives)} found, ${whole(falseNegatives)} missed; ${whole(falsePositives)} false alarms, ${whole(trueNegatives)} rightly left alone.`,
    `Sensitivity at 90 % specificity ${figure(scores.sensitivityAt90Specificity)}, at 95 % ${figure(scores.sensitivityAt95Specificity)}.`,
    `Log loss ${figure(scores.logLoss)}, Brier score ${figure(scores.brier)}.`,
    `Calibration error ${calibration.error.toFixed(3)} (true probabilities: ${calibration.floor.mean.toFixed(3)}, up to ${calibration.floor.high.toFixed(3)}). ${scaledWords(evaluation)}`,
    ...subgroupLines(evaluation),
  ].join('\n');
}

function subgroupLines({ subgroups }: Evaluation): string[] {
  if (subgroups.length === 0) return [];
  const table = plainTable(
    [
      'subgroup',
      'which',
      'images',
      'positive',
      'AUC',
      '95 % interval',
      'sensitivity',
      'AUC − rest',
      'p (Holm)',
    ],
    1,
  );
  for (const { title, subgroups: own } of subgroups)
    for (const one of own) table.push([title, one.few ? `${one.value} *` : one.value, ...cells(one)]);
  return ['', trimmed(table), ...few(subgroups)];
}

function cells({ images, positives, auc, aucInterval, sensitivity, difference }: Subgroup): string[] {
  const { auc: compared } = difference;
  return [
    whole(images),
    whole(positives),
    auc?.toFixed(3) ?? '–',
    aucInterval ? `${aucInterval.low.toFixed(3)} to ${aucInterval.high.toFixed(3)}` : '–',
    sensitivity?.value.toFixed(2) ?? '–',
    compared
      ? `${compared.difference.toFixed(3)} [${compared.low.toFixed(3)}, ${compared.high.toFixed(3)}]`
      : '–',
    compared?.holm?.toFixed(3) ?? '–',
  ];
}

/** Of several classes. */
function describeClasses(evaluation: ClassEvaluation, { dataset, split }: About): string {
  const { scores, images, byClass, calibration } = evaluation;
  const present = byClass.filter((one) => one.images > 0).length;
  const table = plainTable(
    ['class', 'images', 'called so', 'AUC', '95 % interval', 'sensitivity', 'specificity', 'precision', 'F1'],
    1,
  );
  for (const { name, images: own, called, scores: of } of byClass) {
    const value = (score: Score | undefined, digits = 2): string => score?.value?.toFixed(digits) ?? '–';
    const interval = of?.auc.interval;
    table.push([
      name,
      whole(own),
      whole(called),
      value(of?.auc, 3),
      interval ? `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}` : '–',
      value(of?.sensitivity),
      value(of?.specificity),
      value(of?.precision),
      value(of?.f1),
    ]);
  }
  return [
    `Balanced accuracy ${figure(scores.balancedAccuracy)} on ${splitWords(split)} ${dataset.name}: ${whole(images)} images of ${present} classes; chance is ${(1 / present).toFixed(3)}.`,
    `Macro AUC ${figure(scores.macroAuc)}, macro F1 ${figure(scores.macroF1)}, accuracy ${figure(scores.accuracy)}.`,
    `Log loss ${figure(scores.logLoss)}.`,
    `Calibration error of the class that is called ${calibration.error.toFixed(3)} (true probabilities: ${calibration.floor.mean.toFixed(3)}, up to ${calibration.floor.high.toFixed(3)}). ${scaledWords(evaluation)}`,
    '',
    trimmed(table),
    ...classSubgroupLines(evaluation),
  ].join('\n');
}

function classSubgroupLines({ subgroups, classes }: ClassEvaluation): string[] {
  if (subgroups.length === 0) return [];
  const table = plainTable(
    ['subgroup', 'which', 'images', 'accuracy', 'mean sensitivity', 'classes', '− rest', 'p (Holm)'],
    1,
  );
  for (const { title, subgroups: own } of subgroups) {
    for (const one of own) {
      const { value, images, accuracy, judged, balancedAccuracy, difference } = one;
      table.push([
        title,
        one.few ? `${value} *` : value,
        whole(images),
        accuracy?.value.toFixed(2) ?? '–',
        balancedAccuracy?.value.toFixed(3) ?? '–',
        one.few ? '–' : `${judged.length} of ${classes.length}`,
        difference
          ? `${difference.difference.toFixed(3)} [${difference.low.toFixed(3)}, ${difference.high.toFixed(3)}]`
          : '–',
        difference?.holm?.toFixed(3) ?? '–',
      ]);
    }
  }
  return ['', trimmed(table), ...few(subgroups)];
}
