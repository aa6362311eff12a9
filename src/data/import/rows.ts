/** The rows of an import: which image each row of the metadata means, its label, and why it is left out if it is. */
import { dirname, join, posix, resolve } from 'node:path';
import { DataError } from 'graft-torch/base';
import type { DatasetItem } from '../build/item.js';
import { manifestColumns, type Split } from '../dataset/dataset.js';
import { nameSome, type Problem, type ProblemKind, problem } from '../dataset/problems.js';
import { splitNamed, splitNames } from '../dataset/split-names.js';
import { type MetadataRow, readMetadata } from '../metadata/index.js';
import { chosenName, columnKey, isMissing } from '../table/cell.js';
import { type Columns, chooseColumns } from './columns.js';
import { instancesIn, isUid } from './dicom.js';
import { contentOf, FileIndex, idOf, shortestUnique, withoutExtension } from './files.js';
import type { Gathered } from './gathered.js';
import { readGroups, unusedGroups } from './groups.js';
import { readLabels } from './labels.js';
import { checkMatches, matchRows, refuseHeaderless } from './match.js';
import type { ImportSettings } from './options.js';

/** A metadata table, and the split of its rows where the table decides it. */
export interface GivenTable {
  path: string;
  split?: Split;
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
    if (isMissing(value, 'required')) return `${column} is '${value}'`;
  }
  return undefined;
}

/** The images of an import that tables describe. */
export async function itemsFromTables(
  { dir, images, tables }: { dir: string; images: readonly string[]; tables: readonly GivenTable[] },
  options: ImportSettings,
): Promise<Gathered> {
  const table = await readMetadata(
    tables.map(({ path }) => path),
    { mapping: options.mapping },
  );
  const paths = tables.map(({ path }) => path).join(', ');
  const uids = new Set(table.rows.flatMap(({ cells }) => Object.values(cells).filter(isUid)));
  const index = new FileIndex(images, uids.size > 0 ? instancesIn(dir, images, uids) : undefined);
  if (options.idColumn === undefined) refuseHeaderless(paths, table.columns, { rows: table.rows, index });
  const columns = chooseColumns(paths, table, { index, options });
  const readLabel = readLabels(
    table.rows.map((row) => row.cells[columns.label]!),
    'table',
    options,
  );
  const matches = matchRows(table.rows, columns.id, index);
  const names = extraNames(table.columns);
  const people = readGroups(table.rows, columns);
  const problems: Problem[] = [
    ...readLabel.problems,
    ...people.problems,
    ...unusedGroups(table.rows, table.columns, {
      used: Object.values(columns),
      asked: {
        patient: columns.patient ?? options.patientColumn,
        lesion: columns.lesion ?? options.lesionColumn,
      },
    }),
    ...matches.problems,
    ...(table.changed ?? []).map((detail) => problem('odd-cells', { detail })),
  ];
  const givenSplit = splitReader(tables, columns);

  const labels = new Map<MetadataRow, string>();
  const leave = (
    kind: ProblemKind,
    row: MetadataRow,
    { file = '', detail }: { file?: string | undefined; detail: string },
  ): void => {
    const id = withoutExtension(row.cells[columns.id]!);
    const label = labels.get(row) ?? row.cells[columns.label]!;
    problems.push(
      problem(kind, { id, file, table: posix.basename(row.file), line: row.line, label, detail }),
    );
  };

  const required = options.required.map((column) => chosenName(column, table.columns, columnKey)!);
  /** Rows by the image they mean, or by their id where there is none. */
  const usable = new Map<string, MetadataRow[]>();
  const mentioned = new Set<string>(); // files of rows that were left out
  for (const row of table.rows) {
    const rawId = row.cells[columns.id]!;
    const id = idOf(rawId);
    if (id === '') {
      leave('missing-id', row, { detail: `${columns.id} is empty` });
      continue;
    }
    const files = matches.files(row);
    const found = readLabel.of(row.cells[columns.label]!);
    const missing = missingValue(row, required);
    if (!('label' in found)) leave(found.kind, row, { file: files[0], detail: found.detail });
    else if (missing !== undefined) leave('missing-value', row, { file: files[0], detail: missing });
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
    const files = matches.files(first);
    const id = matches.isAlike(first)
      ? withoutExtension(posix.basename(files[0]!))
      : idOf(first.cells[columns.id]!);
    if (rows.some((row) => labels.get(row) !== label)) {
      const all = nameSome(rows.map((row) => `${labels.get(row)} on line ${row.line}`));
      for (const row of rows) leave('conflicting-id', row, { file: files[0], detail: all });
      for (const file of files) mentioned.add(file);
      continue;
    }
    for (const row of rows.slice(1))
      leave('duplicate-id', row, {
        file: files[0],
        detail: `same image and label as line ${first.line}, which was used`,
      });
    if (files.length === 0) {
      leave('row-without-file', first, { detail: `no image named ${id}` });
      continue;
    }
    const contents = files.length === 1 ? 1 : new Set(files.map((file) => contentOf(join(dir, file)))).size;
    if (contents > 1) {
      leave('ambiguous-file', first, {
        file: files[0],
        detail: `${files.length} files that differ bear this name: ${files.join(', ')}; keep one, or give paths in ${columns.id}`,
      });
      for (const file of files) mentioned.add(file);
      continue;
    }
    for (const file of files) claimed.add(file);
    for (const file of files.slice(1))
      problems.push(problem('duplicate-file', { id, file, label, detail: `same bytes as ${files[0]}` }));
    forms.push([id, withoutExtension(files[0]!), files[0]!]); // x.png and x.jpg may both be asked for
    items.push({
      id,
      label,
      patients: people.patients(rows),
      lesions: people.lesions(rows),
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
  const unmetRows = table.rows.filter(
    (row) => idOf(row.cells[columns.id]!) !== '' && matches.files(row).length === 0,
  );
  problems.push(
    ...checkMatches(
      {
        paths,
        dir,
        idColumn: columns.id,
        ids: unmetRows.map((row) => row.cells[columns.id]!),
        rows: table.rows.length,
        files: images.filter((file) => !claimed.has(file) && !mentioned.has(file)),
        images: images.length,
      },
      options,
    ),
  );
  requireSecondClass(items, problems, options);
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
    strata: options.strata.map((column) => {
      const found = chosenName(column, table.columns, columnKey);
      return found === undefined ? column : names.get(found)!;
    }),
  };
}

/** @throws DataError where all that is left is the positive class, and words that may be the other were taken for missing */
function requireSecondClass(
  items: readonly DatasetItem[],
  problems: readonly Problem[],
  { oneClass, positive }: ImportSettings,
): void {
  const left = [
    ...new Set(problems.filter(({ kind }) => kind === 'unknown-label').map(({ label }) => label)),
  ];
  if (
    oneClass ||
    left.length === 0 ||
    items.length === 0 ||
    new Set(items.map(({ label }) => label)).size > 1
  )
    return;
  throw new DataError(
    `all images have the label '${positive}', for ${nameSome(left.map((label) => `'${label}'`))} ${left.length === 1 ? 'was' : 'were'} taken for not known; keep that as a class with --classes '${[positive, ...left].join(',')}' (for a GAN alone: --one-class)`,
  );
}

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
    const split = splitNamed(value);
    if (split) return split;
    throw new DataError(
      `${row.file}, line ${row.line}: ${columns.split}: '${value}' is no split; expected ${splitNames.join(', ')}`,
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
