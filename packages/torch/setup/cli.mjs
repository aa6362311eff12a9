#!/usr/bin/env node
/** `graft-torch setup` and `graft-torch doctor`, for those who install this package alone; graft-gan's `graft` has more. */
import { readFileSync } from 'node:fs';
import { setUpEngine } from './engine.mjs';
import { setUpCommand } from './record.mjs';

const help = `Usage: graft-torch <command> [options]

Makes PyTorch's C++ engine (libtorch) ready for TypeScript on this machine.

Commands:
  setup     find libtorch and a C++ compiler, compile the addon into the user's cache
  doctor    load the engine and say what it is

Options:
  --fresh        setup: look for libtorch again instead of keeping the one that was taken
  --json         print the result as JSON on stdout, nothing else
  -V, --version  print the version
  -h, --help     print this help

Examples:
  npx graft-torch setup
  LIBTORCH=/opt/libtorch npx graft-torch setup
`;

const commands = {
  async setup({ fresh, json }) {
    const ready = await setUpEngine({ fresh });
    const { version, libDir } = ready.engine.libtorch;
    if (json) print(ready);
    else console.log(`the engine is set up: libtorch ${version} in ${libDir}, addon ${ready.path}`);
  },
  async doctor({ json }) {
    const { engineInfo } = await import('../dist/torch/index.js');
    const info = engineInfo();
    if (json) return print(info);
    // What is of several lines, libtorch's own account of itself, is for --json.
    const lines = Object.entries(info).filter(([, value]) => !String(value).includes('\n'));
    for (const [name, value] of lines) console.log(`${name.padEnd(16)}${value}`);
  },
};

const print = (value) => console.log(JSON.stringify(value, null, 2));

const args = process.argv.slice(2);
const [name, ...unknown] = args.filter((arg) => !['--fresh', '--json'].includes(arg));
if (name === '-V' || name === '--version') {
  console.log(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
} else if (name === '-h' || name === '--help' || name === 'help') {
  console.log(help.trimEnd());
} else if (!Object.hasOwn(commands, name ?? '') || unknown.length > 0) {
  console.error(name ? `graft-torch: unknown: ${[name, ...unknown].join(' ')}\n` : help.trimEnd());
  if (name) console.error('see: graft-torch --help');
  process.exitCode = 2;
} else {
  try {
    await commands[name]({ fresh: args.includes('--fresh'), json: args.includes('--json') });
  } catch (error) {
    console.error(`graft-torch: ${error instanceof Error ? error.message : error}`);
    if (error?.code === 'ERR_MODULE_NOT_FOUND') console.error(`run \`${setUpCommand()}\``);
    process.exitCode = 1;
  }
}
