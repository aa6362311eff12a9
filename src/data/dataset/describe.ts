/** What a dataset holds: images and groups by split and class, duplicates, sizes, how complete the metadata is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from 'graft-torch/base';
import { columnValues } from '../table/cell.js';
import { channelsOf, type Dataset, type Split, splits } from './dataset.js';
import type { FoundRange } from './intensity-range.js';
import type { ProblemKind } from './problems.js';
import { type ImportReport, reportFile } from './report.js';

export interface DatasetSummary {
  name: string;
  dir: string;
  kind: Dataset['kind'];
  hash: string;
  licence: string;
  label: string;
  classes: string[];
  positive: string;
  negative: string;
  images: number;
  /** Share of the positive class, 0…1. */
  prevalence: number;
  groups: number;
  groupedBy: Dataset['groupedBy'];
  /** Images in the largest group. */
  largestGroup: number;
  /** A row for every split and class, zeros included. */
  counts: { split: Split; label: string; images: number; groups: number }[];
  /** Duplicate pairs that were joined into groups. */
  duplicates: { exact: number; near: number };
  /** Width × height in pixels, the most frequent first. */
  sizes: { width: number; height: number; images: number }[];
  /** Missing: empty, or a word that says no more, such as `unknown`. */
  metadata: { column: string; missing: number; distinct: number }[];
  /** What the import left out or doubted, by kind; empty where there is no report. */
  problems: Partial<Record<ProblemKind, number>>;
  /** 1: all images are grey. */
  channels: 1 | 3;
  /** Which stored values became black and white; empty where all files were shown as they are. */
  intensity: FoundRange[];
  bayesAuc: number | null;
}

/** Counts what a dataset holds. */
export function describeDataset(dataset: Dataset): DatasetSummary {
  const { rows } = dataset;
  const groupSizes = new Map<string, number>();
  const sizes = new Map<string, { width: number; height: number; images: number }>();
  for (const { group, width, height } of rows) {
    groupSizes.set(group, (groupSizes.get(group) ?? 0) + 1);
    const key = `${width} ${height}`;
    const size = sizes.get(key) ?? { width, height, images: 0 };
    size.images++;
    sizes.set(key, size);
  }
  const reportPath = join(dataset.dir, reportFile);
  const columns = Object.keys(rows[0]?.extra ?? {});
  return {
    name: dataset.name,
    dir: dataset.dir,
    kind: dataset.kind,
    hash: dataset.hash,
    licence: dataset.licence,
    label: dataset.label,
    classes: dataset.classes,
    positive: dataset.positive,
    negative: dataset.negative,
    images: rows.length,
    prevalence: rows.filter((row) => row.label === dataset.positive).length / rows.length,
    groups: groupSizes.size,
    groupedBy: dataset.groupedBy,
    largestGroup: [...groupSizes.values()].reduce((most, n) => Math.max(most, n), 0),
    counts: splits.flatMap((split) =>
      dataset.classes.map((label) => {
        const own = rows.filter((row) => row.split === split && row.label === label);
        return { split, label, images: own.length, groups: new Set(own.map((row) => row.group)).size };
      }),
    ),
    duplicates: { exact: dataset.counts.exactDuplicates, near: dataset.counts.nearDuplicates },
    sizes: [...sizes.values()].sort(
      (a, b) => b.images - a.images || a.width - b.width || a.height - b.height,
    ),
    metadata: columns.map((column) => {
      const { values } = columnValues(rows.map((row) => row.extra[column]!));
      const known = values.filter((value) => value !== null);
      return { column, missing: values.length - known.length, distinct: new Set(known).size };
    }),
    problems: existsSync(reportPath) ? readJson<ImportReport>(reportPath).counts : {},
    channels: channelsOf(dataset),
    intensity: dataset.intensity ?? [],
    bayesAuc: dataset.bayesAuc ?? null,
  };
}
