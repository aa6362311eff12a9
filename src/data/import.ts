/**
 * `graft data import`: a folder of images, with a metadata table or with a folder a class, becomes a dataset.
 *
 * Nothing is lost silently: every file found and every row read ends up either in the dataset or, by name, in the
 * import report (problems.ts).
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, posix, relative, resolve, sep } from 'node:path';
import { ConfigError, DataError } from '../errors.js';
import { sha256 } from '../files.js';
import { imageExtensions } from '../image/decode.js';
import { type CreateOptions, createDataset, type DatasetItem, type ImportReport } from './create.js';
import { type Dataset, manifestColumns } from './dataset.js';
import type { Problem } from './problems.js';
import { readTable, type Table } from './table.js';

export interface ImportOptions extends Omit<CreateOptions, 'problems' | 'found' | 'nearDuplicates'> {
  /** The label that is target 1. */
  positive: string;
  /** What all other labels together are called. */
  negative?: string;
  /** Metadata table; relative to the working folder, else to the image folder. */
  metadata?: string;
  /** The label is the folder's name: DIR/<class>/…; instead of a metadata table. */
  labelFromFolders?: boolean;
  /** Default: the column whose values are the files' names, with or without extension. */
  idColumn?: string;
  /** Default: the only column that holds the positive label. */
  labelColumn?: string;
  /** Images of one lesion; default `lesion_id` where there is such a column; `none` for no column. */
  lesionColumn?: string;
  /** Images of one patient; default `patient_id` where there is such a column; `none` for no column. */
  patientColumn?: string;
  /** Labels to rename or put together: from → to. */
  renameLabels?: Readonly<Record<string, string>>;
  /** Leaves out every other label (after renaming). */
  classes?: readonly string[];
  /** Default: the image folder's name. */
  name?: string;
  licence?: string;
  /** Program and version, for the provenance. */
  importer?: string;
}

/** Labels that say that the label is not known. */
const unknownLabels = ['unknown', 'undetermined', 'n/a', 'na', 'nan', 'none', 'null', '?', '-'];

interface Found {
  /** Relative to the image folder, with forward slashes; sorted by depth, then name. */
  images: string[];
  others: string[];
}

/** Every file below a folder except hidden ones; links are followed, each folder is entered once. */
function listFiles(dir: string): Found {
  const found: Found = { images: [], others: [] };
  const entered = new Set<string>();
  const visit = (folder: string): void => {
    const real = realpathSync(folder);
    if (entered.has(real)) return;
    entered.add(real);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      const isLink = entry.isSymbolicLink();
      if (entry.isDirectory() || (isLink && statSync(path, { throwIfNoEntry: false })?.isDirectory()))
        visit(path);
      else {
        const name = relative(dir, path).split(sep).join('/');
        (isImage(name) ? found.images : found.others).push(name);
      }
    }
  };
  try {
    visit(dir);
  } catch (cause) {
    throw new DataError(`${dir}: cannot be read as a folder (${(cause as Error).message})`, { cause });
  }
  // The shallowest first: where copies bear one name, the one next to the table is used.
  const depth = (name: string): number => name.split('/').length;
  found.images.sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
  found.others.sort();
  return found;
}

const isImage = (name: string): boolean => imageExtensions.includes(extname(name).toLowerCase());

/** `a/b.JPG` → `a/b`; dots that begin no image extension stay. */
const withoutExtension = (name: string): string =>
  isImage(name) ? name.slice(0, name.length - extname(name).length) : name;

/**
 * Imports a folder of images as a dataset.
 * @param dir the images, in any depth of folders
 * @param out dataset folder to make
 * @throws ConfigError for options that do not fit each other or the table; DataError as {@link createDataset}, and
 * when no row matches a file
 */
