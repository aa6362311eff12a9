/**
 * A dataset folder: `dataset.yaml` (what it is), `manifest.csv` (a row an image), `images/`, `cache/`,
 * `import-report.json`, `cleaning.csv`. Opening one checks everything that can be checked without decoding images, so that a
 * damaged or hand-edited dataset is refused with the file and row at fault, before anything is trained on it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { DataError, readText, sha256 } from 'graft-torch/base';
import { z } from 'zod';
import { parseYaml } from '../../base/yaml/index.js';
import { type Framing, framingSchema, trainingFraming } from '../../image/index.js';
import { readTable } from '../table/table.js';
import { intensitySchema } from './intensity-range.js';

export const splits = ['train', 'val', 'test'] as const;
export type Split = (typeof splits)[number];

export const datasetFile = 'dataset.yaml';
export const manifestFile = 'manifest.csv';

/** Columns that every manifest begins with; whatever follows is metadata. */
export const manifestColumns = [
  'id',
  'file',
  'label',
  'group',
  'split',
  'sha256',
  'width',
  'height',
] as const;

export interface DatasetRow {
  id: string;
  /** Relative to the dataset folder, with forward slashes. */
  file: string;
  label: string;
  /** Patient, else lesion, else image; near-duplicates share one. No group is in two splits. */
  group: string;
  split: Split;
  /** Of the file's bytes, 64 hex digits. */
  sha256: string;
  /** Of the upright image, in pixels. */
  width: number;
  height: number;
  /** Metadata as it was imported, column by column; empty where missing. */
  extra: Record<string, string>;
}

const count = z.int().nonnegative();
const byClass = z.record(z.string(), count);

/** `dataset.yaml`. */
export const descriptionSchema = z.strictObject({
  format: z.literal('graft-dataset-1'),
  name: z.string().min(1),
  /** `phantom`: procedural images, which no patient stands behind. */
  kind: z.enum(['images', 'phantom']),
  /** Where the label comes from: a metadata column, or `folder`. */
  label: z.string().min(1),
  classes: z.array(z.string().min(1)).min(1),
  /** The class whose detection is at stake: target 1. All others are target 0. */
  positive: z.string().min(1),
  /** What target 0 is called where classes are put together. */
  negative: z.string().min(1),
  /** What a group is, at the most. */
  groupedBy: z.enum(['patient', 'lesion', 'image']),
  licence: z.string(),
  /** Decides the split. */
  seed: z.int().nonnegative(),
  /** `given`: the source's own split; `dealt` (default): by group, in the given fractions. */
  splitBy: z.enum(['dealt', 'given']).optional(),
  /** Metadata columns that were shared out evenly over the splits. */
  strata: z.array(z.string()).optional(),
  fractions: z.strictObject({ train: z.number(), val: z.number(), test: z.number() }),
  counts: z.strictObject({
    images: count,
    groups: count,
    train: byClass,
    val: byClass,
    test: byClass,
    exactDuplicates: count,
    nearDuplicates: count,
  }),
  /** 1: all images are grey, and whatever learns from them takes one channel. Left out: 3. */
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  /** What became of near-duplicates, and the least evidence (near.ts) that made two images one; left out: not known. */
  nearDuplicates: z
    .strictObject({ policy: z.enum(['group', 'remove', 'keep']), evidence: z.number() })
    .optional(),
  /**
   * Which stored values became black and white where files held more than 8-bit pixels: what is shown to a network that
   * learned from these images must be made in the same way. Left out: all are shown as they are.
   */
  intensity: intensitySchema.optional(),
  /** AUC that no classifier can exceed in expectation, where it is known (phantoms). */
  bayesAuc: z.number().min(0.5).max(1).optional(),
  /** How the source's frames became these squares; left out where the images still have their own frames. */
  framing: framingSchema.optional(),
  provenance: z.record(z.string(), z.unknown()),
});

export type DatasetDescription = z.infer<typeof descriptionSchema>;

export interface Dataset extends DatasetDescription {
  /** The folder, as it was given. */
  dir: string;
  rows: DatasetRow[];
  /** SHA-256 over id, sha256, label, group and split of every row, in order: what training depends on. */
  hash: string;
}

const rowSchema = z.object({
  id: z.string().min(1, 'empty'),
  file: z
    .string()
    .min(1, 'empty')
    .refine((file) => !file.startsWith('/') && !file.split('/').includes('..'), 'leaves the dataset folder'),
  label: z.string().min(1, 'empty'),
  group: z.string().min(1, 'empty'),
  split: z.enum(splits, `expected ${splits.join(', ')}`),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
  width: z.coerce.number().int().positive(),
  height: z.coerce.number().int().positive(),
});

/** The content hash of a dataset: see {@link Dataset.hash}. */
export function datasetHash(rows: readonly DatasetRow[]): string {
  return sha256(
    rows.map((row) => JSON.stringify([row.id, row.sha256, row.label, row.group, row.split])).join('\n'),
  );
}

/**
 * Opens and checks a dataset folder.
 * @throws DataError naming the file, and the row where there is one: missing or malformed description or manifest,
 * a row out of range, an id twice, a label that is no class, a group in two splits, an image that is not there
 */
export function openDataset(dir: string): Dataset {
  const description = readDescription(dir);
  const rows = readManifest(dir, description);
  return { ...description, dir, rows, hash: datasetHash(rows) };
}

/** For an image whose bytes are no longer those that a manifest names. */
export const changedError = (path: string): DataError =>
  new DataError(
    `${path}: has changed since the import (SHA-256 differs from the manifest's); import the dataset again`,
  );

