/** What an import met that did not go into the dataset, or went in with a doubt: counted and named, never dropped silently. */

/** Kinds of problem with what they are called in a summary, and whether the file or row was left out for it. */
export const problemKinds = {
  'unreadable-image': { text: 'images that cannot be decoded', leftOut: true },
  'row-without-file': { text: 'metadata rows without an image', leftOut: true },
  'file-without-row': { text: 'images without a metadata row', leftOut: true },
  'missing-id': { text: 'metadata rows without an id', leftOut: true },
  'empty-label': { text: 'rows without a label', leftOut: true },
  'unknown-label': { text: 'rows with an unknown label', leftOut: true },
  'duplicate-id': { text: 'further rows of an id that agree with its first', leftOut: true },
  'conflicting-id': { text: 'rows of an id that disagree on the label', leftOut: true },
  'duplicate-file': { text: 'further copies of an image under the same name', leftOut: true },
  'ambiguous-file': { text: 'different images under the same name', leftOut: true },
  'file-of-unused-row': { text: 'images whose metadata row was left out', leftOut: true },
  'not-an-image': { text: 'files of other types', leftOut: true },
  'label-conflict': { text: 'duplicate images with different labels', leftOut: false },
  'empty-class': { text: 'classes missing from a split', leftOut: false },
} as const;

export type ProblemKind = keyof typeof problemKinds;

export interface Problem {
  kind: ProblemKind;
  id: string;
  /** Path of the image, relative to what was imported; empty where there is none. */
  file: string;
  /** Line of the metadata table; 0 where there is none. */
  line: number;
  detail: string;
}

/** How often each kind occurred, in the order of {@link problemKinds}, without the zeros. */
export function countProblems(problems: readonly Problem[]): Partial<Record<ProblemKind, number>> {
  const counts: Partial<Record<ProblemKind, number>> = {};
  for (const kind of Object.keys(problemKinds) as ProblemKind[]) {
    const n = problems.filter((problem) => problem.kind === kind).length;
    if (n > 0) counts[kind] = n;
  }
  return counts;
}

/** 'a, b, c and 7 more'. */
export function nameSome(names: readonly string[], limit = 10): string {
  const shown = names.slice(0, limit).join(', ');
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}
