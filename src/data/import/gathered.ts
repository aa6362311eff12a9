/** What tables or folders give of an import: its images with their labels, and what was left out. */
import type { DatasetItem } from '../build/item.js';
import type { Problem } from '../dataset/problems.js';

export interface Gathered {
  items: DatasetItem[];
  problems: Problem[];
  /** Column, or `folder`. */
  label: string;
  provenance: Record<string, unknown>;
  found: Record<string, number>;
  /** The columns to share out evenly, by their names in the manifest. */
  strata: string[];
}
