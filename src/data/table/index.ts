/**
 * Tables of texts, and what a cell of one is: label, id, group, number, or missing. Whatever reads a table, here or in
 * scores and metadata, decides it by this module, so that `NA` and `1,5` mean the same everywhere.
 */

// Cells.

export {
  chosenName,
  columnKey,
  columnValues,
  isMissing,
  numberOf,
  numberReader,
  oneSpelling,
  truthOf,
} from './cell.js';

// Files: CSV in and out, atomically.

export { csvText, readTable, writeTable } from './table.js';
