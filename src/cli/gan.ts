/** `graft gan …`: generators are trained, looked at, sampled and handed on. */
import type { Command } from 'commander';
import { registerExport } from './gan-export.js';
import { registerInspect } from './gan-inspect.js';
import { registerReport } from './gan-report.js';
import { registerSample } from './gan-sample.js';
import { registerTrain } from './gan-train.js';

export function register(program: Command): void {
  const gan = program.command('gan').description('train a generative adversarial network, and sample it');
  registerTrain(gan);
  registerSample(gan);
  registerReport(gan);
  registerInspect(gan);
  registerExport(gan);
}
