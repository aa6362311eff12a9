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
import { storeMasks } from '../dataset/dataset-masks.js';
import {
  byKind,
  countProblems,
  nameSome,
  type Problem,
  type ProblemKind,
  problem,
  problemKinds,
} from '../dataset/problems.js';
import { flowOf, type ImportReport, reportFile } from '../dataset/report.js';
import { assignSplits, defaultFractions, type Fractions, strataOf } from '../dataset/split.js';
import { defaultEvidence } from '../duplicates/near.js';
import { writeTable } from '../table/table.js';
import { cleaningFile, writeCleaning } from './cleaning.js';
import type { CreateOptions } from './create-options.js';
import { completeSplit, dropLeaks, fineStrata } from './given-split.js';
import { type GroupedImage, groupImages } from './group-images.js';
import type { DatasetItem } from './item.js';
import { readImages } from './read-images.js';

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

/** What is to be made. */
export interface DatasetJob {
  header: DatasetHeader;
  /** In any order; ids are unique. */
  items: readonly DatasetItem[];
}

/**
 * Writes a dataset folder.
 * @param dir must not exist, or be empty
 * @returns the dataset as opened from disk, and the report that lies in it
 * @throws DataError when the folder is in use, an image cannot be decoded (unless `skipUnreadable`), fewer than two
 * classes remain, or the positive one is not among them; nothing is left behind
 */
