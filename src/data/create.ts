/**
 * Makes a dataset folder from images whose labels are known: decodes every one, finds duplicates, groups, splits,
 * writes. Built in a hidden folder beside the target, which takes the target's name when everything is on disk: a
 * dataset is there as a whole or not at all.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { link, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { stringify as toYaml } from 'yaml';
import { DataError } from '../errors.js';
import { sha256, syncPath, writeFileAtomic, writeJson } from '../files.js';
import { decodeThumbnail } from '../image/decode.js';
import { alignSizePx } from './align.js';
import {
  type Dataset,
  type DatasetDescription,
  type DatasetRow,
  datasetFile,
  manifestColumns,
  manifestFile,
  openDataset,
  type Split,
  splits,
} from './dataset.js';
import { type DuplicatePair, findDuplicates } from './duplicates.js';
import { assignGroups } from './groups.js';
import { forEachParallel } from './parallel.js';
import { countProblems, nameSome, type Problem, type ProblemKind } from './problems.js';
import { assignSplits, defaultFractions, type Fractions } from './split.js';
import { writeTable } from './table.js';

export const reportFile = 'import-report.json';
const reportTable = 'import-report.csv';

export interface DatasetItem {
  id: string;
  label: string;
  /** Known patients and lesions: images that share one stay in one split. */
  patients: readonly string[];
  lesions: readonly string[];
  extra: Readonly<Record<string, string>>;
  /** A file, or how to make the bytes of one that exists nowhere else (extension with its dot). */
  source: { path: string } | { make: () => Promise<Uint8Array>; extension: string };
  /** What problems call the image. */
  name: string;
  /** Line of the metadata table; 0 where there is none. */
  line: number;
}

/** What the caller decides about a dataset; the rest of the description is counted. */
export type DatasetHeader = Pick<
  DatasetDescription,
  'name' | 'kind' | 'label' | 'positive' | 'licence' | 'provenance' | 'bayesAuc'
> & {
  /** Default: the other class where there are two, else `not <positive>`. */
  negative?: string;
};

export interface CreateOptions {
  /** Default 70 / 15 / 15. */
  fractions?: Fractions;
  /** Decides the split; default 0. */
  seed?: number;
  /** Leaves images out that cannot be decoded, instead of failing. */
  skipUnreadable?: boolean;
  /** `copy` (default), or `link`: hard links where the disk allows it, else symbolic links. */
  images?: 'copy' | 'link';
  /** Looks for near-duplicates; default true. Off for images that are independent by construction. */
  nearDuplicates?: boolean;
  /** What was found wrong before: goes into the report. */
  problems?: readonly Problem[];
  /** Further figures for the report. */
  found?: Readonly<Record<string, number>>;
  onProgress?: CreateProgress;
  signal?: AbortSignal;
}

/** `read`: images decoded; `compare`: images compared with all others. */
export type CreateProgress = (phase: 'read' | 'compare', done: number, total: number) => void;

export interface NamedPair extends Omit<DuplicatePair, 'a' | 'b'> {
  a: string;
  b: string;
}

export interface ImportReport {
  format: 'graft-import-1';
  dataset: string;
  hash: string;
  images: number;
  groups: number;
  /** Images by split and class. */
  splits: Record<Split, Record<string, number>>;
  /** What was looked at: files, rows. */
  found: Record<string, number>;
  counts: Partial<Record<ProblemKind, number>>;
  problems: Problem[];
  duplicates: NamedPair[];
}

/**
 * Writes a dataset folder.
 * @param dir must not exist, or be empty
 * @param items in any order; ids are unique
 * @returns the dataset as opened from disk, and the report that lies in it
 * @throws DataError when the folder is in use, an image cannot be decoded (unless `skipUnreadable`), fewer than two
 * classes remain, or the positive one is not among them; nothing is left behind
 */
export async function createDataset(
  dir: string,
  header: DatasetHeader,
  items: readonly DatasetItem[],
  options: CreateOptions = {},
): Promise<{ dataset: Dataset; report: ImportReport }> {
  const target = resolve(dir);
  checkTarget(dir, target);
  const sorted = [...items].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  checkLabels(sorted, header);
  removeAbandoned(target);
  const building = join(dirname(target), `.${basename(target)}.${process.pid}.importing`);
  mkdirSync(join(building, 'images'), { recursive: true });
  try {
    const report = await build(building, header, sorted, options);
    checkTarget(dir, target);
    renameSync(building, target);
    syncPath(dirname(target));
    return { dataset: openDataset(dir), report };
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    throw error;
  }
}

