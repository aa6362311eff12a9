/** `graft data mappings`: the metadata tables that an import recognises. */
import type { Command } from 'commander';
import { shippedMappings } from '../data/metadata/index.js';
import { examples, output } from './common.js';
import { plainTable, trimmed } from './table.js';

export function registerMappings(data: Command): void {
  const command = data
    .command('mappings')
    .description('list the metadata tables that are recognised, and by which columns')
    .action(async (_flags, self: Command) => {
      const mappings = shippedMappings().map(({ name, description, tables }) => ({
        name,
        description,
        tables: Object.entries(tables).map(([table, { recognise }]) => ({ table, recognise })),
      }));
      output(self, {
        json: mappings,
        text: () => {
          const table = plainTable(['mapping', 'reads'], 2);
          for (const { name, description } of mappings) table.push([name, description ?? '']);
          return `${trimmed(table)}\n\nEach is a file that can be copied and changed for a table of your own: docs/metadata.md`;
        },
      });
    });
  examples(command, [
    ['what is recognised', 'graft data mappings'],
    [
      'a table of your own',
      'graft data import photos --metadata table.csv --mapping mine.yaml --positive melanoma --out datasets/photos',
    ],
  ]);
}
