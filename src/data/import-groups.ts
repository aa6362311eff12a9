/**
 * Who is shown in an image: patients and lesions of a table, one spelling for each, and no person made of the word
 * for a missing one. Joining two spellings costs a little freedom in the split; keeping them apart would leak.
 */
import { idKey, isMissing, oneSpelling } from './cell.js';
import type { MetadataRow } from './metadata/index.js';
import { type Problem, problem } from './problems.js';

export interface Groups {
  /** Of the rows of one image, each once. */
  patients(rows: readonly MetadataRow[]): string[];
  lesions(rows: readonly MetadataRow[]): string[];
  problems: Problem[];
}

/** One that has more than this share of the rows, and so many rows, is hardly one. */
const largeShare = 0.25;
const largeRows = 12;

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
