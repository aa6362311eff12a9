/** What rows of an audit say of an image, as cells of a table have it. */
import { splits } from '../dataset/dataset.js';
import { isMissing } from '../table/cell.js';

/** A name, or '' for what says that there is none. */
export function known(cells: Readonly<Record<string, string>>, column: string | undefined): string {
  const value = column === undefined ? '' : (cells[column] ?? '');
  return isMissing(value, 'group') ? '' : value;
}

/** The dataset's own splits in their order, then others as they come. */
export function splitsOf(rows: readonly { split: string }[]): string[] {
  const present = [...new Set(rows.map(({ split }) => split))];
  return [
    ...splits.filter((split) => present.includes(split)),
    ...present.filter((split) => !(splits as readonly string[]).includes(split)),
  ];
}
