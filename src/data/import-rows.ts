/** The rows of an import: which image each row of the metadata means, its label, and why it is left out if it is. */
import { dirname, join, posix, resolve } from 'node:path';
import { ConfigError, DataError } from '../errors.js';
import type { DatasetItem } from './create.js';
import { manifestColumns, type Split } from './dataset.js';
import type { ImportOptions } from './import.js';
import { contentOf, FileIndex, shortestUnique, withoutExtension } from './import-files.js';
import { type Metadata, type MetadataRow, readMetadata } from './metadata/index.js';
import { nameSome, type Problem, type ProblemKind, problem } from './problems.js';

export interface Gathered {
  items: DatasetItem[];
  problems: Problem[];
  /** Column, or `folder`. */
  label: string;
  provenance: Record<string, unknown>;
  found: Record<string, number>;
  /** The columns to share out evenly, by their names in the manifest. */
  strata: string[];
}

/** A metadata table, and the split of its rows where the table decides it. */
export interface GivenTable {
  path: string;
  split?: Split;
}

/** Labels that say that the label is not known. */
const unknownLabels = [
  'unknown',
  'other',
  'undetermined',
  'unk',
  'n/a',
  'na',
  'nan',
  'none',
  'null',
  '?',
  '-',
];

const isUnknown = (value: string): boolean => unknownLabels.includes(value.toLowerCase());

/** The label after renaming, or why there is none. */
export function labelOf(
  raw: string,
  options: ImportOptions,
): { label: string } | { kind: ProblemKind; detail: string } {
  const label = options.renameLabels?.[raw] ?? raw;
  if (label === '') return { kind: 'empty-label', detail: 'the label is empty' };
  if (options.classes?.includes(label) || label === options.positive) return { label };
  if (isUnknown(label))
    return { kind: 'unknown-label', detail: `label '${label}' says that it is not known` };
  if (options.classes)
    return { kind: 'other-class', detail: `label '${label}' is none of ${options.classes.join(', ')}` };
  return { label };
}

/** @throws ConfigError for a label to rename that nothing has: misspelt, its images would stay in another class */
export function checkRenames(raw: readonly string[], { renameLabels = {} }: ImportOptions): void {
  const found = new Set(raw);
  const missing = Object.keys(renameLabels).find((label) => !found.has(label));
  if (missing !== undefined)
    throw new ConfigError(
      `--rename ${missing}=${renameLabels[missing]}: nothing has the label '${missing}'; labels found: ${nameSome([...found].sort())}`,
    );
}

const splitNames: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  test: 'test',
  testing: 'test',
};

interface Columns {
  id: string;
  label: string;
  lesion: string | undefined;
  patient: string | undefined;
  split: string | undefined;
}

function chooseColumns(path: string, table: Metadata, index: FileIndex, options: ImportOptions): Columns {
  const { columns, rows, roles } = table;
  const require = (flag: string, column: string): string => {
    if (columns.includes(column)) return column;
    throw new ConfigError(`${flag} ${column}: ${path} has no such column; it has ${columns.join(', ')}`);
  };
  const optional = (flag: string, given: string | undefined, usual: string): string | undefined => {
    if (given === 'none') return undefined;
    if (given !== undefined) return require(flag, given);
    return columns.includes(usual) ? usual : undefined;
  };

  let id = options.idColumn ?? roles.id;
  if (id === undefined) {
    const matches = columns.map(
      (column) => rows.filter((row) => index.find(row.cells[column]!).length > 0).length,
    );
    const most = Math.max(...matches);
    if (most === 0)
      throw new ConfigError(
        `${path}: no column holds the names of the images; name one with --id-column (columns: ${columns.join(', ')})`,
      );
    id = columns[matches.indexOf(most)]!;
  }
  let label = options.labelColumn;
  if (label === undefined) {
    const holds = (column: string): boolean =>
      rows.some(
        (row) => (options.renameLabels?.[row.cells[column]!] ?? row.cells[column]) === options.positive,
      );
    const holding = roles.label !== undefined && holds(roles.label) ? [roles.label] : columns.filter(holds);
    if (holding.length !== 1)
      throw new ConfigError(
        `${path}: ${holding.length === 0 ? 'no column holds' : `columns ${holding.join(', ')} hold`} '${options.positive}'; name the label's with --label-column (columns: ${columns.join(', ')})`,
      );
    label = holding[0]!;
  }
  for (const column of options.required ?? []) require('--require', column);
  return {
    id: require('--id-column', id),
    label: require('--label-column', label),
    lesion: optional('--group-column', options.lesionColumn, roles.lesion ?? 'lesion_id'),
    patient: optional('--patient-column', options.patientColumn, roles.patient ?? 'patient_id'),
    split: options.splitColumn === undefined ? undefined : require('--split-column', options.splitColumn),
  };
}

