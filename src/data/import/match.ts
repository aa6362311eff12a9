/**
 * Which file each row of a table means: by its id as it is written, else in another spelling of it (case, zeros in
 * front, a spreadsheet's `.0`). A file that some row names exactly is no other row's.
 */
import { posix } from 'node:path';
import { DataError } from 'graft-torch/base';
import { nameSome, type Problem, problem } from '../dataset/problems.js';
import type { MetadataRow } from '../metadata/index.js';
import { plainText } from '../table/cell.js';
import type { FileIndex } from './files.js';

export interface Matches {
  /** Files that a row may mean; none, one, or several of one name. */
  files(row: MetadataRow): readonly string[];
  /** Whether the id is not written as the file's name is, so that the image is better called by that. */
  isAlike(row: MetadataRow): boolean;
  problems: Problem[];
}

/** @param idColumn holds the images' names */
export function matchRows(rows: readonly MetadataRow[], idColumn: string, index: FileIndex): Matches {
  const found = new Map<MetadataRow, readonly string[]>();
  const named = new Set<string>();
  for (const row of rows) {
    const files = index.find(row.cells[idColumn]!);
    if (files.length === 0) continue;
    found.set(row, files);
    for (const file of files) named.add(file);
  }
  const problems: Problem[] = [];
  const alike = new Set<MetadataRow>();
  for (const row of rows) {
    if (found.has(row)) continue;
    const id = row.cells[idColumn]!;
    const files = index.findAlike(id).filter((file) => !named.has(file));
    if (files.length === 0) continue;
    found.set(row, files);
    alike.add(row);
    problems.push(
      problem('id-spelling', {
        id,
        file: files[0]!,
        table: posix.basename(row.file),
        line: row.line,
        detail: `no file is called '${id}'; taken for ${files.join(', ')}`,
      }),
    );
  }
  return { files: (row) => found.get(row) ?? [], isAlike: (row) => alike.has(row), problems };
}

/** Both sides, so that what is different about them is seen. */
export interface Unmet {
  /** Where the rows are from, and the folder, for messages. */
  paths: string;
  dir: string;
  idColumn: string;
  /** Ids that no file has, of so many; files that no row names, of so many. */
  ids: readonly string[];
  rows: number;
  files: readonly string[];
  images: number;
}

/** Text of an error or doubt: what was looked for, and what is there. */
const bothSides = ({ idColumn, ids, files }: Unmet): string =>
  `${idColumn} is for instance ${nameSome(ids.slice(0, 3).map((id) => `'${id}'`))}, a file ${nameSome(files.slice(0, 3))}`;

/**
 * Few matches are as loud as none. Most rows without a file and most files without a row at once mean that the ids
 * are written in another way, and what does match may well be wrong.
 * @param options.partial the user says that it is so
 * @returns a doubt where more than a tenth of both sides do not meet
 * @throws DataError where nothing matches, or less than half on either side, with ids and names of both
 */
export function checkMatches(unmet: Unmet, options: { partial?: boolean }): Problem[] {
  const { paths, dir, idColumn, ids, rows, files, images } = unmet;
  if (rows === 0 || ids.length === 0 || files.length === 0) return [];
  if (ids.length === rows)
    throw new DataError(
      `no row of ${paths} matches an image in ${dir}: ${bothSides(unmet)}; name the right column with --id-column`,
    );
  const told = `${ids.length} of ${rows} rows meet no image and ${files.length} of ${images} images no row: ${bothSides(unmet)}`;
  if (2 * ids.length > rows && 2 * files.length > images && !options.partial)
    throw new DataError(
      `${paths}: ${told}; correct ${idColumn} or name another column with --id-column, or say with --partial that only these belong together`,
    );
  return 10 * ids.length > rows && 10 * files.length > images
    ? [problem('few-matches', { detail: told })]
    : [];
}

/**
 * @throws DataError where the first line of a table is no header but names an image, as no other row does: its image
 * would be lost, and the columns be called after it
 */
export function refuseHeaderless(
  paths: string,
  columns: readonly string[],
  { rows, index }: { rows: readonly MetadataRow[]; index: FileIndex },
): void {
  for (const column of columns) {
    const files = index.find(plainText(column));
    if (files.length === 0) continue;
    const named = new Set(rows.flatMap(({ cells }) => index.find(cells[column]!)));
    if (named.size === 0 || files.some((file) => named.has(file))) continue;
    throw new DataError(
      `${paths}: has no header: its first line names the image ${files[0]}; put a line with the columns' names before it, such as image,label`,
    );
  }
  refuseTitle(paths, columns, { rows, index });
}

/**
 * A title, or a first row of merged headings, is no header: half of its cells are empty, the next line holds words that name
 * no image, and some line after it names one. Columns would be called after it, and a patient's be passed over.
 */
function refuseTitle(
  paths: string,
  columns: readonly string[],
  { rows, index }: { rows: readonly MetadataRow[]; index: FileIndex },
): void {
  const nameless = columns.filter((column, i) => column === `column_${i + 1}`);
  const [first, ...others] = rows;
  if (!first || 2 * nameless.length < columns.length) return;
  const words = columns.map((column) => first.cells[column]!).filter((cell) => cell !== '');
  const isHeader =
    words.length > 1 &&
    new Set(words).size === words.length &&
    words.every((word) => /\p{L}/u.test(word) && index.find(word).length === 0);
  const names = ({ cells }: MetadataRow): boolean =>
    columns.some((column) => index.find(cells[column]!).length > 0);
  if (isHeader && others.some(names))
    throw new DataError(
      `${paths}: the header seems to be on line ${first.line} (${nameSome(words)}), below a title or merged cells; delete what stands above it`,
    );
}
