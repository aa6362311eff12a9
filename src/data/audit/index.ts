/**
 * `graft data audit`: what a reviewer asks of a data set. Do its splits share patients, lesions or pictures (leaks), and
 * can the label be told from anything but the lesion (confounds)? docs/audit.md has the method.
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ConfigError, DataError, readText } from 'graft-torch/base';
import { parseYaml } from '../../base/yaml/index.js';
import {
  type Dataset,
  type DatasetDescription,
  datasetFile,
  manifestColumns,
  manifestFile,
  splits,
} from '../dataset/dataset.js';
import { assignGroups } from '../dataset/groups.js';
import { type Metadata, type MetadataRow, readMetadata } from '../metadata/index.js';
import { chosenName, columnKey, idKey, isMissing, labelKey, oneSpelling, plainText } from '../table/cell.js';
import { readTable } from '../table/table.js';
import { recordedPairs, searchPairs } from './near-duplicates.js';
import type { AuditResult } from './result.js';
import { type AuditInput, type AuditRow, auditRows } from './rows.js';
import { traitFeatures } from './traits.js';

export type { AuditResult, Confound, Leak, LeakKind } from './result.js';

export interface AuditOptions {
  /** Decides folds and permutations; default 0. */
  seed?: number;
  /** Measures brightness, hair and the like in the images; default true. */
  pixels?: boolean;
  /** Searches for near-duplicates anew, instead of taking those of the import. */
  recompute?: boolean;
  /** Metadata column with another split of the same images, to be audited in place of the dataset's own. */
  splitColumn?: string;
  /** Work done so far, in images, of the whole. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** What a phantom's class is made of (docs/phantoms.md): the lesion itself, not a confound. */
const phantomSignal =
  /^(asymmetry|border|colour|diameter|latent_(asymmetry|border|colour|diameter)|bayes_probability)$/;

/**
 * Audits a dataset: its metadata, its files, the pixels of its images.
 * @throws ConfigError for a split column that is not there; DataError naming an image that cannot be read
 */
export async function auditDataset(dataset: Dataset, options: AuditOptions = {}): Promise<AuditResult> {
  const { splitColumn, recompute, signal } = options;
  const columns = Object.keys(dataset.rows[0]?.extra ?? {});
  if (splitColumn !== undefined && !columns.includes(splitColumn))
    throw new ConfigError(
      `--split-column ${splitColumn}: no such metadata column in ${dataset.dir}; there are ${columns.join(', ')}`,
    );
  const passes = recompute ? 3 : 1;
  const total = passes * dataset.rows.length;
  const traits = await traitFeatures(dataset, {
    pixels: options.pixels ?? true,
    onProgress: (done) => options.onProgress?.(done, total),
    signal,
  });
  const recorded = recompute
    ? await searchPairs(dataset, {
        onProgress: (done) => options.onProgress?.(dataset.rows.length + done, total),
        signal,
      })
    : recordedPairs(dataset.dir);
  const from = columnsOf(dataset);
  const rows = dataset.rows.map((row) => ({
    ...auditRow({ ...row, cells: row.extra }, from),
    split: splitColumn === undefined ? row.split : row.extra[splitColumn]! || '(none)',
  }));
  return auditRows(
    {
      name: dataset.name,
      hash: dataset.hash,
      rows,
      splits: splitsOf(rows),
      pairs: recorded ?? [],
      positive: dataset.positive,
      columns,
      roles: {
        identifiers: [from.patient, from.lesion, from.id].filter((column) => column !== undefined),
        labels: [
          dataset.label,
          ...(dataset.kind === 'phantom' ? columns.filter((column) => phantomSignal.test(column)) : []),
        ],
        splits: ['split', 'source_split', ...(splitColumn === undefined ? [] : [splitColumn])],
      },
      features: traits.features,
      notes: [
        ...(recorded
          ? []
          : ['Near-duplicates are not known: there is no import report. --recompute finds them.']),
        ...traits.notes,
      ],
    },
    options,
  );
}

/**
 * Audits the manifest of a dataset that cannot be opened, for instance because a group is in two splits: what the
 * table says, without a look at the images.
 * @throws DataError when the manifest cannot be read as a table, or lacks id, label or split
 */
export function auditManifest(dir: string, options: Pick<AuditOptions, 'seed'> = {}): AuditResult {
  const path = join(dir, manifestFile);
  const table = readTable(path);
  for (const column of ['id', 'label', 'split'])
    if (!table.columns.includes(column)) throw new DataError(`${path}: column ${column} missing`);
  const description = looseDescription(dir);
  const from = columnsOf(description);
  const columns = table.columns.filter((column) => !(manifestColumns as readonly string[]).includes(column));
  const rows = table.rows.map(({ cells }) =>
    auditRow(
      {
        id: cells.id!,
        label: cells.label!,
        split: cells.split!,
        sha256: cells.sha256 ?? '',
        group: cells.group ?? '',
        cells,
      },
      from,
    ),
  );
  return auditRows(
    {
      name: description.name ?? basename(dir),
      hash: null,
      rows,
      splits: splitsOf(rows),
      pairs: recordedPairs(dir) ?? [],
      positive: rows.some(({ label }) => label === description.positive) ? description.positive : undefined,
      columns,
      roles: {
        identifiers: [from.patient, from.lesion, from.id].filter((column) => column !== undefined),
        labels: description.label === undefined ? [] : [description.label],
        splits: ['source_split'],
      },
      notes: ['Only the manifest was looked at: files and pixels are not among the confounds.'],
    },
    options,
  );
}

