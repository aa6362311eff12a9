/**
 * A verdict from AUCs alone, where nobody has the scores any more: a published table with a value a fold and seed. What the
 * choice of test images does is seen between folds only, so folds are the sample: the corrected resampled t of Nadeau &
 * Bengio (Machine Learning 52, 2003) on the folds' mean differences, which allows for their shared training images. The
 * plain t over folds stands beside it and takes folds for independent, which they are not. One fold gets no verdict, nor do
 * folds that all differ by the same: AUCs that were rounded or copied have no spread to go by. That nothing matters is said
 * only where the table counts images, so that a reader can see how little a fold could have shown.
 */
import { capital, levelText, plural, pValue, signed, signedRange } from '../report/index.js';
import { holm, meanAndDeviation, pairedT } from '../stats/index.js';
import { limited, limitedShort } from './limits.js';
import type { Limit, PlannedComparison } from './scores.js';
import type { AucTable } from './table.js';

export interface AucArm {
  arm: string;
  runs: { fold: number; seed: number; auc: number }[];
  /** Of the folds' means. */
  mean: number;
  deviation: number;
}

interface TInterval {
  low: number;
  high: number;
  p: number;
}

export interface AucComparison extends PlannedComparison {
  /** Of runs that both arms have. */
  differences: { fold: number; seed: number; difference: number }[];
  foldDifferences: { fold: number; difference: number }[];
  /** Over folds. */
  mean: number;
  /** The verdict's: corrected resampled t over folds; null with one fold. */
  resampled: TInterval | null;
  /** Plain t over folds; null with one fold. */
  overFolds: TInterval | null;
  /** With one fold: t over seeds, the test images taken as given; null with one seed, or with folds. */
  overSeeds: TInterval | null;
  /** Several folds, and all of them differ by the same: there is no spread, and so no interval. */
  identical: boolean;
  /** Holm-corrected among the secondary comparisons. */
  correctedP: number | null;
}

export interface AucAnalysis {
  level: number;
  margin: number;
  folds: number;
  arms: AucArm[];
  comparisons: AucComparison[];
  /** Test over training images, and whether it is the table's or k-fold cross-validation's. */
  testToTrain: { value: number; assumed: boolean } | null;
  /** Whether each row says how many images of each class were tested. */
  counted: boolean;
  /** Known from elsewhere than the AUCs. */
  limits: Limit[];
  notes: string[];
}

export type AucVerdictKind =
  | 'helps'
  | 'harms'
  | 'balance-only'
  | 'equivalent'
  | 'underpowered'
  | 'not-decidable'
  | 'one-test-set';

