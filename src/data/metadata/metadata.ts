/** Metadata as one table of texts, whatever it was read from. */

export interface MetadataRow {
  /** In its file, from 1; of Parquet the row's number. */
  line: number;
  /** The file that the row is from; of joined tables the first that has it. */
  file: string;
  /** Column → text; '' where it is missing. */
  cells: Record<string, string>;
}

export interface Metadata {
  /** The sources' own columns, then the canonical ones that the mapping adds. */
  columns: string[];
  rows: MetadataRow[];
  /** Name of the mapping that was recognised or given, or 'plain'. */
  mapping: string;
  /** Column that holds each role, where known; label is a suggestion. */
  roles: { id?: string; label?: string; patient?: string; lesion?: string; split?: string };
  sources: { path: string; sha256: string; rows: number }[];
  /** What the plain form of texts changed, where it did, in words: a column each. */
  changed?: string[];
}
