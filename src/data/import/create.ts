/**
 * Makes a dataset folder from images whose labels are known: decodes every one, finds duplicates, groups, splits,
 * writes. A dataset is there as a whole or not at all (`output-folder.ts`).
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, writeFileAtomic, writeJson } from 'graft-torch/base';
import { stringify as toYaml } from 'yaml';
import { makeFolder, requireFree } from '../../base/index.js';
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
} from '../dataset/dataset.js';
import { type ImageMask, storeMasks } from '../dataset/dataset-masks.js';
import { assignGroups } from '../dataset/groups.js';
import {
  byKind,
  countProblems,
  nameSome,
  type Problem,
  type ProblemKind,
  problem,
  problemKinds,
} from '../dataset/problems.js';
import { assignSplits, defaultFractions, type Fractions, strataOf } from '../dataset/split.js';
import type { ContentMaps } from '../duplicates/content.js';
import { type DuplicatePair, findDuplicates } from '../duplicates/duplicates.js';
import { defaultEvidence } from '../duplicates/near.js';
import { joiningPairs, nearDoubts, restingOnPixels } from '../duplicates/near-groups.js';
import { sheetFile, writeNearSheet } from '../duplicates/near-sheet.js';
import {
  cleaningFile,
  type DuplicatePolicy,
  type FlowStage,
  flowOf,
  type NearPolicy,
  receipt,
  removeDuplicates,
  tornGroups,
  writeCleaning,
} from '../prepare/cleaning.js';
import { writeTable } from '../table/table.js';
import { type Placing, readImages } from './read-images.js';

export const reportFile = 'import-report.json';

export interface DatasetItem {
  id: string;
  label: string;
  /** Known patients and lesions: images that share one stay in one split. */
  patients: readonly string[];
  lesions: readonly string[];
  extra: Readonly<Record<string, string>>;
  /** Of an image that was decoded before, its group settled: it is not decoded again; other bytes are refused. */
  known?: Readonly<Pick<DatasetRow, 'sha256' | 'width' | 'height'>>;
  /** Masks that the dataset keeps. */
  masks?: readonly ImageMask[];
  /** A file, or how to make the bytes of a JPEG or PNG file. */
  source:
    | { path: string }
    | {
        make: () => Promise<Uint8Array>;
        /** Of a file that leaves open which of its values are black and white: the values, in a TIFF file. */
        values?: () => Promise<Uint8Array>;
      };
  /** What problems call the image. */
  name: string;
  /** What they call it once it has been read, where its file's name may be a patient's; default `name`. */
  publicName?: string;
  /** The metadata table and the line in it; '' and 0 where there is none. */
  table: string;
  line: number;
  /**
   * Its group, where that is settled already: given for all items or for none; duplicates are then not looked for, and
   * a given split is not completed.
   */
  group?: string;
  /** Its split, where that is given: for all items or for none. */
  split?: Split;
}

/** What the caller decides about a dataset; the rest of the description is counted. */
export type DatasetHeader = Pick<
  DatasetDescription,
  | 'name'
  | 'kind'
  | 'label'
  | 'positive'
  | 'licence'
  | 'provenance'
  | 'bayesAuc'
  | 'intensity'
  | 'channels'
  | 'framing'
> & {
  /** Default: the other class where there are two, else `not <positive>`. */
  negative?: string;
  /** Default: what the items tell. */
  groupedBy?: DatasetDescription['groupedBy'];
  splitBy?: DatasetDescription['splitBy'];
  strata?: readonly string[];
};

export interface CreateOptions {
  /** Default 70 / 15 / 15. */
  fractions?: Fractions;
  /** Decides the split; default 0. */
  seed?: number;
  /** Leaves images out that cannot be decoded, instead of failing. */
  skipUnreadable?: boolean;
  /** Takes images that their decoder complains of, but for those that are cut off: as PNG, and with a warning. */
  acceptWarnings?: boolean;
  /** Default `copy`. */
  images?: Placing;
  /** Looks for near-duplicates; default true. Off for images that are independent by construction. */
  nearDuplicates?: boolean;
  /** What becomes of duplicates; default: exact copies are removed, near-duplicates grouped. */
  duplicates?: { exact?: DuplicatePolicy; near?: NearPolicy };
  /** Least evidence (near.ts) that makes two images near-duplicates. */
  nearEvidence?: number;
  /** Pairs of ids that are known to show one picture: treated as near-duplicates; ids that are not there do no harm. */
  knownDuplicates?: readonly (readonly [string, string])[];
  /** Pairs of duplicates that are known already, for the report of items whose groups are settled. */
  pairs?: readonly NamedPair[];
  /** Metadata columns whose values are shared out evenly over the splits, within each class. */
  strata?: readonly string[];
  /** Groups that a given split tears apart: an error (default), or their images leave the split that is trained on. */
  leaks?: 'refuse' | 'drop';
  /** Allows a dataset of the positive class alone, for a GAN. */
  oneClass?: boolean;
  /** What the source of the items found wrong: goes into the report. Asked for when all images have been read. */
  problems?: () => readonly Problem[];
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
  /** What was left after each reason to leave images out. */
  flow: FlowStage[];
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
  requireFree(dir);
  const sorted = [...items].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  checkLabels(sorted, header, options);
  const report = await makeFolder(dir, (building) => {
    mkdirSync(join(building, 'images'));
    return build(building, header, sorted, options);
  });
  return { dataset: openDataset(dir), report };
}