/** Names for the metadata columns in the manifest: those that it uses itself get a prefix. */
function extraNames(columns: readonly string[]): Map<string, string> {
  const taken = new Set<string>([...manifestColumns, ...columns]);
  return new Map(
    columns.map((column) => {
      if (!(manifestColumns as readonly string[]).includes(column)) return [column, column];
      let name = `source_${column}`;
      while (taken.has(name)) name = `source_${name}`;
      taken.add(name);
      return [column, name];
    }),
  );
}

/** What is missing in a row that must not be, or nothing. */
function missingValue(row: MetadataRow, required: readonly string[]): string | undefined {
  for (const column of required) {
    const value = row.cells[column]!;
    if (value === '') return `${column} is empty`;
    if (isUnknown(value)) return `${column} is '${value}'`;
  }
  return undefined;
}

export async function itemsFromTables(
  dir: string,
  images: readonly string[],
  tables: readonly GivenTable[],
  options: ImportOptions,
): Promise<Gathered> {
  const table = await readMetadata(
    tables.map(({ path }) => path),
    { mapping: options.mapping },
  );
  const paths = tables.map(({ path }) => path).join(', ');
  const index = new FileIndex(images);
  const columns = chooseColumns(paths, table, index, options);
  const names = extraNames(table.columns);
  checkRenames(
    table.rows.map((row) => row.cells[columns.label]!),
    options,
  );
  const problems: Problem[] = [];
  const givenSplit = splitReader(tables, columns);

  const labels = new Map<MetadataRow, string>();
  const leave = (kind: ProblemKind, row: MetadataRow, file: string, detail: string): void => {
    const id = withoutExtension(row.cells[columns.id]!);
    const label = labels.get(row) ?? row.cells[columns.label]!;
    problems.push(
      problem(kind, { id, file, table: posix.basename(row.file), line: row.line, label, detail }),
    );
  };

  /** Rows by the image they mean, or by their id where there is none. */
  const usable = new Map<string, MetadataRow[]>();
  const mentioned = new Set<string>(); // files of rows that were left out
  for (const row of table.rows) {
    const rawId = row.cells[columns.id]!;
    const id = idOf(rawId);
    if (id === '') {
      leave('missing-id', row, '', `${columns.id} is empty`);
      continue;
    }
    const files = index.find(rawId);
    const found = labelOf(row.cells[columns.label]!, options);
    const missing = missingValue(row, options.required ?? []);
    if (!('label' in found)) leave(found.kind, row, files[0] ?? '', found.detail);
    else if (missing !== undefined) leave('missing-value', row, files[0] ?? '', missing);
    else {
      labels.set(row, found.label);
      const key = files[0] ?? `id:${id}`;
      const same = usable.get(key);
      if (same) same.push(row);
      else usable.set(key, [row]);
      continue;
    }
    for (const file of files) mentioned.add(file);
  }

  const items: DatasetItem[] = [];
  const forms: string[][] = [];
  const claimed = new Set<string>();
  for (const rows of usable.values()) {
    const [first] = rows as [MetadataRow];
    const label = labels.get(first)!;
    const id = idOf(first.cells[columns.id]!);
    const files = index.find(first.cells[columns.id]!);
    if (rows.some((row) => labels.get(row) !== label)) {
      const all = nameSome(rows.map((row) => `${labels.get(row)} on line ${row.line}`));
      for (const row of rows) leave('conflicting-id', row, files[0] ?? '', all);
      for (const file of files) mentioned.add(file);
      continue;
    }
    for (const row of rows.slice(1))
      leave(
        'duplicate-id',
        row,
        files[0] ?? '',
        `same image and label as line ${first.line}, which was used`,
      );
    if (files.length === 0) {
      leave('row-without-file', first, '', `no image named ${id}`);
      continue;
    }
    const contents = files.length === 1 ? 1 : new Set(files.map((file) => contentOf(join(dir, file)))).size;
    if (contents > 1) {
      leave(
        'ambiguous-file',
        first,
        files[0]!,
        `${files.length} files that differ bear this name: ${files.join(', ')}; keep one, or give paths in ${columns.id}`,
      );
      for (const file of files) mentioned.add(file);
      continue;
    }
    for (const file of files) claimed.add(file);
    for (const file of files.slice(1))
      problems.push(problem('duplicate-file', { id, file, label, detail: `same bytes as ${files[0]}` }));
    forms.push([id, withoutExtension(files[0]!), files[0]!]); // x.png and x.jpg may both be asked for
    const values = (column: string | undefined): string[] =>
      column === undefined
        ? []
        : [...new Set(rows.map((row) => row.cells[column]!).filter((value) => value !== ''))];
    items.push({
      id,
      label,
      patients: values(columns.patient),
      lesions: values(columns.lesion),
      extra: Object.fromEntries([...names].map(([column, name]) => [name, first.cells[column]!])),
      source: { path: join(dir, files[0]!) },
      name: files[0]!,
      table: first.file,
      line: first.line,
      ...(givenSplit ? { split: givenSplit(rows) } : {}),
    });
  }
  for (const file of images) {
    if (claimed.has(file)) continue;
    const id = withoutExtension(posix.basename(file));
    problems.push(
      mentioned.has(file)
        ? problem('file-of-unused-row', { id, file, detail: 'its metadata row was left out' })
        : problem('file-without-row', { id, file, detail: `no row of ${columns.id} names it` }),
    );
  }
  if (items.length === 0 && table.rows.length > 0 && claimed.size === 0 && mentioned.size === 0)
    throw new DataError(
      `no row of ${paths} matches an image in ${dir}: ${columns.id} is for instance '${table.rows[0]!.cells[columns.id]}', a file ${images[0]}; name the right column with --id-column`,
    );
  const ids = shortestUnique(forms);
  return {
    items: items.map((item, i) => ({ ...item, id: ids[i]! })),
    problems,
    label: columns.label,
    provenance: {
      metadata: table.sources.map(({ path, ...source }) => ({ path: resolve(path), ...source })),
      mapping: table.mapping,
      idColumn: columns.id,
      labelColumn: columns.label,
      ...(columns.lesion === undefined ? {} : { lesionColumn: columns.lesion }),
      ...(columns.patient === undefined ? {} : { patientColumn: columns.patient }),
      ...(columns.split === undefined ? {} : { splitColumn: columns.split }),
    },
    found: { rows: table.rows.length },
    strata: (options.strata ?? []).map((column) => names.get(column) ?? column),
  };
}

