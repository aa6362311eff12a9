/**
 * `graft data import`: a folder of images, with metadata tables or with a folder a class, becomes a dataset.
 *
 * Nothing is lost silently: every file found and every row read ends up either in the dataset or, by name, in the
 * import report (problems.ts).
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ConfigError, DataError, readText } from 'graft-torch/base';
import { requireFree } from '../../base/index.js';
import { imageExtensions, parseIntensity, parsePage } from '../../image/index.js';
import { createDataset } from '../build/create.js';
import type { DatasetItem } from '../build/item.js';
import type { Dataset, Split } from '../dataset/dataset.js';
import { type Problem, problem } from '../dataset/problems.js';
import type { ImportReport } from '../dataset/report.js';
import { dicomExtensions } from '../dicom/index.js';
import { checked } from '../options.js';
import { idKey, plainText } from '../table/cell.js';
import { readTable } from '../table/table.js';
import { withDicom } from './dicom.js';
import { idOf, listFiles } from './files.js';
import { itemsFromFolders } from './folders.js';
import { withIntensity } from './intensity.js';
import { findMasks, maskProblems, withMasks } from './masks.js';
import { type ImportOptions, type ImportSettings, importSchema } from './options.js';
import { type GivenTable, itemsFromTables } from './rows.js';

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
  asked: ImportOptions,
): Promise<{ dataset: Dataset; report: ImportReport }> {
  const options = settled(asked);
  const intensity = parseIntensity(options.intensity);
  const page = options.page === undefined ? undefined : parsePage(options.page);
  if ((options.metadata.length === 0) === !options.labelFromFolders)
    throw new ConfigError('give either a metadata table (--metadata) or --label-from-folders');
  if (options.labelFromFolders) refuseColumns(options);
  const files = listFiles(dir);
  const { images, masks } =
    options.masks === 'pictures' ? { images: files.images, masks: [] } : await findMasks(dir, files.images);
  const tables = tablesOf(options, dir);
  const known =
    options.knownDuplicates === undefined
      ? undefined
      : findTable('--known-duplicates', options.knownDuplicates, dir);
  for (const path of [...tables.map((table) => table.path), ...(known === undefined ? [] : [known])]) {
    const own = relative(resolve(dir), resolve(path)).split(sep).join('/');
    files.others = files.others.filter((name) => name !== own && !name.startsWith(`${own}/`));
  }
  if (files.images.length === 0)
    throw new DataError(
      `${dir}: no images (${[...imageExtensions, ...dicomExtensions].join(', ')}) in it or in its folders`,
    );

  requireFree(out); // before tables and headers are read, which may take long
  const gathered =
    tables.length === 0
      ? itemsFromFolders(dir, images, options)
      : await itemsFromTables({ dir, images, tables }, options);
  const masked = options.masks === 'keep' ? withMasks(dir, gathered.items, masks) : gathered.items;
  const dicom = await withDicom(masked, tables.length > 0, options);
  checkStrata(dicom.items, gathered.strata);
  const pairs =
    known === undefined
      ? { pairs: [], problems: [] }
      : readPairs(
          known,
          dicom.items.map(({ id }) => id),
        );
  const shown = await withIntensity(dicom.items, {
    intensity,
    page,
    onProgress: (done, total) => options.onProgress?.('survey', done, total),
    signal: options.signal,
  });
  const problems: Problem[] = [
    ...gathered.problems,
    ...shown.problems,
    ...maskProblems(masks, options.masks === 'keep' ? masked : []),
    ...files.others.map(
      (file): Problem => problem('not-an-image', { file, detail: 'no picture by name or content' }),
    ),
    ...files.special.map(
      ({ file, what }): Problem => problem('not-an-image', { file, detail: `is ${what}` }),
    ),
  ];
  const folder = resolve(dir);
  const name = options.name ?? basename(basename(folder) === 'images' ? dirname(folder) : folder);
  return createDataset(
    out,
    {
      items: shown.items,
      header: {
        name,
        kind: 'images',
        label: gathered.label,
        positive: options.positive,
        negative: options.negative,
        licence: options.licence,
        intensity: shown.intensity,
        channels: options.channels,
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
    },
    {
      ...options,
      problems: () => [...problems, ...pairs.problems, ...dicom.problems],
      strata: gathered.strata,
      knownDuplicates: pairs.pairs,
      found: {
        files: files.images.length,
        otherFiles: files.others.length,
        ...(masks.length > 0 ? { masks: masks.length } : {}),
        ...gathered.found,
      },
    },
  );
}

/** Options with their defaults, and the key of the pseudonyms as its file has it. */
function settled({
  importer,
  provenance,
  onProgress,
  signal,
  pseudonymKey,
  ...asked
}: ImportOptions): ImportSettings {
  const settings = checked(importSchema, asked);
  const { pseudonymKeyFile: file } = settings;
  return {
    ...settings,
    positive: plainText(settings.positive),
    importer,
    provenance,
    onProgress,
    signal,
    pseudonymKey: pseudonymKey ?? (file === undefined ? undefined : readText(file).trim()),
  };
}

