/** Folds and seeds as numbers: whole numbers stay what they are, names are numbered in their order. */
import { numberOf } from '../../data/table/index.js';
import { list } from '../../report/index.js';

const order = new Intl.Collator('en', { numeric: true });

/**
 * @param cells of the column; '' for a table without it
 * @param least the smallest number there may be: 1 for folds
 * @returns `note`: what was renumbered, in words
 */
export function numbering(
  cells: Iterable<string>,
  { what, least, otherwise }: { what: string; least: number; otherwise: number },
): { of: (cell: string) => number; note: string | null } {
  const names = [...new Set(cells)].sort(order.compare);
  const numbers = names.map((name) => (name === '' ? otherwise : numberOf(name)));
  if (numbers.every((number) => number !== undefined && Number.isInteger(number))) {
    const lowest = Math.min(...(numbers as number[]));
    const shift = lowest < least ? least - lowest : 0;
    const table = new Map(names.map((name, i) => [name, numbers[i]! + shift]));
    return {
      of: (cell) => table.get(cell)!,
      note:
        shift > 0
          ? `${what}s are counted from ${least}: what the table calls ${what.toLowerCase()} ${lowest} is ${what.toLowerCase()} ${lowest + shift} here.`
          : null,
    };
  }
  const table = new Map(names.map((name, i) => [name, i + least]));
  return {
    of: (cell) => table.get(cell)!,
    note: `${what}s are numbered: ${list(names.slice(0, 8).map((name, i) => `${name || '(empty)'} is ${i + least}`))}${names.length > 8 ? ', and so on' : ''}.`,
  };
}
