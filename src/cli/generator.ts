/** `graft generator …` (`graft gan …`): generators are trained, looked at, sampled and handed on. */
import type { Command } from 'commander';
import { registerExport } from './generator-export.js';
import { registerInspect } from './generator-inspect.js';
import { registerReport } from './generator-report.js';
import { registerSample } from './generator-sample.js';
import { registerTrain } from './generator-train.js';

export function register(program: Command): void {
  const generator = program.command('generator').description('train a generator (a GAN), and sample it');
  registerTrain(generator);
  registerSample(generator);
  registerReport(generator);
  registerInspect(generator);
  registerExport(generator);
}
