/** What an audit of a data set found: the shape that `--json` prints and the EDA report draws. */

export type LeakKind = 'id' | 'file' | 'near-duplicate' | 'lesion' | 'patient' | 'group';

/** Something that two splits share although they should share nothing. */
export interface Leak {
  kind: LeakKind;
  splits: [string, string];
  /** Number of ids, files, pairs' clusters, lesions, patients or groups that lie in both splits. */
  groups: number;
  /** Images of the first and of the second split that belong to them. */
  images: [number, number];
  /** Images of the first and of the second split for which it is known at all. */
  known: [number, number];
  /** The largest few: the key that is shared, and ids of images that share it. */
  examples: { key: string; ids: string[] }[];
}

/** A feature that may predict the label by itself, without any look at the lesion. */
export interface Confound {
  feature: string;
  kind: 'numeric' | 'categorical';
  source: 'metadata' | 'file' | 'pixels';
  /** Images the feature was measured or recorded for, and those without it. */
  images: number;
  missing: number;
  /** Cross-fitted area under the ROC curve in [0, 1]; 0.5 is chance. */
  auc: number;
  interval: { low: number; high: number };
  flagged: boolean;
  /** Bins or categories with n and share of the positive class, largest first. */
  levels: { level: string; images: number; positiveShare: number }[];
}

export interface AuditResult {
  format: 'graft-audit-1';
  name: string;
  /** Hash of the dataset's content; null for tables. */
  hash: string | null;
  images: number;
  /** The class whose share the confounds predict. */
  positive: string;
  splits: string[];
  /** Images of each split. */
  splitImages: Record<string, number>;
  leaks: Leak[];
  /** The strongest first. */
  confounds: Confound[];
  /** First a sentence on each leak, in their order; then what was left out, and how to read the rest. */
  notes: string[];
}
