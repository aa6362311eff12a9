/**
 * `graft data import`: a folder of images, with metadata tables or with a folder a class, becomes a dataset.
 *
 * Nothing is lost silently: every file found and every row read ends up either in the dataset or, by name, in the
 * import report (problems.ts).
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join, posix, relative, resolve, sep } from 'node:path';
import { ConfigError, DataError } from '../errors.js';
import { imageExtensions } from '../image/decode.js';
import { type CreateOptions, createDataset, type ImportReport } from './create.js';
import type { Dataset, Split } from './dataset.js';
import { dicomExtensions } from './dicom/index.js';
import { type DicomImportOptions, withDicom } from './import-dicom.js';
import { listFiles, withoutExtension } from './import-files.js';
import { type Gathered, type GivenTable, itemsFromTables, labelOf } from './import-rows.js';
import { type Problem, problem } from './problems.js';
import { readTable } from './table.js';

export interface ImportOptions
  extends Omit<CreateOptions, 'problems' | 'found' | 'nearDuplicates' | 'knownDuplicates' | 'pairs'>,
    Pick<DicomImportOptions, 'keepIdentifiers' | 'pseudonymKey'> {
  /** The label that is target 1. */
  positive: string;
  /** What all other labels together are called. */
  negative?: string;
  /**
   * Metadata tables (CSV, TSV, JSON, Parquet) or a folder of JSON; relative to the working folder, else to the image
   * folder. With a split in front, as in `test=test.csv`, the table's rows belong to that split.
   */
  metadata?: string | readonly string[];
  /** How the tables are to be read: name or file of a mapping; default: recognised (metadata/). */
  mapping?: string;
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
  /** Column with a given split (train, val, test); default none. */
  splitColumn?: string;
  /** Columns that must be known: rows where one is empty, unknown or other are left out. */
  required?: readonly string[];
  /** Table of pairs of ids that show one picture. */
  knownDuplicates?: string;
  /** Labels to rename or put together: from → to. */
  renameLabels?: Readonly<Record<string, string>>;
  /** Leaves out every other label (after renaming). */
  classes?: readonly string[];
  /** Default: the image folder's name. */
  name?: string;
  licence?: string;
  /** Program and version, for the provenance. */
  importer?: string;
  /** Further provenance, over what the import itself knows. */
  provenance?: Readonly<Record<string, unknown>>;
}

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
  if (((options.metadata ?? []).length === 0) === !options.labelFromFolders)
    throw new ConfigError('give either a metadata table (--metadata) or --label-from-folders');
  const files = listFiles(dir);
  const tables = tablesOf(options.metadata, dir);
  for (const { path } of tables) {
    const own = relative(resolve(dir), resolve(path)).split(sep).join('/');
    files.others = files.others.filter((name) => name !== own && !name.startsWith(`${own}/`));
  }
  if (files.images.length === 0)
    throw new DataError(
      `${dir}: no images (${[...imageExtensions, ...dicomExtensions].join(', ')}) in it or in its folders`,
    );

  const gathered =
    tables.length === 0
      ? itemsFromFolders(dir, files.images, options)
      : await itemsFromTables(dir, files.images, tables, options);
  const dicom = await withDicom(gathered.items, tables.length > 0, options);
  const problems: Problem[] = [
    ...gathered.problems,
    ...files.others.map((file): Problem => problem('not-an-image', { file, detail: 'no image extension' })),
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
        ...options.provenance,
      },
    },
    dicom.items,
    {
      ...options,
      problems: () => [...problems, ...dicom.problems],
      knownDuplicates:
        options.knownDuplicates === undefined ? [] : readPairs(findTable(options.knownDuplicates, dir)),
      found: { files: files.images.length, otherFiles: files.others.length, ...gathered.found },
    },
  );
}

function findTable(metadata: string, dir: string): string {
  if (existsSync(metadata)) return metadata;
  const inside = join(dir, metadata);
  if (existsSync(inside)) return inside;
  throw new ConfigError(`--metadata ${metadata}: no such file, neither here nor in ${dir}`);
}

/** `a.csv` or `test=a.csv`. */
function tablesOf(metadata: ImportOptions['metadata'], dir: string): GivenTable[] {
  const given = metadata === undefined ? [] : typeof metadata === 'string' ? [metadata] : metadata;
  const tables = given.map((text): GivenTable => {
    const [, split, path] = /^(train|val|test)=(.+)$/.exec(text) ?? [];
    return split === undefined
      ? { path: findTable(text, dir) }
      : { path: findTable(path!, dir), split: split as Split };
  });
  if (tables.some(({ split }) => split !== undefined) && tables.some(({ split }) => split === undefined))
    throw new ConfigError('--metadata: either every table names its split (train=…, test=…), or none does');
  return tables;
}

/** Pairs of ids: the first two columns of a table. */
function readPairs(path: string): [string, string][] {
  const { columns, rows } = readTable(path);
  if (columns.length < 2) throw new DataError(`${path}: expected two columns with the ids of each pair`);
  return rows.map(({ cells }) => [cells[columns[0]!]!, cells[columns[1]!]!]);
}

function itemsFromFolders(dir: string, images: readonly string[], options: ImportOptions): Gathered {
  const problems: Problem[] = [];
  const kept: { file: string; label: string }[] = [];
  for (const file of images) {
    const slash = file.indexOf('/');
    const found = labelOf(slash < 0 ? '' : file.slice(0, slash), options);
    if ('label' in found) kept.push({ file, label: found.label });
    else
      problems.push(
        problem(found.kind, {
          id: withoutExtension(file),
          file,
          label: slash < 0 ? '' : file.slice(0, slash),
          detail: slash < 0 ? 'not in a folder that names its class' : found.detail,
        }),
      );
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
      table: '',
      line: 0,
    })),
    problems,
    label: 'folder',
    provenance: {},
    found: {},
  };
}
