/** `graft data …`: datasets are made and looked at. */
import type { Command } from 'commander';
import { registerAudit } from './data-audit.js';
import { registerAugmentSheet } from './data-augment.js';
import { registerDescribe } from './data-describe.js';
import { registerFetch } from './data-fetch.js';
import { registerImport } from './data-import.js';
import { registerMappings } from './data-mappings.js';
import { registerPhantoms } from './data-phantoms.js';
import { registerPrepare } from './data-prepare.js';

export function register(program: Command): void {
  const data = program.command('data').description('make datasets, and look at what is in them');
  registerImport(data);
  registerFetch(data);
  registerMappings(data);
  registerPhantoms(data);
  registerDescribe(data);
  registerAudit(data);
  registerPrepare(data);
  registerAugmentSheet(data);
}
