/** Tables with separators, as CSV, TSV, and what spreadsheets make of them; the separator is found (table/delimited.ts). */
import { DataError, readBytes, sha256 } from 'graft-torch/base';
import { plainText } from '../../table/cell.js';
import { decodeText, delimitedRecords, refuseZeros } from '../../table/delimited.js';
import { type Engine, loadTable } from '../duckdb.js';
import type { Given, Source, TableFormat } from './format.js';

/** What nothing else is. */
export const delimited: TableFormat = {
  name: 'CSV, TSV',
  extensions: ['.csv', '.tsv', '.txt'],
  begins: () => true,
  read: readDelimited,
};

async function readDelimited(engine: Engine, { path, index }: Given): Promise<Source> {
  const bytes = readBytes(path);
  const text = decodeText(bytes, path);
  refuseZeros(text, path);
  const records = delimitedRecords(text, path);
  const header = records.next();
  if (header.done) throw new DataError(`${path}: empty; expected a header with column names`);
  // Tables written with a row index begin with a column without a name.
  const columns = header.value.cells.map((cell, i) => plainText(cell) || `column_${i + 1}`);
  const table = await loadTable(
    engine,
    { name: `source ${index}`, columns, source: index },
    (function* () {
      for (const { line, cells } of records) yield { line, file: 0, cells };
    })(),
  );
  return { ...table, path, sha256: sha256(bytes), files: [path], header: header.value };
}
