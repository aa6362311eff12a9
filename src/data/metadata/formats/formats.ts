/** The table formats, and which of them a path is. */
import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { DataError, readStart, requireFile } from 'graft-torch/base';
import type { Engine } from '../duckdb.js';
import { delimited } from './delimited.js';
import type { Given, Source, TableFormat } from './format.js';
import { json, readJsonFolder } from './json.js';
import { parquet } from './parquet.js';

/** Asked in this order; the last one is what nothing else is. */
export const formats: readonly TableFormat[] = [parquet, json, delimited];

/**
 * Reads one path into the engine: a table, or a folder of JSON.
 * @throws DataError in one line for whatever is not a whole table
 */
export async function readSource(engine: Engine, given: Given): Promise<Source> {
  const { path } = given;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new DataError(`${path}: no such file`);
  if (stat.isDirectory()) return readJsonFolder(engine, given);
  requireFile(path);
  if (stat.size === 0) throw new DataError(`${path}: empty; expected a table with a header, or JSON`);
  return formatOf(path).read(engine, given);
}

/** By the name's ending, else by the first bytes. */
function formatOf(path: string): TableFormat {
  const extension = extname(path).toLowerCase();
  const byName = formats.find(({ extensions }) => extensions.includes(extension));
  if (byName && byName !== delimited) return byName;
  const start = readStart(path, 64).toString('latin1');
  refuseOthers(path, extension, start);
  return byName ?? formats.find(({ begins }) => begins(start))!;
}

/** @throws DataError with the remedy for what is no table as it is: spreadsheets, archives, packed files */
function refuseOthers(path: string, extension: string, start: string): void {
  if (/^\.(xls[xmb]?|ods|numbers)$/.test(extension) || start.startsWith('\u00d0\u00cf\u0011\u00e0'))
    throw new DataError(
      `${path}: a spreadsheet; save its sheet as CSV (in Excel: Save As, CSV UTF-8; with LibreOffice: soffice --headless --convert-to csv '${path}')`,
    );
  if (start.startsWith('PK\u0003\u0004'))
    throw new DataError(`${path}: a spreadsheet or an archive; export the table as CSV, or unpack it first`);
  if (start.startsWith('\u001f\u008b')) throw new DataError(`${path}: compressed; unpack it first (gunzip)`);
}
