/** TODO door */
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
export { csvText, readTable, writeTable } from './table.js';