/** What a table calls an image, without extension. */
export const idOf = (raw: string): string => withoutExtension(raw.replace(/\\/g, '/').replace(/^\.\//, ''));

/** How the given split of an image's rows is read, where there is one. */
function splitReader(
  tables: readonly GivenTable[],
  columns: Columns,
): ((rows: readonly MetadataRow[]) => Split) | undefined {
  const ofTable = (row: MetadataRow): Split =>
    tables.find(
      ({ path }) => resolve(row.file) === resolve(path) || dirname(resolve(row.file)) === resolve(path),
    )!.split!;
  const ofColumn = (row: MetadataRow): Split => {
    const value = row.cells[columns.split!]!;
    const split = splitNames[value.toLowerCase()];
    if (split) return split;
    throw new DataError(
      `${row.file}, line ${row.line}: ${columns.split}: '${value}' is no split; expected ${Object.keys(splitNames).join(', ')}`,
    );
  };
  const read = columns.split !== undefined ? ofColumn : tables[0]!.split !== undefined ? ofTable : undefined;
  if (!read) return undefined;
  return (rows) => {
    const [first] = rows as [MetadataRow];
    const split = read(first);
    const other = rows.find((row) => read(row) !== split);
    if (!other) return split;
    throw new DataError(
      `${other.file}, line ${other.line}: the image is in ${read(other)} here and in ${split} in ${first.file}, line ${first.line}; remove one of the rows`,
    );
  };
}
