/** `graft metrics compare`: figures of two or more `--json` files side by side, where their protocols allow it. */
import type { Command } from 'commander';
import { DataError } from 'graft-torch/base';
import type { MetricRecord } from '../metrics/sets/index.js';
import { compareRecords, readRecords } from '../metrics/sets/index.js';
import { examples, output } from './common.js';
import { plainTable, trimmed } from './table.js';

export function registerCompare(metrics: Command): void {
  const compare = metrics
    .command('compare')
    .description('figures that were measured alike, side by side; refused where they were not')
    .argument('<first.json>', 'what `graft metrics … --json` printed')
    .argument('<others.json...>', 'held against the first')
    .action(async (first: string, others: string[], _flags: object, command: Command) => {
      const base = readRecords(first);
      const rows = others.flatMap((path) => {
        const records = readRecords(path);
        return base.map((record) => {
          const other = records.find((one) => one.metric === record.metric && one.class === record.class);
          if (!other)
            throw new DataError(
              `${path}: has no ${record.name}${record.class ? ` of ${record.class}` : ''}, which ${first} has; measure both alike`,
            );
          try {
            return { path, record, other, comparison: compareRecords(record, other) };
          } catch (error) {
            if (error instanceof DataError) throw new DataError(`${first}, ${path}: ${error.message}`);
            throw error;
          }
        });
      });
      output(command, {
        json: rows.map(({ path, record, other, comparison }) => ({
          metric: record.metric,
          class: record.class,
          files: [first, path],
          values: [record.value, other.value],
          ...comparison,
        })),
        text: () => {
          const table = plainTable([
            'metric',
            first,
            ...(others.length > 1 ? ['file'] : []),
            ...(others.length > 1 ? ['value'] : others),
            'difference',
            'which',
          ]);
          for (const { path, record, other, comparison } of rows) {
            table.push([
              record.class ? `${record.name}, ${record.class}` : record.name,
              cell(record),
              ...(others.length > 1 ? [path] : []),
              cell(other),
              `${comparison.difference < 0 ? '' : '+'}${comparison.difference.toPrecision(3)}`,
              reading(comparison, first, path),
            ]);
          }
          return trimmed(table);
        },
      });
    });
  examples(compare, [
    [
      'two GANs that were measured against the same real images',
      'graft metrics compare dcgan.json sngan.json',
    ],
  ]);
}

const cell = ({ value, interval }: MetricRecord): string =>
  `${value.toPrecision(4)}${interval ? ` [${interval.map((x) => x.toPrecision(3)).join(', ')}]` : ''}`;

function reading(
  { better, apart }: { better: 'first' | 'second' | null; apart: boolean | null },
  first: string,
  second: string,
): string {
  if (better === null) return 'equal';
  const name = better === 'first' ? first : second;
  if (apart === null) return `${name} is better (no interval)`;
  return apart ? `${name} is better` : `${name} is better, but the intervals overlap`;
}