export interface AucVerdict {
  kind: AucVerdictKind;
  short: string;
  sentence: string;
  paragraph: string;
  others: string[];
  limits: Limit[];
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** To what a table's decimals leave of a difference: 0.83 − 0.80 is 0.82 − 0.79. */
const same = (values: readonly number[]): boolean =>
  values.length > 1 && Math.max(...values) - Math.min(...values) < 1e-9;

export function analyseAucs({ plan, design, rows, limits, notes }: AucTable): AucAnalysis {
  const folds = [...new Set(rows.map(({ fold }) => fold))].sort((a, b) => a - b);
  const testToTrain = folds.length > 1 ? ratioOf(rows, folds.length, plan.testToTrain) : null;
  const arms = design.arms.map((arm): AucArm => {
    const runs = rows.filter((row) => row.arm === arm).map(({ fold, seed, auc }) => ({ fold, seed, auc }));
    const byFold = folds.flatMap((fold) => {
      const own = runs.filter((run) => run.fold === fold);
      return own.length > 0 ? [mean(own.map(({ auc }) => auc))] : [];
    });
    const { mean: value, deviation } = meanAndDeviation(byFold);
    return { arm, runs, mean: value, deviation };
  });
  const comparisons = design.comparisons.flatMap((planned): AucComparison[] => {
    const ours = rows.filter((row) => row.arm === planned.arm);
    const differences = ours.flatMap(({ fold, seed, auc }) => {
      const partner = rows.find(
        (row) => row.arm === planned.baseline && row.fold === fold && row.seed === seed,
      );
      return partner ? [{ fold, seed, difference: auc - partner.auc }] : [];
    });
    if (differences.length === 0) return [];
    const foldDifferences = folds.flatMap((fold) => {
      const own = differences.filter((one) => one.fold === fold).map(({ difference }) => difference);
      return own.length > 0 ? [{ fold, difference: mean(own) }] : [];
    });
    const values = foldDifferences.map(({ difference }) => difference);
    const several = values.length > 1;
    const identical = several && same(values);
    const t = (list: readonly number[], ratio = 0): TInterval | null => {
      if (same(list)) return null;
      const test = pairedT(list, plan.level, ratio);
      return test && { low: test.low, high: test.high, p: test.p };
    };
    return [
      {
        ...planned,
        differences,
        foldDifferences,
        mean: mean(values),
        resampled: several && testToTrain ? t(values, testToTrain.value) : null,
        overFolds: several ? t(values) : null,
        overSeeds: several ? null : t(differences.map(({ difference }) => difference)),
        identical,
        correctedP: null,
      },
    ];
  });
  const secondary = comparisons.filter(({ role, resampled }) => role === 'secondary' && resampled !== null);
  holm(secondary.map(({ resampled }) => resampled!.p)).forEach((p, i) => {
    secondary[i]!.correctedP = p;
  });
  return {
    level: plan.level,
    margin: plan.margin,
    folds: folds.length,
    arms,
    comparisons,
    testToTrain,
    counted: rows.every(({ positives, negatives }) => positives !== null && negatives !== null),
    limits: [...limits],
    notes: [...notes],
  };
}

/** What was said, else from the table's counts, else what k-fold cross-validation has: 1 / (k − 1). */
function ratioOf(
  rows: AucTable['rows'],
  folds: number,
  said: number | undefined,
): { value: number; assumed: boolean } {
  if (said !== undefined) return { value: said, assumed: false };
  const known = rows.flatMap(({ positives, negatives, train }) =>
    positives !== null && negatives !== null && train !== null && train > 0
      ? [(positives + negatives) / train]
      : [],
  );
  return known.length === rows.length
    ? { value: mean(known), assumed: false }
    : { value: 1 / (folds - 1), assumed: true };
}

export function decideAucs(analysis: AucAnalysis, design: AucTable['design']): AucVerdict {
  const { names } = design;
  const { level, margin, folds, comparisons, testToTrain, counted } = analysis;
  const primary = comparisons.find(({ role }) => role === 'primary')!;
  const required = comparisons.filter(({ role }) => role === 'required');
  const wanted = design.comparisons.filter(({ role }) => role === 'required').length;
  const others = comparisons
    .filter((comparison) => comparison !== primary)
    .map((comparison) => {
      const interval = comparison.resampled;
      const told = interval
        ? ` (${levelText(level)} interval ${signedRange(interval)}), ${comparison.correctedP === null ? 'p' : 'corrected p'} ${pValue(comparison.correctedP ?? interval.p)}`
        : '';
      return `${comparison.arm} against ${comparison.baseline}: ${signed(comparison.mean)}${told}.`;
    });
  const { resampled } = primary;
  if (primary.identical)
    return {
      kind: 'not-decidable',
      short: 'Not decidable',
      sentence: `No verdict: all folds differ by exactly the same (${signed(primary.mean)} ${primary.phrase}): rounded or copied AUCs.`,
      paragraph: `Folds have test images of their own and never differ by just the same, so that ${plural(primary.foldDifferences.length, 'fold')} without any spread make no interval. Give AUCs with all their decimals, those of the runs themselves, or the scores.`,
      others,
      limits: [],
    };
  const subject = capital(names.subject);
  if (!resampled) {
    const seeds = primary.overSeeds;
    return {
      kind: 'one-test-set',
      short: 'One test set: no verdict',
      sentence: `No verdict from AUCs on one test set: with ${names.subject} the AUC differed by ${signed(primary.mean)} ${primary.phrase}.`,
      paragraph:
        `${seeds ? `Over ${plural(primary.differences.length, 'seed')} the ${levelText(level)} interval is ${signedRange(seeds)} (p ${pValue(seeds.p)}), but it takes the test images for the whole world. ` : ''}` +
        'What other test images would have given is in the scores, not in the AUC: give a table with a row an image, or AUCs of several folds.',
      others,
      limits: [],
    };
  }
  const interval = `${signed(primary.mean)} (${levelText(level)} interval ${signedRange(resampled)})`;
  const basis = `${plural(folds, 'fold')}, ${plural(primary.differences.length, 'pair')} of runs`;
  const within = resampled.low >= -margin && resampled.high <= margin;
  const kind: AucVerdictKind = within
    ? counted
      ? 'equivalent'
      : 'underpowered'
    : resampled.low > 0
      ? required.length === wanted && required.every((one) => one.resampled && one.resampled.low > 0)
        ? 'helps'
        : 'balance-only'
      : resampled.high < 0
        ? 'harms'
        : 'underpowered';
  const verb = (singular: string, many: string): string => (names.plural ? many : singular);
  const { overFolds } = primary;
  const ratio = testToTrain!;
  const how =
    `The interval is that over folds (corrected resampled t, ${plural(folds - 1, 'degree')} of freedom, test over training images ${ratio.value.toFixed(3)}${ratio.assumed ? ', as in k-fold cross-validation: the table does not say' : ''}); ` +
    `test images are in it through the folds alone.${overFolds ? ` The plain t over folds, which takes folds for independent, has ${signedRange(overFolds)} (p ${pValue(overFolds.p)}).` : ''}`;
  const sentences: Record<Exclude<AucVerdictKind, 'one-test-set' | 'not-decidable'>, [string, string]> = {
    helps: [
      `${capital(names.short)} ${verb('helps', 'help')}`,
      `${subject} ${verb('helps', 'help')} ${primary.phrase}: AUC ${interval}, p ${pValue(resampled.p)}, ${basis}.`,
    ],
    harms: [
      `${capital(names.short)} ${verb('harms', 'harm')}`,
      `${subject} ${verb('harms', 'harm')} ${primary.phrase}: AUC ${interval}, p ${pValue(resampled.p)}, ${basis}.`,
    ],
    'balance-only': [
      'No more than re-balancing',
      `${subject} ${verb('raises', 'raise')} the AUC ${primary.phrase} (${interval}, ${basis}), but not beyond re-balancing the real images.`,
    ],
    equivalent: [
      'No difference that matters',
      `${subject} ${verb('makes', 'make')} no difference that matters ${primary.phrase}: AUC ${interval}, all of it within ±${margin} (${basis}).`,
    ],
    underpowered: [
      'Underpowered: no answer',
      `No evidence that ${names.subject} ${verb('helps or harms', 'help or harm')} ${primary.phrase}: AUC ${interval}, p ${pValue(resampled.p)}, ${basis}.`,
    ],
  };
  const uncounted =
    within && !counted
      ? `All of it is within ±${margin}, but the table does not say how many images were tested (positives, negatives): folds that agree may be folds too small or too alike to differ, and AUCs alone do not tell. `
      : '';
  const limits = analysis.limits.filter(({ only }) => only === undefined || only === kind);
  const [short, sentence] = sentences[kind as keyof typeof sentences];
  return {
    kind,
    short: limitedShort(short, limits),
    sentence: limited(sentence.replace(/\.$/, ''), limits),
    paragraph: `${uncounted}${how}`,
    others,
    limits,
  };
}
