/** What an import met that did not go into the dataset, or went in with a doubt: counted and named, never dropped silently. */

/**
 * Kinds of problem, in the order in which they are looked for. `text`: what they are called in a summary; `leaves`:
 * what is left out for it, a row (an image that might have been in the dataset; rows make up the flow), a file that no
 * row speaks of, or nothing: a doubt.
 */
export const problemKinds = {
  'missing-id': { text: 'metadata rows without an id', leaves: 'row' },
  'empty-label': { text: 'rows without a label', leaves: 'row' },
  'unknown-label': { text: 'rows with an unknown label', leaves: 'row' },
  'other-class': { text: 'rows of classes that were not asked for', leaves: 'row' },
  'missing-value': { text: 'rows without a value that is required', leaves: 'row' },
  'conflicting-id': { text: 'rows of an id that disagree on the label', leaves: 'row' },
  'duplicate-id': { text: 'further rows of an id that agree with its first', leaves: 'row' },
  'row-without-file': { text: 'metadata rows without an image', leaves: 'row' },
  'ambiguous-file': { text: 'rows with several different images', leaves: 'row' },
  'unreadable-image': { text: 'images that cannot be decoded', leaves: 'row' },
  'conflicting-duplicate': { text: 'identical images with different labels', leaves: 'row' },
  'exact-duplicate': { text: 'further copies of an image (SHA-256)', leaves: 'row' },
  'near-duplicate': { text: 'near-duplicates of an image', leaves: 'row' },
  'in-another-set': { text: 'images of pictures that another dataset has', leaves: 'row' },
  'leaking-image': { text: 'images whose group is in a split that is evaluated on', leaves: 'row' },
  'majority-cut': { text: 'images of the majority class, cut', leaves: 'row' },
  'not-drawn': { text: 'images not drawn in the reduction', leaves: 'row' },
  'empty-mask': { text: 'images whose lesion mask is empty or missing', leaves: 'row' },
  'file-without-row': { text: 'images without a metadata row', leaves: 'file' },
  'file-of-unused-row': { text: 'images whose metadata row was left out', leaves: 'file' },
  'duplicate-file': { text: 'further copies of an image under the same name', leaves: 'file' },
  mask: { text: 'masks beside the images', leaves: 'file' },
  'not-an-image': { text: 'files of other types', leaves: 'file' },
  'label-spelling': { text: 'labels in several spellings, read as one', leaves: 'nothing' },
  'label-doubt': { text: 'labels that may not be meant', leaves: 'nothing' },
  'few-matches': { text: 'many rows and images that do not meet', leaves: 'nothing' },
  'missing-group': { text: 'words taken for a missing patient or lesion', leaves: 'nothing' },
  'group-spelling': { text: 'patients or lesions in several spellings, read as one', leaves: 'nothing' },
  'large-group': { text: 'patients or lesions of suspiciously many images', leaves: 'nothing' },
  'group-doubt': { text: 'doubts about who is shown', leaves: 'nothing' },
  'odd-cells': { text: 'columns with invisible characters or outer spaces, removed', leaves: 'nothing' },
  'id-spelling': { text: 'ids that name a file in another spelling', leaves: 'nothing' },
  'fine-strata': { text: 'columns too fine to be shared out', leaves: 'nothing' },
  'many-near-duplicates': { text: 'doubts about the near-duplicates', leaves: 'nothing' },
  'alike-apart': { text: 'near-duplicates that were not joined', leaves: 'nothing' },
  'label-conflict': { text: 'near-duplicates with different labels', leaves: 'nothing' },
  'empty-class': { text: 'classes missing from a split', leaves: 'nothing' },
  intensity: { text: 'doubts about intensities', leaves: 'nothing' },
  warning: { text: 'warnings of a file', leaves: 'nothing' },
} as const satisfies Record<string, { text: string; leaves: 'row' | 'file' | 'nothing' }>;

export type ProblemKind = keyof typeof problemKinds;

export interface Problem {
  kind: ProblemKind;
  id: string;
  /** Path of the image, relative to what was imported; empty where there is none. */
  file: string;
  /** Name of the metadata table; empty where there is none. */
  table: string;
  /** Line of the metadata table; 0 where there is none. */
  line: number;
  /** As far as it is known, else empty. */
  label: string;
  detail: string;
}

/** A problem of which only some of the particulars are known. */
export const problem = (kind: ProblemKind, known: Partial<Omit<Problem, 'kind'>>): Problem => ({
  kind,
  id: '',
  file: '',
  table: '',
  line: 0,
  label: '',
  detail: '',
  ...known,
});

const kindOrder = Object.keys(problemKinds);

/** Sorts problems by kind, in the order of {@link problemKinds}, then by table, line and file. */
export const byKind = (a: Problem, b: Problem): number =>
  kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) ||
  compare(a.table, b.table) ||
  a.line - b.line ||
  compare(a.file, b.file) ||
  compare(a.id, b.id);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** How often each kind occurred, in the order of {@link problemKinds}, without the zeros. */
export function countProblems(problems: readonly Problem[]): Partial<Record<ProblemKind, number>> {
  const counts: Partial<Record<ProblemKind, number>> = {};
  for (const kind of Object.keys(problemKinds) as ProblemKind[]) {
    const n = problems.filter((one) => one.kind === kind).length;
    if (n > 0) counts[kind] = n;
  }
  return counts;
}

/** 'a, b, c and 7 more'. */
export function nameSome(names: readonly string[], limit = 10): string {
  const shown = names.slice(0, limit).join(', ');
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}