export async function importDataset(
  dir: string,
  out: string,
  options: ImportOptions,
): Promise<{ dataset: Dataset; report: ImportReport }> {
  if ((options.metadata === undefined) === !options.labelFromFolders)
    throw new ConfigError('give either a metadata table (--metadata) or --label-from-folders');
  const files = listFiles(dir);
  const metadata = options.metadata === undefined ? undefined : findTable(options.metadata, dir);
  if (metadata !== undefined) {
    const own = relative(resolve(dir), resolve(metadata)).split(sep).join('/');
    files.others = files.others.filter((name) => name !== own);
  }
  if (files.images.length === 0)
    throw new DataError(`${dir}: no images (${imageExtensions.join(', ')}) in it or in its folders`);

  const gathered =
    metadata === undefined
      ? itemsFromFolders(dir, files.images, options)
      : itemsFromTable(dir, files.images, metadata, options);
  const problems: Problem[] = [
    ...gathered.problems,
    ...files.others.map(
      (file): Problem => ({ kind: 'not-an-image', id: '', file, line: 0, detail: 'no image extension' }),
    ),
  ];
  const folder = resolve(dir);
  const name = options.name ?? basename(basename(folder) === 'images' ? dirname(folder) : folder);
  return createDataset(
    out,
    {
      name,
      kind: 'images',
      label: gathered.label,
      positive: options.positive,
      negative: options.negative,
      licence: options.licence ?? '',
      provenance: {
        importer: options.importer ?? 'graft data import',
        importedAt: new Date().toISOString(),
        images: folder,
        ...gathered.provenance,
        ...(options.renameLabels ? { renamedLabels: options.renameLabels } : {}),
        ...(options.classes ? { onlyClasses: options.classes } : {}),
      },
    },
    gathered.items,
    {
      ...options,
      problems,
      found: { files: files.images.length, otherFiles: files.others.length, ...gathered.found },
    },
  );
}

interface Gathered {
  items: DatasetItem[];
  problems: Problem[];
  /** Column, or `folder`. */
  label: string;
  provenance: Record<string, unknown>;
  found: Record<string, number>;
}

function findTable(metadata: string, dir: string): string {
  if (existsSync(metadata)) return metadata;
  const inside = join(dir, metadata);
  if (existsSync(inside)) return inside;
  throw new ConfigError(`--metadata ${metadata}: no such file, neither here nor in ${dir}`);
}

/** The label after renaming, or why there is none. */
function labelOf(
  raw: string,
  options: ImportOptions,
): { label: string } | { kind: 'empty-label' | 'unknown-label'; detail: string } {
  const label = options.renameLabels?.[raw] ?? raw;
  if (label === '') return { kind: 'empty-label', detail: 'the label is empty' };
  if (options.classes) {
    if (options.classes.includes(label)) return { label };
    return { kind: 'unknown-label', detail: `label '${label}' is none of ${options.classes.join(', ')}` };
  }
  if (unknownLabels.includes(label.toLowerCase()))
    return { kind: 'unknown-label', detail: `label '${label}' says that it is not known` };
  return { label };
}

function itemsFromFolders(dir: string, images: readonly string[], options: ImportOptions): Gathered {
  const problems: Problem[] = [];
  const kept: { file: string; label: string }[] = [];
  for (const file of images) {
    const slash = file.indexOf('/');
    const found = labelOf(slash < 0 ? '' : file.slice(0, slash), options);
    if ('label' in found) kept.push({ file, label: found.label });
    else
      problems.push({
        kind: found.kind,
        id: withoutExtension(file),
        file,
        line: 0,
        detail: slash < 0 ? 'not in a folder that names its class' : found.detail,
      });
  }
  // The shortest name that is unique: the file's, else with its folders, else with its extension too.
  const forms = kept.map(({ file }) => [
    posix.basename(withoutExtension(file)),
    withoutExtension(file),
    file,
  ]);
  const uses = new Map<string, number>();
  for (const names of forms) for (const name of new Set(names)) uses.set(name, (uses.get(name) ?? 0) + 1);
  return {
    items: kept.map(({ file, label }, i) => ({
      id: forms[i]!.find((name) => uses.get(name) === 1) ?? file,
      label,
      patients: [],
      lesions: [],
      extra: { source_file: file },
      source: { path: join(dir, file) },
      name: file,
      line: 0,
    })),
    problems,
    label: 'folder',
    provenance: {},
    found: {},
  };
}

