/** `graft metrics …`: synthetic images held against real ones. */
import type { Command } from 'commander';
import { registerArtefacts } from './metrics-artefacts.js';
import { registerClassifier } from './metrics-classifier.js';
import { registerCompare } from './metrics-compare.js';
import { registerDistribution } from './metrics-distribution.js';
import { registerImage } from './metrics-image.js';
import { registerPrivacy } from './metrics-privacy.js';

export function register(program: Command): void {
  const metrics = program.command('metrics').description('compare synthetic with real images');
  registerImage(metrics);
  registerDistribution(metrics);
  registerClassifier(metrics);
  registerPrivacy(metrics);
  registerArtefacts(metrics);
  registerCompare(metrics);
}
