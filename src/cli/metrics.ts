/** `graft metrics …`: synthetic images held against real ones. */
import type { Command } from 'commander';
import { registerDistribution } from './metrics-distribution.js';
import { registerImage } from './metrics-image.js';

export function register(program: Command): void {
  const metrics = program.command('metrics').description('compare synthetic with real images');
  registerImage(metrics);
  registerDistribution(metrics);
}
