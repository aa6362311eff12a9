/** What goes beside the images: `metadata.csv`, `attribution.txt`, `licenses/`, as the archive's own client has them. */
import { createWriteStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { replaceFileAsync, writeFileAtomic } from 'graft-torch/base';
import { flattenRecord } from '../metadata/flatten.js';
import { csvText } from '../table/table.js';
import type { ArchiveClient } from './client.js';
import type { ImageRecord } from './schema.js';

/** Columns that every table begins with; the others follow in alphabetical order. */
const firstColumns = ['isic_id', 'attribution', 'copyright_license'];

const rowsAtOnce = 1000;

/** A record as a row of the table: the archive's names for everything, nested groups dissolved. */
function rowOf(record: ImageRecord): Record<string, string> {
  return flattenRecord({
    isic_id: record.id,
    attribution: record.attribution,
    copyright_license: record.licence,
    ...record.metadata,
  });
}

/**
 * Writes `metadata.csv`, a row an image.
 * @param records called twice: for the columns and for the rows; memory does not grow with their number
 */
export async function writeMetadata(path: string, records: () => AsyncIterable<ImageRecord>): Promise<void> {
  const found = new Set<string>();
  for await (const record of records()) for (const column of Object.keys(rowOf(record))) found.add(column);
  const others = [...found].filter((column) => !firstColumns.includes(column)).sort();
  const columns = [...firstColumns, ...others];
  async function* lines(): AsyncGenerator<string> {
    let cells: string[][] = [columns];
    for await (const record of records()) {
      const row = rowOf(record);
      cells.push(columns.map((column) => row[column] ?? ''));
      if (cells.length < rowsAtOnce) continue;
      yield csvText(cells);
      cells = [];
    }
    if (cells.length > 0) yield csvText(cells);
  }
  await replaceFileAsync(path, (temporary) =>
    pipeline(Readable.from(lines()), createWriteStream(temporary, { flags: 'wx' })),
  );
}

/** Whom to name, and for how many images: by attribution and by licence. */
export interface Credits {
  attributions: Map<string, number>;
  licences: Map<string, number>;
}

export async function countCredits(records: AsyncIterable<ImageRecord>): Promise<Credits> {
  const credits: Credits = { attributions: new Map(), licences: new Map() };
  const count = (map: Map<string, number>, key: string): void => {
    if (key !== '') map.set(key, (map.get(key) ?? 0) + 1);
  };
  for await (const { attribution, licence } of records) {
    count(credits.attributions, attribution);
    count(credits.licences, licence);
  }
  return credits;
}

/** Those of the most images first, the nameless last, an empty line between: the archive's own order and form. */
export function attributionText(attributions: ReadonlyMap<string, number>): string {
  const isNameless = (name: string): number => (name === 'Anonymous' ? 1 : 0);
  return [...attributions]
    .sort(([a, n], [b, m]) => isNameless(a) - isNameless(b) || m - n || (a < b ? -1 : a > b ? 1 : 0))
    .map(([name]) => `${name}\n`)
    .join('\n');
}

/**
 * Writes `licenses/<licence>.txt` for each licence that is not there yet.
 * @returns licences that the archive has no text of
 */
export async function writeLicences(
  dir: string,
  licences: Iterable<string>,
  client: Pick<ArchiveClient, 'licenceText'>,
): Promise<string[]> {
  const missing: string[] = [];
  for (const licence of licences) {
    const path = join(dir, 'licenses', `${licence}.txt`);
    // It names a file: anything else than a short name is none.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$/.test(licence)) missing.push(licence);
    else if (!existsSync(path)) {
      const text = await client.licenceText(licence);
      if (text === null) missing.push(licence);
      else writeFileAtomic(path, text);
    }
  }
  return missing;
}

/** The licences that occur, in one line, the least demanding first as the archive orders them. */
export function licenceLine(licences: Iterable<string>): string {
  const order = ['CC-0', 'CC-BY', 'CC-BY-NC'];
  const rank = (licence: string): number => (order.indexOf(licence) + order.length + 1) % (order.length + 1);
  return [...licences].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)).join(', ');
}
