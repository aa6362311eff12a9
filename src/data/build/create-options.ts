/** What may be decided about a dataset in the making. */
import type { Problem } from '../dataset/problems.js';
import type { NamedPair } from '../dataset/report.js';
import type { Fractions } from '../dataset/split.js';
import type { DuplicatePolicy, NearPolicy } from './cleaning.js';
import type { Placing } from './read-images.js';

export interface CreateOptions {
  /** Default 70 / 15 / 15. */
  fractions?: Fractions;
  /** Decides the split; default 0. */
  seed?: number;
  /** Leaves images out that cannot be decoded, instead of failing. */
  skipUnreadable?: boolean;
  /** Takes images that their decoder complains of, but for those that are cut off: as PNG, and with a warning. */
  acceptWarnings?: boolean;
  /** Default `copy`. */
  images?: Placing;
  /** Looks for near-duplicates; default true. Off for images that are independent by construction. */
  nearDuplicates?: boolean;
  /** What becomes of duplicates; default: exact copies are removed, near-duplicates grouped. */
  duplicates?: { exact?: DuplicatePolicy; near?: NearPolicy };
  /** Least evidence (near.ts) that makes two images near-duplicates. */
  nearEvidence?: number;
  /** Pairs of ids that are known to show one picture: treated as near-duplicates; ids that are not there do no harm. */
  knownDuplicates?: readonly (readonly [string, string])[];
  /** Pairs of duplicates that are known already, for the report of items whose groups are settled. */
  pairs?: readonly NamedPair[];
  /** Metadata columns whose values are shared out evenly over the splits, within each class. */
  strata?: readonly string[];
  /** Groups that a given split tears apart: an error (default), or their images leave the split that is trained on. */
  leaks?: 'refuse' | 'drop';
  /** Allows a dataset of the positive class alone, for a GAN. */
  oneClass?: boolean;
  /** What the source of the items found wrong: goes into the report. Asked for when all images have been read. */
  problems?: () => readonly Problem[];
  /** Further figures for the report. */
  found?: Readonly<Record<string, number>>;
  onProgress?: CreateProgress;
  signal?: AbortSignal;
}

/** `read`: images decoded; `compare`: images compared with all others. */
export type CreateProgress = (phase: 'read' | 'compare', done: number, total: number) => void;
