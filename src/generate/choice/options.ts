/** What a caller says of a choice, and what it is told while it is made. */

/** How images are chosen. */
export interface ChoiceOptions {
  /** Applied in order: `['best']`, `['filtered', 'diverse']`. */
  policies: readonly string[];
  /** Images drawn at once for each one that is kept, from 1; default 4. */
  pool?: number;
  /** Folder of the dataset that the generator was trained on; default: where its run found it. */
  data?: string;
  /** Features of `diverse` and `filtered`, as `metrics/backbone/spec.ts` has it; default random. */
  backbone?: string;
  /** `filtered`: least probability of the class, in (0, 1); default 0.5. */
  agreement?: number;
  /** `filtered`: share of the training images that lie as near to each other, in (0, 0.5]; default 0.01. */
  quantile?: number;
}

export interface ChoiceHooks {
  /** A part of the work, and how much of it is done: 'drawing pool 1', 'looking at training images'. */
  onPart?: (part: string, done: number, total: number) => void;
  /** Told in one line what the choice cannot do. */
  warn?: (message: string) => void;
}