interface Columns {
  id: string;
  label: string;
  lesion: string | undefined;
  patient: string | undefined;
}

/** Which images a table's id may mean. */
class FileIndex {
  readonly #byName = new Map<string, string[]>();

  constructor(images: readonly string[]) {
    for (const file of images) {
      const short = posix.basename(file);
      for (const name of new Set([file, withoutExtension(file), short, withoutExtension(short)])) {
        const files = this.#byName.get(name);
        if (files) files.push(file);
        else this.#byName.set(name, [file]);
      }
    }
  }

  /** Tried in this order: the path, the path without extension, the file's name, the name without extension. */
  find(id: string): readonly string[] {
    const path = id.replace(/\\/g, '/').replace(/^\.\//, '');
    if (path === '') return [];
    const short = posix.basename(path);
    for (const name of [path, withoutExtension(path), short, withoutExtension(short)]) {
      const files = this.#byName.get(name);
      if (files) return files;
    }
    return [];
  }
}

function chooseColumns(path: string, table: Table, index: FileIndex, options: ImportOptions): Columns {
  const { columns, rows } = table;
  const require = (flag: string, column: string): string => {
    if (columns.includes(column)) return column;
    throw new ConfigError(`${flag} ${column}: ${path} has no such column; it has ${columns.join(', ')}`);
  };
  const optional = (flag: string, given: string | undefined, usual: string): string | undefined => {
    if (given === 'none') return undefined;
    if (given !== undefined) return require(flag, given);
    return columns.includes(usual) ? usual : undefined;
  };

  let id = options.idColumn;
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
    const holding = columns.filter((column) =>
      rows.some(
        (row) => (options.renameLabels?.[row.cells[column]!] ?? row.cells[column]) === options.positive,
      ),
    );
    if (holding.length !== 1)
      throw new ConfigError(
        `${path}: ${holding.length === 0 ? 'no column holds' : `columns ${holding.join(', ')} hold`} '${options.positive}'; name the label's with --label-column (columns: ${columns.join(', ')})`,
      );
    label = holding[0]!;
  }
  return {
    id: require('--id-column', id),
    label: require('--label-column', label),
    lesion: optional('--group-column', options.lesionColumn, 'lesion_id'),
    patient: optional('--patient-column', options.patientColumn, 'patient_id'),
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

function itemsFromTable(
  dir: string,
  images: readonly string[],
  path: string,
  options: ImportOptions,
): Gathered {
  const table = readTable(path);
  const index = new FileIndex(images);
  const columns = chooseColumns(path, table, index, options);
  const names = extraNames(table.columns);
  const problems: Problem[] = [];

  /** Rows by the image they mean, or by their id where there is none. */
  const usable = new Map<string, { id: string; label: string; row: Table['rows'][number] }[]>();
  const mentioned = new Set<string>(); // files of rows that were left out
  for (const row of table.rows) {
    const rawId = row.cells[columns.id]!;
    const id = withoutExtension(rawId.replace(/\\/g, '/').replace(/^\.\//, ''));
    if (id === '') {
      problems.push({
        kind: 'missing-id',
        id: '',
        file: '',
        line: row.line,
        detail: `${columns.id} is empty`,
      });
      continue;
    }
    const files = index.find(rawId);
    const found = labelOf(row.cells[columns.label]!, options);
    if (!('label' in found)) {
      problems.push({ kind: found.kind, id, file: files[0] ?? '', line: row.line, detail: found.detail });
      for (const file of files) mentioned.add(file);
      continue;
    }
    const key = files[0] ?? `id:${id}`;
    const same = usable.get(key);
    if (same) same.push({ id, label: found.label, row });
    else usable.set(key, [{ id, label: found.label, row }]);
  }

  const items: DatasetItem[] = [];
  const claimed = new Set<string>();
  const ids = new Set<string>();
  for (const rows of usable.values()) {
    const [{ id, label, row: first }] = rows as [(typeof rows)[0]];
    const files = index.find(first.cells[columns.id]!);
    if (rows.some((one) => one.label !== label)) {
      const labels = rows.map((one) => `${one.label} on line ${one.row.line}`).join(', ');
      for (const one of rows)
        problems.push({
          kind: 'conflicting-id',
          id,
          file: files[0] ?? '',
          line: one.row.line,
          detail: labels,
        });
      for (const file of files) mentioned.add(file);
      continue;
    }
    for (const one of rows.slice(1))
      problems.push({
        kind: 'duplicate-id',
        id,
        file: files[0] ?? '',
        line: one.row.line,
        detail: `same image and label as line ${first.line}, which was used`,
      });
    if (files.length === 0) {
      problems.push({
        kind: 'row-without-file',
        id,
        file: '',
        line: first.line,
        detail: `no image named ${id}`,
      });
      continue;
    }
    for (const file of files) claimed.add(file);
    const contents = files.length === 1 ? 1 : new Set(files.map((file) => contentOf(join(dir, file)))).size;
    if (contents > 1) {
      for (const file of files)
        problems.push({
          kind: 'ambiguous-file',
          id,
          file,
          line: first.line,
          detail: `${files.length} files that differ bear this name; keep one, or give paths in ${columns.id}`,
        });
      continue;
    }
    for (const file of files.slice(1))
      problems.push({ kind: 'duplicate-file', id, file, line: 0, detail: `same bytes as ${files[0]}` });
    const uniqueId = ids.has(id) ? withoutExtension(files[0]!) : id;
    ids.add(uniqueId);
    const values = (column: string | undefined): string[] =>
      column === undefined
        ? []
        : [...new Set(rows.map((one) => one.row.cells[column]!).filter((value) => value !== ''))];
    items.push({
      id: uniqueId,
      label,
      patients: values(columns.patient),
      lesions: values(columns.lesion),
      extra: Object.fromEntries([...names].map(([column, name]) => [name, first.cells[column]!])),
      source: { path: join(dir, files[0]!) },
      name: files[0]!,
      line: first.line,
    });
  }
  for (const file of images) {
    if (claimed.has(file)) continue;
    const id = withoutExtension(posix.basename(file));
    problems.push(
      mentioned.has(file)
        ? { kind: 'file-of-unused-row', id, file, line: 0, detail: 'its metadata row was left out' }
        : { kind: 'file-without-row', id, file, line: 0, detail: `no row of ${columns.id} names it` },
    );
  }
  if (items.length === 0 && table.rows.length > 0 && claimed.size === 0 && mentioned.size === 0)
    throw new DataError(
      `no row of ${path} matches an image in ${dir}: ${columns.id} is for instance '${table.rows[0]!.cells[columns.id]}', a file ${images[0]}; name the right column with --id-column`,
    );
  return {
    items,
    problems,
    label: columns.label,
    provenance: {
      metadata: resolve(path),
      metadataSha256: contentOf(path),
      idColumn: columns.id,
      labelColumn: columns.label,
      ...(columns.lesion === undefined ? {} : { lesionColumn: columns.lesion }),
      ...(columns.patient === undefined ? {} : { patientColumn: columns.patient }),
    },
    found: { rows: table.rows.length },
  };
}

/** SHA-256 of a file; a file that cannot be read is unlike any other, and decoding names it later. */
function contentOf(path: string): string {
  try {
    return sha256(readFileSync(path));
  } catch {
    return path;
  }
}
