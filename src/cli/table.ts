/** Tables and numbers on the terminal. */
import Table from 'cli-table3';

export const whole = (n: number): string => n.toLocaleString('en-US');
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A borderless table, numbers to the right. */
export function plainTable(head: string[], left = 1): InstanceType<typeof Table> {
  const chars = Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
      .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'])
      .map((part) => [part, '']),
  );
  return new Table({
    head,
    chars: { ...chars, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((name, i) => (i < left || name === 'which' || name === 'verdict' ? 'left' : 'right')),
  });
}

/** A table without the blanks that fill up its last column. */
export const trimmed = (table: InstanceType<typeof Table>): string => table.toString().replace(/ +$/gm, '');