/** For files that were sound when they were written. */
const remedy = 'undo the change, or make the dataset anew with `graft data import`';

function readDescription(dir: string): DatasetDescription {
  const path = join(dir, datasetFile);
  let raw: unknown;
  try {
    raw = parseYaml(readText(path), path).value;
  } catch (cause) {
    if (cause instanceof DataError)
      throw new DataError(`${cause.message}; ${dir} is no dataset: make one with \`graft data import\``, {
        cause,
      });
    throw new DataError(`${(cause as Error).message}; ${remedy}`, { cause });
  }
  const parsed = descriptionSchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const key = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
    throw new DataError(`${path}: ${key}${issue.message}; ${remedy}`);
  }
  const { classes, positive } = parsed.data;
  if (!classes.includes(positive))
    throw new DataError(
      `${path}: positive: '${positive}' is none of the classes ${classes.join(', ')}; ${remedy}`,
    );
  return parsed.data;
}

function readManifest(dir: string, description: DatasetDescription): DatasetRow[] {
  const path = join(dir, manifestFile);
  const table = readTable(path);
  const missing = manifestColumns.filter((column) => !table.columns.includes(column));
  if (missing.length > 0) throw new DataError(`${path}: column ${missing.join(', ')} missing; ${remedy}`);
  const extraColumns = table.columns.filter(
    (column) => !(manifestColumns as readonly string[]).includes(column),
  );

  const present = new PresentFiles(dir);
  const firstLine = new Map<string, number>();
  const splitOf = new Map<string, { split: Split; line: number }>();
  const rows = table.rows.map(({ line, cells }): DatasetRow => {
    const fail = (problem: string): never => {
      throw new DataError(`${path}, line ${line}: ${problem}; ${remedy}`);
    };
    const parsed = rowSchema.safeParse(cells);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      const column = issue.path.join('.');
      return fail(`${column} '${cells[column]}': ${issue.message}`);
    }
    const row = parsed.data;
    const before = firstLine.get(row.id);
    if (before !== undefined) fail(`id '${row.id}' is already on line ${before}`);
    firstLine.set(row.id, line);
    if (!description.classes.includes(row.label))
      fail(`label '${row.label}' is none of the classes ${description.classes.join(', ')}`);
    const other = splitOf.get(row.group);
    if (other && other.split !== row.split)
      fail(
        `group '${row.group}' is in ${row.split} here and in ${other.split} on line ${other.line}; a group must not span splits`,
      );
    splitOf.set(row.group, { split: row.split, line });
    if (!present.has(row.file)) fail(`image ${row.file} is missing, or no file`);
    return { ...row, extra: Object.fromEntries(extraColumns.map((column) => [column, cells[column] ?? ''])) };
  });
  if (rows.length !== description.counts.images)
    throw new DataError(
      `${path}: ${rows.length} rows, but ${datasetFile} counts ${description.counts.images} images; the manifest was cut off or edited: ${remedy}`,
    );
  return rows;
}

/** Which files there are, with one listing a folder instead of one question a file. */
class PresentFiles {
  readonly #dir: string;
  readonly #listed = new Map<string, Set<string>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  has(file: string): boolean {
    const folder = dirname(file);
    let names = this.#listed.get(folder);
    if (!names) {
      try {
        const entries = readdirSync(join(this.#dir, folder), { withFileTypes: true });
        // A pipe or a device in an image's place is no image; where a link leads is seen when it is read.
        names = new Set(
          entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map(({ name }) => name),
        );
      } catch {
        names = new Set();
      }
      this.#listed.set(folder, names);
    }
    return names.has(posix.basename(file));
  }
}

/** Channels of a dataset's pixels; older ones, which do not say, have three. */
export const channelsOf = ({ channels = 3 }: Pick<DatasetDescription, 'channels'>): 1 | 3 => channels;

/** Path of a row's image. */
export function imagePath(dataset: { dir: string }, row: DatasetRow): string {
  return join(dataset.dir, row.file);
}

/**
 * How a network that learns from this dataset sees a photograph's frame: as the dataset was brought to squares, else as
 * its images are shown. Pictures that are to be compared with it, or shown to it, are framed the same.
 *
 * @param shown how images that are no squares are cached; default: as for all training
 */
export function framingOf(
  { framing, provenance }: Pick<DatasetDescription, 'framing' | 'provenance'>,
  shown = trainingFraming,
): Framing {
  if (framing) return framing;
  // Datasets prepared before `framing` was written down.
  const { sizePx, fit, kernel } = provenance;
  const prepared = framingSchema.safeParse({ fit, kernel, exact: true });
  return typeof sizePx === 'number' && prepared.success ? prepared.data : shown;
}

/** Whether every image is square, so that no framing changes it. */
export const isSquare = ({ rows }: Pick<Dataset, 'rows'>): boolean =>
  rows.every(({ width, height }) => width === height);

/** How the images of a dataset are to be cached so that a photograph is seen as `wanted`: squares need nothing done. */
export const shownAs = (dataset: Pick<Dataset, 'rows'>, wanted: Framing | null): Framing =>
  wanted === null || isSquare(dataset) ? trainingFraming : wanted;

/** The same of a dataset by its folder, which need not be there any more. */
export const framingOfFolder = (dir: string): Framing =>
  existsSync(join(dir, datasetFile)) ? framingOf(openDataset(dir)) : trainingFraming;
