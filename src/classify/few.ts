/** Scores that rest on a handful of images look like any others: this says so. */
import { FEWEST_TO_JUDGE } from './subgroups.js';

/** Images of one class among those that were scored. */
export interface ClassCount {
  name: string;
  /** Patients, lesions or images: what the figures rest on. */
  groups: number;
}

/** The class with the fewest groups, where those are too few to judge; null where none has too few. */
export function fewest(classes: readonly ClassCount[]): ClassCount | null {
  const [smallest] = [...classes].sort((a, b) => a.groups - b.groups);
  return smallest && smallest.groups < FEWEST_TO_JUDGE ? smallest : null;
}

/** A sentence on that class. */
export const fewWords = ({ name, groups }: ClassCount): string =>
  `Only ${groups} ${groups === 1 ? 'group' : 'groups'} of '${name}' (patients, lesions or images): too few to judge by, whatever the figures; take ${FEWEST_TO_JUDGE} or more.`;

/** The same as a line, or none. */
export function fewLines(classes: readonly ClassCount[]): string[] {
  const few = fewest(classes);
  return few ? [fewWords(few)] : [];
}

/** How many groups each class of binary scores has. */
export function binaryCounts(
  rows: readonly { group: string; label: 0 | 1 }[],
  positive: string,
): ClassCount[] {
  const groupsOf = (label: 0 | 1): number =>
    new Set(rows.filter((row) => row.label === label).map(({ group }) => group)).size;
  return [
    { name: positive, groups: groupsOf(1) },
    { name: `not ${positive}`, groups: groupsOf(0) },
  ];
}
