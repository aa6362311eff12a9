/**
 * Nested JSON (ISIC archive, API v1 and v2) as a flat table.
 *
 * A value takes the name of its leaf, as the archive's own CSVs have it: `meta.clinical.age_approx` becomes
 * `age_approx`. Where two leaves bear one name, each of them takes its dotted path instead: `name` and
 * `dataset.name`, `files.full.url` and `files.thumbnail_256.url`.
 */

/**
 * One record, flat.
 * @returns column → text; `null` becomes '', an empty object leaves no column, lists stay JSON text, booleans are
 * `true` and `false`
 */
export function flattenRecord(record: object): Record<string, string> {
  const { columns, rows } = flattenRecords([record]);
  return Object.fromEntries(columns.map((column, i) => [column, rows[0]![i]!]));
}

/**
 * Many records as one table: a column has one name in all of them, also where only some records have the clash.
 * @returns columns in the order in which they first occur; rows with a text for every column, '' where the record
 * has none
 */
export function flattenRecords(records: Iterable<object>): { columns: string[]; rows: string[][] } {
  // Texts are kept by the number of their path: a Map for each of 70,000 records would take ten times the memory.
  const paths = new Map<string, { index: number; leaf: string }>();
  const rows: string[][] = [];
  const visit = (value: unknown, leaf: string, path: string): void => {
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      for (const key of Object.keys(value))
        visit((value as Record<string, unknown>)[key], key, path === '' ? key : `${path}.${key}`);
      return;
    }
    let known = paths.get(path);
    if (!known) {
      known = { index: paths.size, leaf };
      paths.set(path, known);
    }
    rows.at(-1)![known.index] = textOf(value);
  };
  for (const record of records) {
    rows.push([]);
    visit(record, '', '');
  }
  for (const row of rows) for (let i = 0; i < paths.size; i++) row[i] ??= '';
  return { columns: nameLeaves(paths), rows };
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Columns' names. A key may hold dots itself: what is still alike then is numbered, so that nothing is lost. */
function nameLeaves(paths: ReadonlyMap<string, { leaf: string }>): string[] {
  const uses = new Map<string, number>();
  for (const { leaf } of paths.values()) uses.set(leaf, (uses.get(leaf) ?? 0) + 1);
  const taken = new Set<string>();
  return [...paths].map(([path, { leaf }]) => {
    const name = uses.get(leaf) === 1 ? leaf : path;
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name}_${n}`;
    taken.add(unique);
    return unique;
  });
}
