/**
 * Who is shown in an image: patients and lesions of a table, one spelling for each, and no person made of the word
 * for a missing one. Joining two spellings costs a little freedom in the split; keeping them apart would leak.
 */

import { type Problem, problem } from '../dataset/problems.js';
import type { MetadataRow } from '../metadata/index.js';
import { columnKey, idKey, isMissing, oneSpelling } from '../table/cell.js';

export interface Groups {
  /** Of the rows of one image, each once. */
  patients(rows: readonly MetadataRow[]): string[];
  lesions(rows: readonly MetadataRow[]): string[];
  problems: Problem[];
}

/** One that has more than this share of the rows, and so many rows, is hardly one. */
const largeShare = 0.25;
const largeRows = 12;

/** Names of columns that tell patients or lesions apart in many tables, as {@link columnKey} gives them. */
const usual = {
  patient:
    /^(patient|pat|subject|subj|person|participant|proband|case|individual)(id|no|nr|num|number|code|name|key)?s?$|^(pid|mrn)$/,
  lesion: /^(lesion|tumou?r|nodule)(id|no|nr|num|number|code|name|key)?$/,
} as const;

/**
 * A column that nobody named, but whose name and repeated values say that it tells patients or lesions apart: not used, it
 * may put one person into several splits.
 * @param asked as the user named the columns; `none` is an answer
 */
export function unusedGroups(
  rows: readonly MetadataRow[],
  columns: readonly string[],
  { used, asked }: { used: readonly (string | undefined)[]; asked: { patient?: string; lesion?: string } },
): Problem[] {
  return (['patient', 'lesion'] as const).flatMap((role) =>
    columns
      .filter((column) => asked[role] === undefined && !used.includes(column))
      .filter((column) => usual[role].test(columnKey(column)))
      .flatMap((column) => {
        const known = rows.map(({ cells }) => cells[column]!).filter((cell) => !isMissing(cell, 'group'));
        const different = new Set(known.map(idKey)).size;
        if (different < 2 || different > mostlyDifferent * known.length) return [];
        const flag = role === 'patient' ? '--patient-column' : '--group-column';
        const detail = `column '${column}' may tell ${role}s apart (${different} values in ${known.length} rows) and is not used, so that one ${role} may be in several splits; say ${flag} '${column}', or ${flag} none`;
        return [problem('group-doubt', { detail })];
      }),
  );
}

/** From this share of different values on, a column joins next to nothing. */
const mostlyDifferent = 0.9;

/**
 * Merged cells of a spreadsheet leave their value in the first row alone, and then every image seems to stand by itself.
 * @param cells as they stand, row by row
 */
function looksMerged(cells: readonly string[]): boolean {
  const known = cells.filter((cell) => !isMissing(cell, 'group'));
  return (
    known.length > 1 &&
    cells[0] === known[0] &&
    cells.length - known.length >= known.length / 2 &&
    new Set(known.map(idKey)).size === known.length
  );
}

export function readGroups(
  rows: readonly MetadataRow[],
  columns: { patient: string | undefined; lesion: string | undefined },
): Groups {
  const problems: Problem[] = [];
  const reader = (column: string | undefined): ((rows: readonly MetadataRow[]) => string[]) => {
    if (column === undefined) return () => [];
    const counts = new Map<string, number>();
    for (const { cells } of rows) counts.set(cells[column]!, (counts.get(cells[column]!) ?? 0) + 1);
    const known = rows.map(({ cells }) => cells[column]!).filter((cell) => !isMissing(cell, 'group'));
    const spelling = oneSpelling(known, { key: idKey });
    const tell = (kind: Problem['kind'], detail: string): void => {
      problems.push(problem(kind, { detail: `${column} ${detail}` }));
    };
    for (const [cell, count] of counts)
      if (cell !== '' && isMissing(cell, 'group'))
        tell('missing-group', `'${cell}' (${count} rows) is taken for missing`);
    for (const { to, from } of spelling.merged)
      for (const other of from)
        tell('group-spelling', `'${other.spelling}' (${other.count} rows) is read as '${to}'`);
    const cells = rows.map((row) => row.cells[column]!);
    if (looksMerged(cells))
      tell(
        'group-doubt',
        `stands in ${known.length} of ${rows.length} rows, a different one in each: if it was written once for several rows (merged cells), fill it down, for now the other rows stand alone`,
      );
    const sizes = new Map<string, number>();
    for (const cell of known) sizes.set(spelling.of(cell), (sizes.get(spelling.of(cell)) ?? 0) + 1);
    for (const [name, count] of sizes)
      if (sizes.size > 2 && count >= largeRows && count > largeShare * rows.length)
        tell(
          'large-group',
          `'${name}' has ${count} of ${rows.length} rows; if that means missing, empty these cells`,
        );
    return (own) => [
      ...new Set(
        own
          .map(({ cells }) => cells[column]!)
          .filter((cell) => !isMissing(cell, 'group'))
          .map(spelling.of),
      ),
    ];
  };
  return { patients: reader(columns.patient), lesions: reader(columns.lesion), problems };
}
