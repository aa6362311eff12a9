/**
 * The trial's question within subgroups of the test images (sex, age, site): AUC of every arm and the primary difference,
 * by the very analysis that the verdict rests on (./analysis.ts), on the images of a subgroup alone. For description: no
 * p-values, nothing is corrected, and the verdict does not know them. A subgroup of fewer groups of a class than
 * FEWEST_TO_JUDGE gets no number, for it would be read as one.
 */
import { partitionOf } from '../data/dataset/index.js';
import { FEWEST_TO_JUDGE } from '../stats/index.js';
import { analyse } from './analysis.js';
import type { Estimate } from './arms.js';
import { groupsOfClass } from './image-sets.js';
import type { ScoredFold, TestImages, TrialScores } from './scores.js';

/** A metadata column of the test images. */
export interface Subgroups {
  column: string;
  /** One a test image, fold by fold in the order of `folds`; '' where it is missing. */
  folds: readonly (readonly string[])[];
}

export interface SubgroupResult {
  value: string;
  images: number;
  positives: number;
  /** With an image of the positive class, and with one of another, in all folds. */
  positiveGroups: number;
  negativeGroups: number;
  /** In which the subgroup has both classes. */
  folds: number;
  /** Too small: then nothing below. */
  few: boolean;
  arms: { arm: string; auc: Estimate }[];
  /** Of the primary comparison; null where there is none. */
  difference: Estimate | null;
}

export interface SubgroupColumn {
  column: string;
  title: string;
  /** Images of which it is not known. */
  missing: number;
  values: SubgroupResult[];
}

/** More columns than these would be read for the one that stands out. */
export const MOST_COLUMNS = 5;

/**
 * @param options.arms those that are told
 * @returns without columns that have one value
 */
export function analyseSubgroups(
  scores: TrialScores,
  subgroups: readonly Subgroups[],
  { arms, level }: { arms: readonly string[]; level: number },
): SubgroupColumn[] {
  return subgroups.slice(0, MOST_COLUMNS).flatMap(({ column, folds }): SubgroupColumn[] => {
    const partition = partitionOf(column, folds.flat());
    if (!partition) return [];
    const { title, of } = partition;
    const byFold = folds.map((cells, i) => {
      const start = folds.slice(0, i).reduce((sum, before) => sum + before.length, 0);
      return of.slice(start, start + cells.length);
    });
    return [
      {
        column,
        title,
        missing: of.filter((value) => value === null).length,
        values: inOrder(partition.values).map((value) => {
          const member = byFold.map((own) => own.map((one) => one === value));
          return within(scores, { value, member, arms, level });
        }),
      },
    ];
  });
}

/** '20 to 39' before '40 to 59', where all begin with a number. */
function inOrder(values: readonly string[]): string[] {
  const leading = (value: string): number => Number.parseFloat(value);
  return values.every((value) => Number.isFinite(leading(value)))
    ? [...values].sort((a, b) => leading(a) - leading(b))
    : [...values];
}

interface Within {
  value: string;
  /** By fold and image. */
  member: readonly (readonly boolean[])[];
  arms: readonly string[];
  level: number;
}

function within(scores: TrialScores, { value, member, arms, level }: Within): SubgroupResult {
  const kept = <T>(values: readonly T[], fold: number): T[] => values.filter((_, i) => member[fold]![i]);
  const all = scores.folds.map(
    ({ test }, i): TestImages => ({
      ids: kept(test.ids, i),
      groups: kept(test.groups, i),
      labels: kept(test.labels, i),
    }),
  );
  // A fold in which the subgroup has one class alone has no AUC there.
  const used = all.flatMap((test, i) =>
    test.labels.includes(0) && test.labels.includes(1) ? [{ i, test }] : [],
  );
  const groupsIn = (sets: readonly TestImages[], label: 0 | 1): number =>
    groupsOfClass(
      sets.map((images) => ({ images })),
      label,
    );
  const judged = used.map(({ test }) => test);
  const count = (label: 0 | 1): number =>
    all.flatMap(({ labels }) => labels).filter((own) => own === label).length;
  const result = {
    value,
    images: count(0) + count(1),
    positives: count(1),
    positiveGroups: groupsIn(all, 1),
    negativeGroups: groupsIn(all, 0),
    folds: used.length,
  };
  if (Math.min(groupsIn(judged, 1), groupsIn(judged, 0)) < FEWEST_TO_JUDGE)
    return { ...result, few: true, arms: [], difference: null };
  const folds = used.map(({ i, test }): ScoredFold => ({ ...scores.folds[i]!, test }));
  const runs = scores.runs.flatMap((run) => {
    const place = used.find(({ i }) => scores.folds[i]!.fold === run.fold);
    if (!place || !arms.includes(run.arm)) return [];
    return [{ ...run, testScores: kept(run.testScores, place.i), externalScores: {} }];
  });
  const analysis = analyse(
    {
      ...scores,
      arms,
      folds,
      runs,
      external: [],
      sequential: null,
      comparisons: scores.comparisons.filter(({ role }) => role === 'primary'),
    },
    { replicates: 0, level },
  );
  return {
    ...result,
    few: false,
    arms: analysis.arms.map(({ arm, auc }) => ({ arm, auc })),
    difference: analysis.primary === null ? null : analysis.comparisons[analysis.primary]!.difference,
  };
}
