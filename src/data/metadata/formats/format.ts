/** What a table format is: how a file of it is known, and how it becomes a table of texts in the engine. */
import type { Engine, OddCells, SqlTable } from '../duckdb.js';

/** One of the paths given, read. */
export interface Source extends SqlTable {
  /** As given. */
  path: string;
  /** Of the file; of a folder, of its files' names and digests. */
  sha256: string;
  rows: number;
  /** What was not plain text, by column. */
  odd: OddCells[];
  /** What `graft:file` counts: the file itself, or those of a folder. */
  files: string[];
  /** Where the columns' names are the first record of a file: that record, as the table may have no header. */
  header?: { line: number; cells: string[] };
}

/** Where a source comes from, and its place among those given. */
export interface Given {
  path: string;
  index: number;
}

export interface TableFormat {
  name: string;
  /** Endings of its files' names, lower case, with the dot. */
  extensions: readonly string[];
  /**
   * Whether a file of another ending begins like one.
   * @param start its first 64 bytes, one character a byte
   */
  begins(start: string): boolean;
  /** @throws DataError in one line for whatever is not a whole table */
  read(engine: Engine, given: Given): Promise<Source>;
}
