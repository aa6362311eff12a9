/** `graft data …`: datasets are made and looked at. */
import type { Command } from 'commander';
import { registerDescribe } from './data-describe.js';
import { registerImport } from './data-import.js';
import { registerPhantoms } from './data-phantoms.js';

export function register(program: Command): void {
  const data = program.command('data').description('make datasets, and look at what is in them');
  registerImport(data);
  registerPhantoms(data);
  registerDescribe(data);
}