function checkLabels(
  items: readonly DatasetItem[],
  header: DatasetHeader,
  { oneClass, problems }: CreateOptions,
): void {
  const labels = new Map<string, number>();
  for (const { label } of items) labels.set(label, (labels.get(label) ?? 0) + 1);
  const found = [...labels].map(([label, n]) => `${label} (${n})`).join(', ') || 'none';
  if (!labels.has(header.positive))
    throw new DataError(
      `no image has the label '${header.positive}'; labels found: ${found}${leftOut(problems?.() ?? [])}; name one with --positive`,
    );
  if (labels.size < 2 && !oneClass)
    throw new DataError(
      `all images have the label '${header.positive}'; a classifier needs a second class (for a GAN alone: --one-class)${leftOut(problems?.() ?? [])}`,
    );
}

/** What was left out before any image was read, and what may not be meant: often why a class is missing. */
function leftOut(problems: readonly Problem[]): string {
  const telling = problems.filter(
    ({ kind }) => problemKinds[kind].leaves === 'row' || kind === 'label-doubt',
  );
  const kinds = Object.entries(countProblems(telling)) as [ProblemKind, number][];
  const named = kinds.map(
    ([kind, n]) => `${n} ${problemKinds[kind].text} (${telling.find((one) => one.kind === kind)!.detail})`,
  );
  return named.length > 0 ? `; before that: ${named.join(', ')}` : '';
}