/** @throws DataError when there is something at the target already */
function checkTarget(dir: string, target: string): void {
  const stat = statSync(target, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory()) throw new DataError(`${dir} is a file; give another folder with --out`);
  if (readdirSync(target).length === 0) return;
  throw new DataError(
    existsSync(join(target, datasetFile))
      ? `${dir} is a dataset already; remove it first, or give another folder with --out`
      : `${dir} is not empty; give another folder with --out`,
  );
}

/** Removes what imports to the same target left when they were killed; one that still runs is let be. */
function removeAbandoned(target: string): void {
  const parent = dirname(target);
  if (!existsSync(parent)) return;
  const prefix = `.${basename(target)}.`;
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix) || !/^\d+\.importing$/.test(name.slice(prefix.length))) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (!isRunning(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function checkLabels(items: readonly DatasetItem[], header: DatasetHeader): void {
  const labels = new Map<string, number>();
  for (const { label } of items) labels.set(label, (labels.get(label) ?? 0) + 1);
  const found = [...labels].map(([label, n]) => `${label} (${n})`).join(', ') || 'none';
  if (!labels.has(header.positive))
    throw new DataError(
      `no image has the label '${header.positive}'; labels found: ${found}; name one with --positive`,
    );
  if (labels.size < 2)
    throw new DataError(`all images have the label '${header.positive}'; a classifier needs a second class`);
}

interface Read {
  item: DatasetItem;
  file: string;
  sha256: string;
  width: number;
  height: number;
}

async function build(
  dir: string,
  header: DatasetHeader,
  items: readonly DatasetItem[],
  options: CreateOptions,
): Promise<ImportReport> {
  const { seed = 0, fractions = defaultFractions } = options;
  const problems = [...(options.problems ?? [])];
  const { read, thumbnails, unreadable } = await readAll(dir, items, options);
  if (unreadable.length > 0 && !options.skipUnreadable) {
    const [first] = unreadable;
    throw new DataError(
      `${unreadable.length} of ${items.length} images cannot be decoded: ${nameSome(
        unreadable.map(({ file }) => file),
        20,
      )} (${first!.detail}); repair or remove them, or leave them out with --skip-unreadable`,
    );
  }
  problems.push(...unreadable);
  const used = read.map(({ item }) => item);
  checkLabels(used, header);

  const pairs = await findDuplicates(
    read.map((one) => one.sha256),
    thumbnails,
    {
      near: options.nearDuplicates ?? true,
      onProgress: (done, total) => options.onProgress?.('compare', done, total),
      signal: options.signal,
    },
  );
  for (const { a, b, kind } of pairs)
    if (used[a]!.label !== used[b]!.label)
      problems.push({
        kind: 'label-conflict',
        id: used[b]!.id,
        file: used[b]!.name,
        line: used[b]!.line,
        detail: `${kind} duplicate of ${used[a]!.id} (${used[a]!.label}), but labelled ${used[b]!.label}; both are kept, in one group`,
      });

  const groups = assignGroups(used, pairs);
  const labelled = used.map((item, i) => ({ group: groups[i]!, label: item.label }));
  const assigned = assignSplits(labelled, fractions, seed);
  const rows = read.map(
    ({ item, file, sha256: hash, width, height }, i): DatasetRow => ({
      id: item.id,
      file,
      label: item.label,
      group: groups[i]!,
      split: assigned[i]!,
      sha256: hash,
      width,
      height,
      extra: { ...item.extra },
    }),
  );

  const classes = [...new Set(rows.map((row) => row.label))].sort();
  const bySplit = Object.fromEntries(
    splits.map((split) => [
      split,
      Object.fromEntries(
        classes.map((label) => [
          label,
          rows.filter((row) => row.split === split && row.label === label).length,
        ]),
      ),
    ]),
  ) as Record<Split, Record<string, number>>;
  for (const split of splits)
    for (const label of classes)
      if (fractions[split] > 0 && bySplit[split][label] === 0)
        problems.push({
          kind: 'empty-class',
          id: '',
          file: '',
          line: 0,
          detail: `no image of ${label} in ${split}: too few groups of it`,
        });

  const other = classes.find((label) => label !== header.positive)!;
  const description: DatasetDescription = {
    format: 'graft-dataset-1',
    name: header.name,
    kind: header.kind,
    label: header.label,
    classes,
    positive: header.positive,
    negative: header.negative ?? (classes.length === 2 ? other : `not ${header.positive}`),
    groupedBy: used.some((item) => item.patients.length > 0)
      ? 'patient'
      : used.some((item) => item.lesions.length > 0)
        ? 'lesion'
        : 'image',
    licence: header.licence,
    seed,
    fractions,
    counts: {
      images: rows.length,
      groups: new Set(groups).size,
      ...bySplit,
      exactDuplicates: pairs.filter((pair) => pair.kind === 'exact').length,
      nearDuplicates: pairs.filter((pair) => pair.kind === 'near').length,
    },
    ...(header.bayesAuc === undefined ? {} : { bayesAuc: header.bayesAuc }),
    provenance: header.provenance,
  };
  writeManifest(dir, rows);
  writeFileAtomic(join(dir, datasetFile), toYaml(description));
  const { hash } = openDataset(dir);
  const report: ImportReport = {
    format: 'graft-import-1',
    dataset: header.name,
    hash,
    images: rows.length,
    groups: description.counts.groups,
    splits: bySplit,
    found: { ...options.found },
    counts: countProblems(problems),
    problems,
    duplicates: pairs.map(({ a, b, ...pair }) => ({ ...pair, a: used[a]!.id, b: used[b]!.id })),
  };
  writeJson(join(dir, reportFile), report);
  writeTable(
    join(dir, reportTable),
    ['kind', 'id', 'file', 'line', 'detail'],
    problems.map((problem) => ({ ...problem })),
  );
  return report;
}

function writeManifest(dir: string, rows: readonly DatasetRow[]): void {
  const extraColumns = [...new Set(rows.flatMap((row) => Object.keys(row.extra)))];
  writeTable(
    join(dir, manifestFile),
    [...manifestColumns, ...extraColumns],
    rows.map(({ extra, ...row }) => ({ ...extra, ...row })),
  );
}

/** Decodes and stores every image; those that cannot be decoded are named and not stored. */
async function readAll(
  dir: string,
  items: readonly DatasetItem[],
  options: CreateOptions,
): Promise<{ read: Read[]; thumbnails: Uint8Array; unreadable: Problem[] }> {
  const area = alignSizePx * alignSizePx;
  const thumbnails = new Uint8Array(items.length * area);
  const read: (Read | undefined)[] = new Array(items.length).fill(undefined);
  const unreadable: (Problem | undefined)[] = new Array(items.length).fill(undefined);
  const files = fileNames(items);
  let done = 0;
  options.onProgress?.('read', 0, items.length);
  await forEachParallel(
    items.length,
    async (i) => {
      const item = items[i]!;
      const { id, name, line, source } = item;
      try {
        const bytes = 'make' in source ? await source.make() : await readFile(source.path);
        const { grey, width, height } = await decodeThumbnail(bytes, alignSizePx, name);
        thumbnails.set(grey, i * area);
        await store(bytes, source, join(dir, files[i]!), options.images ?? 'copy');
        read[i] = { item, file: files[i]!, sha256: sha256(bytes), width, height };
      } catch (error) {
        // Anything else (a full disk, a missing permission on the target) is no fault of the image.
        if (!(error instanceof DataError) && !isReadError(error, source)) throw error;
        const detail = (error as Error).message.replace(/^.*cannot be decoded as an image \((.*)\)$/s, '$1');
        unreadable[i] = { kind: 'unreadable-image', id, file: name, line, detail };
      }
      options.onProgress?.('read', ++done, items.length);
    },
    { signal: options.signal },
  );
  // Thumbnails of unreadable images are closed up, so that they keep step with `read`.
  const kept = [...read.keys()].filter((i) => read[i]);
  kept.forEach((from, to) => {
    thumbnails.copyWithin(to * area, from * area, (from + 1) * area);
  });
  return {
    read: kept.map((i) => read[i]!),
    thumbnails: thumbnails.subarray(0, kept.length * area),
    unreadable: unreadable.filter((problem) => problem !== undefined),
  };
}

function isReadError(error: unknown, source: DatasetItem['source']): boolean {
  const { syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  return 'path' in source && (path === source.path || syscall === 'read') && typeof syscall === 'string';
}

/** `images/<id>.<extension>`, with what file systems dislike replaced, and told apart where that makes two alike. */
function fileNames(items: readonly DatasetItem[]): string[] {
  const taken = new Set<string>();
  return items.map(({ id, source }) => {
    const extension = ('path' in source ? extname(source.path) : source.extension).toLowerCase();
    const safe = id
      .replace(/[^\p{L}\p{N}._-]+/gu, '_')
      .replace(/^\./, '_')
      .slice(0, 150);
    let name = `${safe}${extension}`;
    while (taken.has(name.toLowerCase())) name = `${safe}-${sha256(id + name).slice(0, 8)}${extension}`;
    taken.add(name.toLowerCase());
    return `images/${name}`;
  });
}

async function store(
  bytes: Uint8Array,
  source: DatasetItem['source'],
  path: string,
  mode: 'copy' | 'link',
): Promise<void> {
  if (mode === 'copy' || !('path' in source)) return writeFile(path, bytes, { flag: 'wx' });
  const original = resolve(source.path);
  try {
    await link(original, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error;
    await symlink(original, path);
  }
}
