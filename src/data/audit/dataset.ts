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
} from '../dataset/dataset.js';
import { readTable } from '../table/table.js';
import { known, splitsOf } from './cells.js';
import { recordedPairs, searchPairs } from './near-duplicates.js';
import type { AuditResult } from './result.js';
import { type AuditRow, auditRows } from './rows.js';
import { traitFeatures } from './traits.js';

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