type LooseDescription = Partial<Pick<DatasetDescription, 'name' | 'label' | 'positive' | 'provenance'>>;

/** What can be read of `dataset.yaml`; nothing where it is no YAML: that was said when opening the dataset failed. */
function looseDescription(dir: string): LooseDescription {
  const path = join(dir, datasetFile);
  if (!existsSync(path)) return {};
  let raw: unknown;
  try {
    raw = parseYaml(readText(path), path).value;
  } catch {
    return {};
  }
  const { name, label, positive, provenance } = asRecord(raw);
  return {
    name: asText(name),
    label: asText(label),
    positive: asText(positive),
    provenance: asRecord(provenance),
  };
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

interface RoleColumns {
  id?: string;
  patient?: string;
  lesion?: string;
}

/** The columns that the import took patients and lesions from, else those of the usual names. */
function columnsOf({ provenance = {} }: LooseDescription): RoleColumns {
  return {
    id: asText(provenance.idColumn),
    patient: asText(provenance.patientColumn) ?? 'patient_id',
    lesion: asText(provenance.lesionColumn) ?? 'lesion_id',
  };
}

function auditRow(
  row: Pick<AuditRow, 'id' | 'label' | 'split' | 'cells'> & { sha256: string; group: string },
  from: RoleColumns,
): AuditRow {
  const { id, label, split, sha256, group, cells } = row;
  return {
    id,
    label,
    split,
    sha256,
    group,
    patient: known(cells, from.patient),
    lesion: known(cells, from.lesion),
    observation: group || id,
    cells,
  };
}

function known(cells: Readonly<Record<string, string>>, column: string | undefined): string {
  const value = column === undefined ? '' : (cells[column] ?? '');
  return isMissing(value, 'group') ? '' : value;
}

/** The dataset's own splits in their order, then others as they come. */
function splitsOf(rows: readonly { split: string }[]): string[] {
  const present = [...new Set(rows.map(({ split }) => split))];
  return [
    ...splits.filter((split) => present.includes(split)),
    ...present.filter((split) => !(splits as readonly string[]).includes(split)),
  ];
}

export interface AuditTable {
  /** Split of all its rows; left out where a column holds it. */
  split?: string;
  /** Tables that together describe the images: parts of one, or such as the mapping joins. */
  paths: readonly string[];
}

export interface TableAuditOptions extends Pick<AuditOptions, 'seed'> {
  /** Name or path of a mapping (docs/metadata.md); default: recognised. */
  mapping?: string;
  positive?: string;
  /** Columns; default: those of the mapping, else of the usual names. */
  columns?: { id?: string; label?: string; patient?: string; lesion?: string; split?: string };
  /** Pairs of ids that are known to show one picture. */
  pairs?: readonly (readonly [string, string])[];
}

const usualLabels = ['label', 'benign_malignant', 'diagnosis', 'dx', 'target', 'class'];
const usualIds = ['isic_id', 'image_id', 'image_name', 'image', 'id', 'name', 'file', 'filename'];

/**
 * Audits tables without images.
 * @throws ConfigError for a column that is not there, or that must be named; DataError as `readMetadata`
 */
export async function auditTables(
  tables: readonly AuditTable[],
  options: TableAuditOptions = {},
): Promise<AuditResult> {
  const read = [];
  for (const { split, paths } of tables)
    read.push({ split, metadata: await readMetadata(paths, { mapping: options.mapping }) });
  const columns = [...new Set(read.flatMap(({ metadata }) => metadata.columns))];
  const roles = rolesOf(read[0]!.metadata, columns, options);
  for (const { metadata } of read)
    if (!metadata.columns.includes(roles.id))
      throw new ConfigError(
        `${metadata.sources[0]!.path}: no column ${roles.id}, which names the images in ${read[0]!.metadata.sources[0]!.path}; name one that all tables have with --id-column`,
      );
  const found = read.flatMap(({ split, metadata }) =>
    metadata.rows.map((row) => ({ row, split: split ?? splitOf(row, roles.split) })),
  );
  /** A column's names, whatever their spelling: what is spelt otherwise in training and test leaks all the same. */
  const namesOf = (column: string | undefined): ((cells: Record<string, string>) => string) => {
    const own = found.map(({ row: { cells } }) => known(cells, column));
    const spelling = oneSpelling(own.filter(Boolean), { key: idKey });
    return (cells) => spelling.of(known(cells, column));
  };
  const idNames = oneSpelling(
    found.map(({ row }) => row.cells[roles.id]!),
    { key: idKey },
  );
  const [patientOf, lesionOf] = [namesOf(roles.patient), namesOf(roles.lesion)];
  const items = found.map(({ row: { cells } }) => {
    const [patient, lesion] = [patientOf(cells), lesionOf(cells)];
    return {
      id: idNames.of(cells[roles.id]!),
      patients: patient === '' ? [] : [patient],
      lesions: lesion === '' ? [] : [lesion],
    };
  });
  const place = new Map(items.map(({ id }, i) => [id, i]));
  const named = (options.pairs ?? []).map(
    ([a, b]) => [idNames.of(plainText(a)), idNames.of(plainText(b))] as const,
  );
  const pairs = named.filter(([a, b]) => place.has(a) && place.has(b));
  const observations = assignGroups(
    items,
    pairs.map(([a, b]) => ({ a: place.get(a)!, b: place.get(b)! })),
  );
  const labelOf = labelReader(
    roles.label === undefined ? [] : found.map(({ row }) => row.cells[roles.label!] ?? ''),
    options.positive,
  );
  const splitNames = oneSpelling(found.map(({ split }) => split));
  const rows = found.map(({ row: { cells }, split }, i): AuditRow => {
    const { id, patients, lesions } = items[i]!;
    return {
      id,
      split: splitNames.of(split),
      label: labelOf(roles.label === undefined ? '' : (cells[roles.label] ?? '')),
      patient: patients[0],
      lesion: lesions[0],
      observation: observations[i]!,
      cells,
    };
  });
  return auditRows(
    {
      name: tables.flatMap(({ paths }) => paths.map((path) => basename(path))).join(', '),
      hash: null,
      rows,
      splits: splitsOf(rows),
      pairs,
      positive: options.positive,
      columns,
      roles: {
        identifiers: [roles.id, roles.patient, roles.lesion].filter((column) => column !== undefined),
        labels: roles.label === undefined ? [] : [roles.label],
        splits: ['split', 'source_split', ...(roles.split === undefined ? [] : [roles.split])],
      },
      notes: unknownRoles(roles, read[0]!.metadata.mapping),
    } satisfies AuditInput,
    options,
  );
}

/** One spelling for each label, '' for one that is not known; the positive is known, whatever it is called. */
function labelReader(labels: readonly string[], positive: string | undefined): (label: string) => string {
  const named = positive === undefined ? [] : [plainText(positive)];
  const isKnown = (label: string): boolean =>
    named.some((name) => labelKey(name) === labelKey(label)) || !isMissing(label, 'value');
  const spelling = oneSpelling(labels.filter(isKnown), { named });
  return (label) => (isKnown(label) ? spelling.of(label) : '');
}

type TableRoles = Metadata['roles'] & { id: string };

function rolesOf(
  { roles, mapping, rows }: Metadata,
  columns: readonly string[],
  { columns: given = {}, positive }: TableAuditOptions,
): TableRoles {
  for (const [role, column] of Object.entries(given))
    if (column !== undefined && !columns.includes(column))
      throw new ConfigError(
        `--${role === 'lesion' ? 'group' : role}-column ${column}: no such column; there are ${columns.join(', ')}`,
      );
  const usual = (...names: string[]): string | undefined =>
    names.map((name) => chosenName(name, columns, columnKey)).find(Boolean);
  const id = given.id ?? roles.id ?? usual(...usualIds);
  if (id === undefined)
    throw new ConfigError(
      `no column is known to name the images (read as ${mapping}); name one with --id-column (columns: ${columns.join(', ')})`,
    );
  let label = given.label ?? roles.label ?? usual(...usualLabels);
  const holds = (column: string | undefined): boolean =>
    column !== undefined && rows.some(({ cells }) => labelKey(cells[column]!) === labelKey(positive!));
  if (positive !== undefined && given.label === undefined && !holds(label)) {
    const holding = columns.filter(holds);
    if (holding.length === 1) label = holding[0];
  }
  return {
    id,
    label,
    patient: given.patient ?? roles.patient ?? usual('patient_id'),
    lesion: given.lesion ?? roles.lesion ?? usual('lesion_id'),
    split: given.split ?? roles.split,
  };
}

function splitOf(row: MetadataRow, column: string | undefined): string {
  if (column === undefined) return 'all';
  const value = row.cells[column]!;
  if (value === '')
    throw new DataError(
      `${row.file}, line ${row.line}: ${column} is empty; name the split of every row, or another column with --split-column`,
    );
  return value;
}

function unknownRoles({ patient, lesion }: TableRoles, mapping: string): string[] {
  const unknown = [patient ? '' : 'patient', lesion ? '' : 'lesion'].filter((role) => role !== '');
  return unknown.length === 0
    ? []
    : [
        `Read as ${mapping}: no column is known to name the ${unknown.join(' or the ')}, so that such leaks cannot be seen.`,
      ];
}
