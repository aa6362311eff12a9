/**
 * Whom the partitions hold: a few metadata columns that are known by their names (sex, age, site, source, skin type), by
 * split and class, and of each test image, so that subgroups can be told from the summary alone. Ages go in as bands of
 * twenty years; names, dates and free text never do.
 */

import type { DatasetRow } from '../data/dataset/index.js';
import { type Partition, partitionsOf } from '../data/dataset/index.js';
import { columnValues } from '../data/table/index.js';
import { quantile } from '../stats/index.js';
import { MOST_COLUMNS } from '../verdict/index.js';
import type { Demographic, TrialSummary } from './summary.js';

type Row = Pick<DatasetRow, 'id' | 'label' | 'split' | 'extra'>;

/** Of columns with free text or one value there is none. */
const partitions = (rows: readonly Row[]): Partition[] =>
  partitionsOf(rows.map(({ extra }) => extra)).slice(0, MOST_COLUMNS);

/** @param rows of one fold */
export function demographicsOf(rows: readonly Row[], classes: readonly string[]): Demographic[] {
  return partitions(rows).map(({ column, title, values, of }): Demographic => {
    const { values: raw, isNumeric } = columnValues(rows.map(({ extra }) => extra[column] ?? ''));
    // Numbers that are no more than names of categories have no median.
    const numeric = isNumeric && raw.some((value, i) => value !== null && value !== of[i]);
    const cells = (['train', 'val', 'test'] as const).flatMap((split) =>
      classes.flatMap((label) => {
        const own = rows.flatMap((row, i) => (row.split === split && row.label === label ? [i] : []));
        if (own.length === 0) return [];
        const counts = values.map((value) => [value, own.filter((i) => of[i] === value).length] as const);
        const numbers = own.flatMap((i) => (raw[i] === null ? [] : [Number(raw[i])]));
        const quartiles: Demographic['cells'][number]['quartiles'] =
          numeric && numbers.length > 0
            ? [quantile(numbers, 0.25), quantile(numbers, 0.5), quantile(numbers, 0.75)]
            : null;
        const missing = own.filter((i) => of[i] === null).length;
        return [{ split, label, values: Object.fromEntries(counts), missing, quartiles }];
      }),
    );
    return { column, title, values, cells };
  });
}

/** @param rows of the whole dataset, so that bands are alike in every fold */
export function testSubgroups(
  rows: readonly Row[],
  folds: readonly { test: { ids: readonly string[] } }[],
): NonNullable<TrialSummary['subgroups']> {
  return partitions(rows).map(({ column, of }) => {
    const known = new Map(rows.map(({ id }, i) => [id, of[i] ?? '']));
    return { column, folds: folds.map(({ test }) => test.ids.map((id) => known.get(id) ?? '')) };
  });
}
