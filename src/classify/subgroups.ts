/**
 * Does a classifier serve all alike? Each subgroup's AUC, sensitivity and specificity with their intervals, and the
 * difference to all other images. With many subgroups some differ by chance: p-values of the AUCs' differences are
 * corrected over all of them (Holm 1979). A subgroup that is too small to judge is shown and flagged, and takes no part in
 * the tests; "no difference found" in it means nothing.
 */

import type { Partition } from '../data/dataset/index.js';
import type { Interval } from '../stats/index.js';
import {
  FEWEST_TO_JUDGE,
  holm,
  type Proportion,
  proportion,
  proportionDifference,
  subgroupAucDifference,
} from '../stats/index.js';
import { aucIntervalOf, aucOf, type ScoreRow } from './scores.js';

export { FEWEST_TO_JUDGE };

export interface Subgroup {
  value: string;
  images: number;
  positives: number;
  /** Groups with a positive image, and with a negative one. */
  positiveGroups: number;
  negativeGroups: number;
  /** Too few to judge. */
  few: boolean;
  /** Null where a class is missing. */
  auc: number | null;
  aucInterval: Interval | null;
  /** At the threshold; null where the class is missing. */
  sensitivity: Proportion | null;
  specificity: Proportion | null;
  /** This subgroup − all other images whose value is known. */
  difference: {
    /** Null where no variance can be estimated. `holm`: p corrected over all subgroups; null for the few. */
    auc: (Interval & { difference: number; p: number; holm: number | null }) | null;
    sensitivity: (Interval & { difference: number }) | null;
    specificity: (Interval & { difference: number }) | null;
  };
}

export interface SubgroupTable<One = Subgroup> {
  column: string;
  title: string;
  /** Images whose value is not known; they are in no subgroup. */
  missing: number;
  subgroups: One[];
}

/**
 * @param rows images of one split
 * @param threshold called positive from here on; chosen elsewhere
 * @param partitions of the same images in the same order
 */
export function subgroupTables(
  rows: readonly ScoreRow[],
  threshold: number,
  partitions: readonly Partition[],
): SubgroupTable[] {
  return tabulate(
    partitions,
    (value, of) => subgroup(rows, threshold, { value, of }),
    ({ difference }) => difference.auc,
  );
}

/**
 * A table a column, and p-values that are corrected over all of them.
 * @param one what is said of a subgroup
 * @param testOf its test against the rest, where there is one
 */
export function tabulate<One extends { few: boolean }>(
  partitions: readonly Partition[],
  one: (value: string, of: Partition['of']) => One,
  testOf: (one: One) => { p: number; holm: number | null } | null,
): SubgroupTable<One>[] {
  const tables = partitions.map(({ column, title, values, of }) => ({
    column,
    title,
    missing: of.filter((value) => value === null).length,
    subgroups: values.map((value) => one(value, of)),
  }));
  holmOver(
    tables.map(({ subgroups }) => subgroups),
    testOf,
  );
  return tables;
}

/**
 * Writes p-values that are corrected over all subgroups (Holm 1979) beside those that there are. Of two subgroups the
 * second's difference is the first's with the other sign: one test, not two. The few are not tested.
 * @param columns the subgroups of each column
 */
function holmOver<One extends { few: boolean }>(
  columns: readonly (readonly One[])[],
  testOf: (one: One) => { p: number; holm: number | null } | null,
): void {
  const tests = columns.flatMap((subgroups) => {
    const tested = subgroups.flatMap((one) => {
      const test = one.few ? null : testOf(one);
      return test === null ? [] : [test];
    });
    return subgroups.length === 2 && tested.length > 0 ? [tested] : tested.map((one) => [one]);
  });
  const adjusted = holm(tests.map((same) => same[0]!.p));
  tests.forEach((same, i) => {
    for (const test of same) test.holm = adjusted[i]!;
  });
}

function subgroup(
  rows: readonly ScoreRow[],
  threshold: number,
  { value, of }: { value: string; of: Partition['of'] },
): Subgroup {
  const own = rows.filter((_, i) => of[i] === value);
  const rest = rows.filter((_, i) => of[i] !== value && of[i] !== null);
  const positives = own.filter(({ label }) => label === 1);
  const groups = (label: 0 | 1): number =>
    new Set(own.filter((row) => row.label === label).map(({ group }) => group)).size;
  const [positiveGroups, negativeGroups] = [groups(1), groups(0)];
  const both = positiveGroups > 0 && negativeGroups > 0;
  const difference = subgroupAucDifference(
    rows.map(({ label }) => label),
    rows.map(({ score }) => score),
    {
      inside: of.map((name) => (name === null ? null : name === value)),
      groups: rows.map(({ group }) => group),
    },
  );
  const rate = (label: 0 | 1) => {
    const [here, there] = [own, rest].map((part) => rightShare(part, label, threshold)) as [Share, Share];
    return { here, difference: here && there ? proportionDifference(here, there) : null };
  };
  const [sensitivity, specificity] = [rate(1), rate(0)];
  return {
    value,
    images: own.length,
    positives: positives.length,
    positiveGroups,
    negativeGroups,
    few: Math.min(positiveGroups, negativeGroups) < FEWEST_TO_JUDGE,
    auc: both ? aucOf(own) : null,
    aucInterval: both ? aucIntervalOf(own) : null,
    sensitivity: sensitivity.here,
    specificity: specificity.here,
    difference: {
      auc: difference && {
        difference: difference.difference,
        low: difference.low,
        high: difference.high,
        p: difference.p,
        holm: null,
      },
      sensitivity: sensitivity.difference,
      specificity: specificity.difference,
    },
  };
}

type Share = Proportion | null;

/** Share of the images of a class that are called rightly: sensitivity (label 1), specificity (label 0). */
export function rightShare(rows: readonly ScoreRow[], label: 0 | 1, threshold: number): Proportion | null {
  const own = rows.filter((row) => row.label === label);
  return proportion(
    own.map(({ score }) => (score >= threshold === (label === 1) ? 1 : 0)),
    { groups: own.map(({ group }) => group) },
  );
}
