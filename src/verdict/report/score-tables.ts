/** Every score of every arm with its interval, on the test images and on external sets. */

import type { TableBlock } from '../../report/index.js';
import {
  fixed,
  left,
  levelText,
  plural,
  pValue,
  right,
  signed,
  signedRange,
  whole,
} from '../../report/index.js';
import type { TrialAnalysis } from '../analysis.js';
import type { ArmAnalysis } from '../arms.js';
import { lowerIsBetter, type ScoreName, scoreNames } from '../score-analysis.js';
import { pairLabel } from './differences-figure.js';
import { armLabel } from './palette.js';

const TITLES: Record<ScoreName, string> = {
  averagePrecision: 'Average precision',
  balancedAccuracy: 'Balanced accuracy',
  sensitivity: 'Sensitivity',
  specificity: 'Specificity',
  sensitivityAt95Specificity: 'Sensitivity at 95 % specificity',
  brier: 'Brier score',
  logLoss: 'Log loss',
};

const titleOf = (name: ScoreName): string => `${TITLES[name]}${lowerIsBetter.includes(name) ? ' ↓' : ''}`;

const withInterval = (value: number, interval: { low: number; high: number } | null): string =>
  interval ? `${fixed(value)} (${fixed(interval.low)}–${fixed(interval.high)})` : fixed(value);

/** Two tables: what ranks and what the probabilities are worth, and what a threshold brings. */
export function scoreTables(analysis: TrialAnalysis): TableBlock[] {
  const percent = Math.round(analysis.level * 100);
  const runs = analysis.folds > 1 ? 'folds and seeds' : 'seeds';
  /** What no arm has is left out: without a threshold, or without probabilities. */
  const known = (names: readonly ScoreName[]): ScoreName[] =>
    names.filter((name) => analysis.arms.some(({ scores }) => scores[name] !== undefined));
  const table = (
    title: string,
    names: readonly ScoreName[],
    { withAuc, note }: { withAuc: boolean; note: string },
  ): TableBlock => ({
    kind: 'table',
    title,
    columns: [left('Arm'), ...(withAuc ? [right('AUC')] : []), ...names.map((name) => right(titleOf(name)))],
    rows: analysis.arms.map((arm) => [
      armLabel(arm.arm),
      ...(withAuc ? [withInterval(arm.auc.value, arm.auc)] : []),
      ...names.map((name) => {
        const score = arm.scores[name];
        return score ? withInterval(score.mean, score.interval) : '–';
      }),
    ]),
    sortable: true,
    note: `Mean over ${runs}, in brackets ${percent} % intervals (other seeds and other test images). Higher is better except where marked ↓. ${note}`,
  });
  const atThreshold = known(['balancedAccuracy', 'sensitivity', 'specificity', 'sensitivityAt95Specificity']);
  return [
    table('Scores on the test images, without a threshold', known(['averagePrecision', 'brier', 'logLoss']), {
      withAuc: true,
      note: 'AUC and average precision are taken over a whole test split at once; log loss in nats.',
    }),
    table('Scores on the test images, with a threshold', atThreshold, {
      withAuc: false,
      note:
        atThreshold.length > 1
          ? 'Thresholds were chosen on validation images and used on the test images as they were, except for the last column, which reads its threshold off the test images and is a little too good.'
          : 'The threshold is read off the test images and is a little too good; no other is known.',
    }),
  ];
}

/** The primary comparison by all other scores: for description, nothing rests on it. */
export function scoreDifferenceTable({ comparisons, primary, level }: TrialAnalysis): TableBlock | null {
  const pair = primary === null ? undefined : comparisons[primary];
  const { scores } = pair ?? {};
  if (!pair || !scores) return null;
  return {
    kind: 'table',
    title: `The primary comparison by other scores: ${pairLabel(pair)}`,
    columns: [left('Score'), right('Difference'), right(`${Math.round(level * 100)} % interval`)],
    rows: scoreNames.flatMap((name) => {
      const score = scores[name];
      if (!score) return [];
      return [[titleOf(name), signed(score.mean), score.interval ? signedRange(score.interval) : '–']];
    }),
    note: 'For description: each interval by itself, not corrected for there being several, and the verdict does not know them. Of scores marked ↓ a negative difference is the better one.',
  };
}

/** AUC of every arm on every external set, beside its own test images. */
export function externalTable(analysis: TrialAnalysis): TableBlock | null {
  const { external, arms, test, level } = analysis;
  if (external.length === 0) return null;
  const cell = (own: readonly ArmAnalysis[], name: string): string => {
    const found = own.find(({ arm }) => arm === name);
    return found ? withInterval(found.auc.value, found.auc) : '–';
  };
  return {
    kind: 'table',
    title: 'AUC on external test sets',
    columns: [
      left('Arm'),
      right(`Own test images (${whole(test.images)})`),
      ...external.map(({ name, test: images }) => right(`${name} (${whole(images.images)})`)),
    ],
    rows: arms.map(({ arm }) => [
      armLabel(arm),
      cell(arms, arm),
      ...external.map(({ arms: own }) => cell(own, arm)),
    ]),
    sortable: true,
    note: `In brackets ${Math.round(level * 100)} % intervals. Every run scored all images of every external set, with the threshold of its own validation images; in the heads the number of images.`,
  };
}

/** The paired differences on the external sets. */
export function externalDifferencesTable({ external, comparisons, level }: TrialAnalysis): TableBlock | null {
  const rows = external.flatMap(({ name, comparisons }) =>
    comparisons.map((pair) => [
      name,
      pairLabel(pair),
      signed(pair.difference.value),
      signedRange(pair.difference),
      pValue(pair.p).replace('= ', ''),
    ]),
  );
  if (rows.length === 0) return null;
  return {
    kind: 'table',
    title: 'Paired differences in AUC on external test sets',
    columns: [
      left('Set'),
      left('Comparison'),
      right('Difference'),
      right(`${levelText(comparisons[0]?.level ?? level)} interval`),
      right('p, uncorrected'),
    ],
    rows,
    sortable: true,
    note: `${plural(external.length, 'set')}, each by itself; the p-values are not corrected, and the verdict does not know them.`,
  };
}
