/** `graft metrics compare`: figures of two or more `--json` files side by side, where their protocols allow it. */
import type { Command } from 'commander';
import {
  type ComparedRecord,
  type Comparison,
  compareFiles,
  type MetricRecord,
} from '../metrics/sets/index.js';
import { examples, output } from './common.js';
import { plainTable, trimmed } from './table.js';

export function registerCompare(metrics: Command): void {
  const compare = metrics
    .command('compare')
    .description('figures that were measured alike, side by side; refused where they were not')
    .argument('<first.json>', 'what `graft metrics … --json` printed')
    .argument('<others.json...>', 'held against the first')
    .action((...[first, others, , command]: [string, string[], object, Command]) => {
      const rows = compareFiles(first, others);
      output(command, {
        json: rows.map(({ path, record, other, comparison }) => ({
          metric: record.metric,
          class: record.class,
          files: [first, path],
          values: [record.value, other.value],
          ...comparison,
        })),
        text: () => printed(rows, first, others),
      });
    });
  examples(compare, [
    [
      'two GANs that were measured against the same real images',
      'graft metrics compare dcgan.json sngan.json',
    ],
  ]);
}

function printed(rows: readonly ComparedRecord[], first: string, others: readonly string[]): string {
  const many = others.length > 1;
  const heads = many ? ['file', 'value'] : others;
  const table = plainTable(['metric', first, ...heads, 'difference', 'which']);
  for (const { path, record, other, comparison } of rows) {
    table.push([
      record.class ? `${record.name}, ${record.class}` : record.name,
      cell(record),
      ...(many ? [path] : []),
      cell(other),
      `${comparison.difference < 0 ? '' : '+'}${comparison.difference.toPrecision(3)}`,
      reading(comparison, first, path),
    ]);
  }
  return trimmed(table);
}

const cell = ({ value, interval }: MetricRecord): string =>
  `${value.toPrecision(4)}${interval ? ` [${interval.map((x) => x.toPrecision(3)).join(', ')}]` : ''}`;

function reading({ better, apart }: Comparison, first: string, second: string): string {
  if (better === null) return 'equal';
  const name = better === 'first' ? first : second;
  if (apart === null) return `${name} is better (no interval)`;
  return apart ? `${name} is better` : `${name} is better, but the intervals overlap`;
}