export async function createDataset(
  dir: string,
  { header, items }: DatasetJob,
  options: CreateOptions = {},
): Promise<{ dataset: Dataset; report: ImportReport }> {
  requireFree(dir);
  const sorted = [...items].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  checkLabels(sorted, header, options);
  const report = await makeFolder(dir, (building) => {
    mkdirSync(join(building, 'images'));
    return build(building, { header, items: sorted }, options);
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
  { header, items }: DatasetJob,
  options: CreateOptions,
): Promise<ImportReport> {
  const { fractions = defaultFractions, strata = [] } = options;
  const reading = await readImages(dir, items, options);
  const { unreadable } = reading;
  if (unreadable.length > 0 && !options.skipUnreadable) throw cannotBeDecoded(unreadable, items.length);
  const problems = [...(options.problems?.() ?? []), ...unreadable, ...reading.doubts];

  const grouped = await groupImages(dir, reading, options);
  problems.push(...grouped.problems);
  const { found, pairs, settled } = grouped;
  let kept = grouped.kept;
  const given = kept.every(({ item }) => item.split !== undefined);
  if (given) {
    const leaks = dropLeaks(kept, options.leaks ?? 'refuse');
    problems.push(...leaks.problems);
    kept = leaks.kept;
  }
  const files = new Set(kept.map(({ file }) => file));
  for (const { file } of reading.read) if (!files.has(file)) rmSync(join(dir, file));
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
  const rows = rowsOf(kept, further, { ...options, given, settled });
  const classes = [...new Set(rows.map((row) => row.label))].sort();
  const bySplit = countBySplit(rows, classes);
  const splitBy = header.splitBy ?? (given ? 'given' : 'dealt');
  problems.push(
    ...emptyClasses(rows, classes, { bySplit, fractions, isGiven: given && splitBy === 'given' }),
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
    seed: options.seed ?? 0,
    splitBy,
    ...(shared.length > 0 ? { strata: [...shared] } : {}),
    fractions,
    counts: {
      images: rows.length,
      groups: new Set(rows.map((row) => row.group)).size,
      ...bySplit,
      exactDuplicates: pairs.filter((pair) => pair.kind === 'exact').length,
      nearDuplicates: pairs.filter((pair) => pair.kind === 'near').length,
    },
    channels: header.channels ?? (reading.grey ? 1 : 3),
    ...(header.intensity?.length ? { intensity: header.intensity } : {}),
    ...(settled || options.nearDuplicates === false
      ? {}
      : {
          nearDuplicates: {
            policy: options.duplicates?.near ?? 'group',
            evidence: options.nearEvidence ?? defaultEvidence,
          },
        }),
    ...(header.bayesAuc === undefined ? {} : { bayesAuc: header.bayesAuc }),
    ...(header.framing === undefined ? {} : { framing: header.framing }),
    provenance: header.provenance,
  };
  problems.sort(byKind);
  writeManifest(dir, rows);
  writeFileAtomic(join(dir, datasetFile), toYaml(description));
  const report: ImportReport = {
    format: 'graft-import-1',
    dataset: header.name,
    hash: openDataset(dir).hash,
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

function cannotBeDecoded(unreadable: Problem[], images: number): DataError {
  const [first] = unreadable.sort(byKind);
  const names = nameSome(
    unreadable.map(({ file }) => file),
    20,
  );
  return new DataError(
    `${unreadable.length} of ${images} images cannot be decoded: ${names} (${first!.detail}); repair or remove them, leave them out with --skip-unreadable, or take what decodes in spite of its faults with --accept-warnings`,
  );
}

/** The rows of the manifest: each image with its split, as it is given or dealt. */
function rowsOf(
  kept: readonly GroupedImage[],
  strata: readonly string[][],
  options: CreateOptions & { given: boolean; settled: boolean },
): DatasetRow[] {
  const { seed = 0, fractions = defaultFractions } = options;
  const dealt = kept.map(({ item, group }, i) => ({ group, label: item.label, strata: strata[i]! }));
  const known = options.given ? kept.map(({ item }) => item.split!) : undefined;
  const assigned = !known
    ? assignSplits(dealt, fractions, seed)
    : options.settled
      ? known
      : completeSplit(known, dealt, { fractions, seed });
  return kept.map(
    ({ item, file, sha256, width, height, group }, i): DatasetRow => ({
      id: item.id,
      file,
      label: item.label,
      group,
      split: assigned[i]!,
      sha256,
      width,
      height,
      extra: { ...item.extra },
    }),
  );
}

type Counts = Record<Split, Record<string, number>>;

/** Images by split and class, zeros included. */
const countBySplit = (rows: readonly DatasetRow[], classes: readonly string[]): Counts =>
  Object.fromEntries(
    splits.map((split) => [
      split,
      Object.fromEntries(
        classes.map((label) => [
          label,
          rows.filter((row) => row.split === split && row.label === label).length,
        ]),
      ),
    ]),
  ) as Counts;

/** A doubt for each class that a split lacks, and why it lacks it. */
function emptyClasses(
  rows: readonly DatasetRow[],
  classes: readonly string[],
  { bySplit, fractions, isGiven }: { bySplit: Counts; fractions: Fractions; isGiven: boolean },
): Problem[] {
  const open = splits.filter((split) => fractions[split] > 0);
  const whyEmpty = (label: string): string => {
    const own = new Set(rows.filter((row) => row.label === label).map(({ group }) => group)).size;
    if (own < open.length)
      return `it has ${own} group${own === 1 ? '' : 's'} only, and there are ${open.length} splits`;
    if (isGiven) return 'the given split has none there';
    return `its ${own} groups are all in other splits or folds`;
  };
  return open.flatMap((split) =>
    classes
      .filter((label) => bySplit[split][label] === 0)
      .map((label) =>
        problem('empty-class', { label, detail: `no image of ${label} in ${split}: ${whyEmpty(label)}` }),
      ),
  );
}

const groupedBy = (items: readonly DatasetItem[]): DatasetDescription['groupedBy'] =>
  items.some((item) => item.patients.length > 0)
    ? 'patient'
    : items.some((item) => item.lesions.length > 0)
      ? 'lesion'
      : 'image';

function writeManifest(dir: string, rows: readonly DatasetRow[]): void {
  const extraColumns = [...new Set(rows.flatMap((row) => Object.keys(row.extra)))];
  writeTable(
    join(dir, manifestFile),
    [...manifestColumns, ...extraColumns],
    rows.map(({ extra, ...row }) => ({ ...extra, ...row })),
  );
}