async function build(
  dir: string,
  header: DatasetHeader,
  items: readonly DatasetItem[],
  options: CreateOptions,
): Promise<ImportReport> {
  const { seed = 0, fractions = defaultFractions, strata = [] } = options;
  const { read, contents, unreadable, doubts, grey } = await readImages(dir, items, options);
  const problems = [...(options.problems?.() ?? [])];
  if (unreadable.length > 0 && !options.skipUnreadable) {
    const [first] = unreadable.sort(byKind);
    throw new DataError(
      `${unreadable.length} of ${items.length} images cannot be decoded: ${nameSome(
        unreadable.map(({ file }) => file),
        20,
      )} (${first!.detail}); repair or remove them, leave them out with --skip-unreadable, or take what decodes in spite of its faults with --accept-warnings`,
    );
  }
  problems.push(...unreadable, ...doubts);

  // Groups come before any removal: what is removed still ties its partners together.
  const found = read.map(({ item }) => ({ ...item, name: item.publicName ?? item.name }));
  const settled = found.every((item) => item.group !== undefined);
  const pairs = settled
    ? unnamed(found, options.pairs ?? [])
    : await findPairs(
        found,
        read.map((one) => one.sha256),
        contents,
        options,
      );
  const { exact = 'remove', near = 'group' } = options.duplicates ?? {};
  const joined = joiningPairs(found.length, pairs, near);
  const groups = settled ? found.map((item) => item.group!) : assignGroups(found, joined.joining);
  const duplicates = removeDuplicates(
    read.map(({ width, height }, i) => ({ ...found[i]!, width, height })),
    settled ? [] : joined.joining,
    { exact, near },
  );
  problems.push(...duplicates.problems);
  const { gone } = duplicates;
  if (!settled) {
    const toLookAt = restingOnPixels(found, joined, near);
    // While all images are there: what is removed is to be seen as well.
    await writeNearSheet(
      join(dir, sheetFile),
      near === 'keep' ? [...toLookAt.joining, ...toLookAt.apart] : toLookAt.joining,
      read.map(({ item, file }) => ({ id: item.id, path: join(dir, file) })),
    );
    const doubts = nearDoubts(
      found.map(({ id }) => id),
      toLookAt,
      near,
    );
    problems.push(...doubts);
  }
  for (const { a, b, kind } of pairs)
    if (!gone.has(a) && !gone.has(b) && found[a]!.label !== found[b]!.label)
      problems.push(
        receipt(
          'label-conflict',
          found[b]!,
          `${kind} duplicate of ${found[a]!.id} (${found[a]!.label}), but labelled ${found[b]!.label}; both are kept${near === 'keep' ? '' : ', in one group'}`,
        ),
      );

  let kept = read
    .map((one, i) => ({ ...one, item: found[i]!, group: groups[i]! }))
    .filter((_, i) => !gone.has(i));
  const given = kept.every(({ item }) => item.split !== undefined);
  if (given) {
    const leaks = dropLeaks(kept, options.leaks ?? 'refuse');
    problems.push(...leaks.problems);
    kept = leaks.kept;
  }
  const files = new Set(kept.map(({ file }) => file));
  for (const { file } of read) if (!files.has(file)) rmSync(join(dir, file));
  const used = kept.map(({ item }) => item);
  checkLabels(used, header, { ...options, problems: () => problems });
  await storeMasks(
    dir,
    kept.map(({ file, item }) => ({ file, masks: item.masks ?? [] })),
  );

  const further = strataOf(
    used.map((item) => item.extra),
    strata,
  );
  problems.push(...fineStrata(strata, further));
  const dealt = kept.map(({ item, group }, i) => ({ group, label: item.label, strata: further[i]! }));
  const known = given ? used.map((item) => item.split!) : undefined;
  const assigned = !known
    ? assignSplits(dealt, fractions, seed)
    : settled
      ? known
      : completeSplit(known, dealt, fractions, seed);
  const rows = kept.map(
    ({ item, file, sha256: hash, width, height, group }, i): DatasetRow => ({
      id: item.id,
      file,
      label: item.label,
      group,
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
  const open = splits.filter((split) => fractions[split] > 0).length;
  const whyEmpty = (label: string): string => {
    const own = new Set(rows.filter((row) => row.label === label).map(({ group }) => group)).size;
    if (own < open) return `it has ${own} group${own === 1 ? '' : 's'} only, and there are ${open} splits`;
    if (given && (header.splitBy ?? 'given') === 'given') return 'the given split has none there';
    return `its ${own} groups are all in other splits or folds`;
  };
  for (const split of splits)
    for (const label of classes)
      if (fractions[split] > 0 && bySplit[split][label] === 0)
        problems.push(
          problem('empty-class', { label, detail: `no image of ${label} in ${split}: ${whyEmpty(label)}` }),
        );

  const other = classes.find((label) => label !== header.positive);
  const shared = header.strata ?? strata;
  const description: DatasetDescription = {
    format: 'graft-dataset-1',
    name: header.name,
    kind: header.kind,
    label: header.label,
    classes,
    positive: header.positive,
    negative:
      header.negative ?? (classes.length === 2 && other !== undefined ? other : `not ${header.positive}`),
    groupedBy: header.groupedBy ?? groupedBy(found),
    licence: header.licence,
    seed,
    splitBy: header.splitBy ?? (given ? 'given' : 'dealt'),
    ...(shared.length > 0 ? { strata: [...shared] } : {}),
    fractions,
    counts: {
      images: rows.length,
      groups: new Set(rows.map((row) => row.group)).size,
      ...bySplit,
      exactDuplicates: pairs.filter((pair) => pair.kind === 'exact').length,
      nearDuplicates: pairs.filter((pair) => pair.kind === 'near').length,
    },
    channels: header.channels ?? (grey ? 1 : 3),
    ...(header.intensity === undefined || header.intensity.length === 0
      ? {}
      : { intensity: header.intensity }),
    ...(settled || options.nearDuplicates === false
      ? {}
      : { nearDuplicates: { policy: near, evidence: options.nearEvidence ?? defaultEvidence } }),
    ...(header.bayesAuc === undefined ? {} : { bayesAuc: header.bayesAuc }),
    ...(header.framing === undefined ? {} : { framing: header.framing }),
    provenance: header.provenance,
  };
  problems.sort(byKind);
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
    flow: flowOf(
      rows.map((row) => row.label),
      problems,
    ),
    problems,
    duplicates: pairs.map(({ a, b, ...pair }) => ({ ...pair, a: found[a]!.id, b: found[b]!.id })),
  };
  writeJson(join(dir, reportFile), report);
  writeCleaning(join(dir, cleaningFile), problems);
  return report;
}

/** A doubt for each column of which most images have a stratum to themselves. */
function fineStrata(columns: readonly string[], strata: readonly (readonly string[])[]): Problem[] {
  return columns.flatMap((column, i) => {
    const counts = new Map<string, number>();
    for (const own of strata) counts.set(own[i]!, (counts.get(own[i]!) ?? 0) + 1);
    const single = [...counts.values()].filter((count) => count === 1).length;
    return 2 * single > strata.length && single > 2
      ? [
          problem('fine-strata', {
            detail: `${column}: ${single} of ${strata.length} images have a value of their own, which cannot be shared out`,
          }),
        ]
      : [];
  });
}

const groupedBy = (items: readonly DatasetItem[]): DatasetDescription['groupedBy'] =>
  items.some((item) => item.patients.length > 0)
    ? 'patient'
    : items.some((item) => item.lesions.length > 0)
      ? 'lesion'
      : 'image';

/** Pairs by index, as far as both images are there. */
function unnamed(items: readonly DatasetItem[], pairs: readonly NamedPair[]): DuplicatePair[] {
  const place = new Map(items.map(({ id }, i) => [id, i]));
  return pairs
    .map((pair) => ({ ...pair, a: place.get(pair.a) ?? -1, b: place.get(pair.b) ?? -1 }))
    .filter(({ a, b }) => a >= 0 && b >= 0);
}

/** Duplicates among the pictures, and those that are known by name. */
async function findPairs(
  items: readonly DatasetItem[],
  hashes: readonly string[],
  contents: ContentMaps,
  options: CreateOptions,
): Promise<DuplicatePair[]> {
  const pairs = await findDuplicates(hashes, contents, {
    near: options.nearDuplicates ?? true,
    evidence: options.nearEvidence,
    onProgress: (done, total) => options.onProgress?.('compare', done, total),
    signal: options.signal,
  });
  const known = new Set(pairs.map(({ a, b }) => `${a} ${b}`));
  const named = (options.knownDuplicates ?? []).map(
    ([a, b]): NamedPair => ({ a, b, kind: 'near', correlation: 0, informative: 0, symmetry: 0 }),
  );
  for (const pair of unnamed(items, named)) {
    const [a, b] = [Math.min(pair.a, pair.b), Math.max(pair.a, pair.b)];
    if (a === b || known.has(`${a} ${b}`)) continue;
    known.add(`${a} ${b}`);
    pairs.push({ ...pair, a, b });
  }
  return pairs;
}

/**
 * Groups that a given split tears apart: refused, or their images leave every split but the best protected one.
 * @throws DataError with the number of groups and images, and what can be done
 */
function dropLeaks<Item extends { item: DatasetItem; group: string }>(
  items: readonly Item[],
  leaks: 'refuse' | 'drop',
): { kept: Item[]; problems: Problem[] } {
  const torn = tornGroups(items.map(({ item, group }) => ({ group, split: item.split! })));
  if (torn.size > 0 && leaks === 'refuse') {
    const images = [...torn.values()].reduce((sum, one) => sum + one.images, 0);
    throw new DataError(
      `the given split tears ${torn.size} groups (${images} images) apart: ${nameSome([...torn.keys()], 3)}; leave their images out of training with --leaks drop, or let Graft split`,
    );
  }
  const leaves = ({ item, group }: Item): boolean => torn.has(group) && torn.get(group)!.most !== item.split;
  return {
    kept: items.filter((one) => !leaves(one)),
    problems: items
      .filter(leaves)
      .map(({ item, group }) =>
        receipt(
          'leaking-image',
          item,
          `in ${item.split}, but ${group} is in ${torn.get(group)!.most} as well`,
        ),
      ),
  };
}

/** A given split without validation images gets them from its training groups, in the ratio of the fractions. */
function completeSplit(
  given: readonly Split[],
  dealt: readonly { group: string; label: string; strata: string[] }[],
  fractions: Fractions,
  seed: number,
): Split[] {
  if (given.includes('val') || fractions.val === 0) return [...given];
  const trained = given.map((_, i) => i).filter((i) => given[i] === 'train');
  const sum = fractions.train + fractions.val;
  const parts = assignSplits(
    trained.map((i) => dealt[i]!),
    { train: fractions.train / sum, val: fractions.val / sum, test: 0 },
    seed,
  );
  const assigned = [...given];
  trained.forEach((i, at) => {
    assigned[i] = parts[at]!;
  });
  return assigned;
}

function writeManifest(dir: string, rows: readonly DatasetRow[]): void {
  const extraColumns = [...new Set(rows.flatMap((row) => Object.keys(row.extra)))];
  writeTable(
    join(dir, manifestFile),
    [...manifestColumns, ...extraColumns],
    rows.map(({ extra, ...row }) => ({ ...extra, ...row })),
  );
}
