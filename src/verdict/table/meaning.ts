/** Cells of a table as what they mean: folds and seeds as numbers, one spelling of an arm, labels as 0 and 1, images in order. */
import { ConfigError } from 'graft-torch/base';
import { isMissing, oneSpelling, truthOf } from '../../data/table/index.js';
import { list, whole } from '../../report/index.js';
import type { TestImages } from '../scores.js';
import { requireAllImages } from './checks.js';
import { instead } from './columns.js';
import { numbering } from './numbering.js';
import type { VerdictPlan } from './plan.js';
import { type Place, refuse } from './problems.js';
import type { NumberedRow, ReadTable } from './rows.js';

export type Of<Kind> = Extract<ReadTable, { kind: Kind }>;

/** Arms, folds and seeds of any rows. */
export function keys<Row extends Place & { arm: string; fold: string; seed: string }>(
  rows: readonly Row[],
  { has, notes }: ReadTable,
): (Omit<Row, 'fold' | 'seed'> & { fold: number; seed: number })[] {
  for (const role of ['fold', 'seed'] as const) {
    const empty = rows.filter((row) => isMissing(row[role], 'value'));
    if (empty.length < rows.length)
      refuse(empty, `no ${role}, which other rows have; say which ${role} these scores are of`);
  }
  const arms = oneSpelling(rows.map(({ arm }) => arm));
  for (const { to, from } of arms.merged)
    notes.push(`Arm ‘${to}’ is also written ${list(from.map(({ spelling }) => `‘${spelling}’`))}.`);
  const fold = numbering(
    rows.map((row) => row.fold),
    { what: 'Fold', least: 1, otherwise: 1 },
  );
  const seed = numbering(
    rows.map((row) => row.seed),
    { what: 'Seed', least: 0, otherwise: 0 },
  );
  for (const { note } of [fold, seed]) if (note !== null) notes.push(note);
  if (!has.has('fold')) notes.push('No column for folds: all images are one test set.');
  if (!has.has('seed')) notes.push('No column for seeds: one run an arm and fold.');
  return rows.map((row) => ({
    ...row,
    arm: arms.of(row.arm),
    fold: fold.of(row.fold),
    seed: seed.of(row.seed),
  }));
}

/** Labels as 0 and 1. @throws ConfigError where nothing says which class is the positive one */
export function binaryLabels(
  { rows, path, notes }: Of<'scores'>,
  { positive }: VerdictPlan,
): { of: (label: string) => 0 | 1; positive: string } {
  const spelling = oneSpelling(
    rows.map(({ label }) => label),
    positive === undefined ? {} : { named: [positive] },
  );
  const labels = [...new Set(rows.map(({ label }) => spelling.of(label)))].sort();
  const counts = (label: string): number => rows.filter((row) => spelling.of(row.label) === label).length;
  if (positive !== undefined) {
    if (!labels.includes(positive))
      throw new ConfigError(`${path}: no label '${positive}' (--positive)${instead(positive, labels)}`);
    if (labels.length > 2)
      notes.push(`${whole(labels.length)} labels: ‘${positive}’ is held against all others.`);
    return { of: (label) => (spelling.of(label) === positive ? 1 : 0), positive };
  }
  if (labels.every((label) => truthOf(label) !== undefined))
    return { of: (label) => (truthOf(label) === 'true' ? 1 : 0), positive: 'positive' };
  const rarest = [...labels].sort((a, b) => counts(a) - counts(b))[0]!;
  throw new ConfigError(
    `${path}: labels ${list(labels.slice(0, 8).map((label) => `'${label}'`))}; say which is the positive class, as in --positive '${rarest}'`,
  );
}

export interface ImageSet {
  images: TestImages;
  /** The first row of each image. */
  first: readonly NumberedRow[];
}

/** Images in the order of their ids, so that the order of rows decides nothing. */
export function imagesOf(rows: readonly NumberedRow[]): ImageSet {
  const byId = new Map<string, NumberedRow>();
  for (const row of rows) if (!byId.has(row.image)) byId.set(row.image, row);
  const first = [...byId.values()].sort((a, b) => (a.image < b.image ? -1 : 1));
  return {
    images: {
      ids: first.map(({ image }) => image),
      groups: first.map(({ group, image }) => group || image),
      labels: first.map(({ label }) => label),
    },
    first,
  };
}

export function inOrder(rows: readonly NumberedRow[], { images, first }: ImageSet): number[] {
  requireAllImages(rows, first);
  const scores = new Map(rows.map(({ image, score }) => [image, score]));
  return images.ids.map((id) => scores.get(id)!);
}
