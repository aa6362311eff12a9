/** `graft verdict init`: a table to look at, the plan to be agreed on, and the Python that writes the table. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { ConfigError, writeFileAtomic } from 'graft-torch/base';
import { shellQuote } from '../base/index.js';
import { templateFiles } from '../verdict/table/index.js';
import { output } from './common.js';

export function initCommand({ out }: { out: string }, command: Command): void {
  const there = Object.keys(templateFiles).find((name) => existsSync(join(out, name)));
  if (there !== undefined)
    throw new ConfigError(`${join(out, there)} is there already; name another folder with --out`);
  const paths = Object.entries(templateFiles).map(([name, text]) => {
    writeFileAtomic(join(out, name), text);
    return join(out, name);
  });
  output(command, {
    json: { files: paths },
    text: [
      ...paths,
      '',
      `Replace the made-up rows of ${join(out, 'scores.csv')} by those of your runs (snippet.py), agree on verdict.yaml, then:`,
      `graft verdict ${shellQuote(join(out, 'scores.csv'))} --plan ${shellQuote(join(out, 'verdict.yaml'))} --out report`,
    ].join('\n'),
  });
}
