/** JSON, JSON lines, and folders of it: records of any depth become columns with dotted names (flatten.ts). */
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { DataError, readBytes, sha256 } from 'graft-torch/base';
import { plainText } from '../../table/cell.js';
import { decodeText } from '../../table/delimited.js';
import { type Engine, loadTable } from '../duckdb.js';
import { flattenRecords } from '../flatten.js';
import { type JsonRecord, jsonRecords } from '../json.js';
import type { Given, Source, TableFormat } from './format.js';

export const json: TableFormat = {
  name: 'JSON',
  extensions: ['.json', '.jsonl', '.ndjson'],
  begins: (start) => /^(\u00ef\u00bb\u00bf)?\s*[[{]/.test(start),
  read: readJsonFile,
};

async function readJsonFile(engine: Engine, { path, index }: Given): Promise<Source> {
  const bytes = readBytes(path);
  const records = await jsonRecords(decodeText(bytes, path), path);
  return loadJson(engine, { path, sha256: sha256(bytes), files: [path], index }, [records]);
}

/** A folder of descriptions, as downloaders of the archive leave it: `*.json`, or files without an ending. */
export async function readJsonFolder(engine: Engine, { path, index }: Given): Promise<Source> {
  const names = readdirSync(path, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .filter((name) => ['', ...json.extensions].includes(extname(name).toLowerCase()))
    .sort();
  if (names.length === 0)
    throw new DataError(
      `${path}: a folder without *.json; name the table itself, or the descriptions' folder`,
    );
  const files = names.map((name) => join(path, name));
  const records: JsonRecord[][] = [];
  let digests = '';
  for (const [i, file] of files.entries()) {
    const bytes = readBytes(file);
    digests += `${sha256(bytes)}  ${names[i]}\n`;
    records.push(await jsonRecords(decodeText(bytes, file), file));
  }
  return loadJson(engine, { path, sha256: sha256(digests), files, index }, records);
}

export async function loadJson(
  engine: Engine,
  source: { path: string; sha256: string; files: string[]; index: number },
  records: readonly (readonly JsonRecord[])[],
): Promise<Source> {
  const { index, ...rest } = source;
  const all = records.flatMap((list, file) => list.map(({ line }) => ({ line, file })));
  const { columns: names, rows } = flattenRecords(
    (function* () {
      for (const list of records) for (const { value } of list) yield value;
    })(),
  );
  const columns = names.map(plainText);
  if (columns.length === 0) throw new DataError(`${source.path}: no records; expected one a picture`);
  const table = await loadTable(
    engine,
    { name: `source ${index}`, columns, source: index },
    (function* () {
      for (const [i, cells] of rows.entries()) yield { ...all[i]!, cells };
    })(),
  );
  return { ...rest, ...table };
}