/** @throws ConfigError for what a metadata table alone can serve: without one it would be passed over in silence */
function refuseColumns(options: ImportSettings): void {
  const asked = {
    '--mapping': options.mapping,
    '--id-column': options.idColumn,
    '--label-column': options.labelColumn,
    '--group-column': options.lesionColumn,
    '--patient-column': options.patientColumn === 'none' ? undefined : options.patientColumn,
    '--split-column': options.splitColumn === 'none' ? undefined : options.splitColumn,
    '--require': options.required[0],
  };
  for (const [flag, value] of Object.entries(asked))
    if (value !== undefined)
      throw new ConfigError(`${flag} ${value}: needs a metadata table, not --label-from-folders`);
}

/** @throws ConfigError for a column to stratify by that no item has */
function checkStrata(items: readonly DatasetItem[], strata: readonly string[]): void {
  if (strata.length === 0) return;
  const columns = new Set(items.flatMap((item) => Object.keys(item.extra)));
  for (const column of strata)
    if (items.length > 0 && !columns.has(column))
      throw new ConfigError(
        `--stratify ${column}: there is no such column; there are ${[...columns].join(', ')}`,
      );
}

function findTable(flag: string, table: string, dir: string): string {
  if (existsSync(table)) return table;
  const inside = join(dir, table);
  if (existsSync(inside)) return inside;
  throw new ConfigError(`${flag} ${table}: no such file, neither here nor in ${dir}`);
}

/** `a.csv` or `test=a.csv`. */
function tablesOf({ metadata, splitColumn }: ImportSettings, dir: string): GivenTable[] {
  const given = typeof metadata === 'string' ? [metadata] : metadata;
  const tables = given.map((text): GivenTable => {
    const [, split, path] = /^(train|val|test)=(.+)$/.exec(text) ?? [];
    return split === undefined
      ? { path: findTable('--metadata', text, dir) }
      : { path: findTable('--metadata', path!, dir), split: split as Split };
  });
  if (tables.some(({ split }) => split !== undefined) && splitColumn !== undefined)
    throw new ConfigError(
      `--split-column ${splitColumn}: the tables give the split already (train=…, test=…)`,
    );
  if (tables.some(({ split }) => split !== undefined) && tables.some(({ split }) => split === undefined))
    throw new ConfigError('--metadata: either every table names its split (train=…, test=…), or none does');
  return tables;
}

/**
 * Pairs of images that are known to show one picture: of the first two columns of a table, whose header may be a pair
 * itself. Names go with or without extension, as the images are called or in another spelling.
 * @returns pairs of which both images are here, and a doubt where there is none
 */
function readPairs(path: string, ids: readonly string[]): { pairs: [string, string][]; problems: Problem[] } {
  const { columns, rows } = readTable(path);
  const [first, second] = columns;
  if (first === undefined || second === undefined)
    throw new DataError(`${path}: expected two columns with the ids of each pair`);
  const exact = new Set(ids);
  const alike = new Map(ids.map((id) => [idKey(id), id]));
  const imageOf = (cell: string): string | undefined => {
    const id = idOf(plainText(cell));
    return exact.has(id) ? id : alike.get(idKey(id));
  };
  const pairs: [string, string][] = [];
  for (const [a, b] of [[first, second], ...rows.map(({ cells }) => [cells[first]!, cells[second]!])]) {
    const [one, other] = [imageOf(a!), imageOf(b!)];
    if (one !== undefined && other !== undefined) pairs.push([one, other]);
  }
  const detail = `none of the ${rows.length} pairs of ${basename(path)} names two images that are here: one is for instance '${rows[0]?.cells[first] ?? first}', an image '${ids[0]}'`;
  return { pairs, problems: pairs.length > 0 ? [] : [problem('few-matches', { detail })] };
}
