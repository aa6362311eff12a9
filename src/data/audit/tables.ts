/** The audit of tables without images. */
import { basename } from 'node:path';
import { ConfigError, DataError } from 'graft-torch/base';
import { assignGroups } from '../dataset/groups.js';
import type { Metadata, MetadataRow } from '../metadata/metadata.js';
import { readMetadata } from '../metadata/read.js';
import { chosenName, columnKey, idKey, isMissing, labelKey, oneSpelling, plainText } from '../table/cell.js';
import { known, splitsOf } from './cells.js';
import type { AuditOptions } from './dataset.js';
import type { AuditResult } from './result.js';
import { type AuditInput, type AuditRow, auditRows } from './rows.js';

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
