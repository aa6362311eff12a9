/** `graft generator inspect`. */
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { GanInspection, NetworkDescription } from '../generate/index.js';
import { inspectGenerator, openGenerator } from '../generate/index.js';
import { addTrustOption, examples, output, partOption } from './common.js';
import { checkpoint } from './generator-sample.js';
import { plainTable, trimmed, whole } from './table.js';

interface InspectFlags {
  checkpoint?: number | 'best' | 'last';
  part?: string;
}

export function registerInspect(generator: Command): void {
  const command = addTrustOption(generator.command('inspect'))
    .description('print the networks of a run, their parameters, and where the weights come from')
    .argument(
      '<run>',
      'run folder of a finished GAN, or a file of a generator’s weights (.pth, .safetensors)',
    )
    .option(
      '--checkpoint <which>',
      'a step, best or last (default: the best where one is declared)',
      checkpoint,
    )
    .option(...partOption)
    .action(async (source: string, flags: InspectFlags, command: Command) =>
      inspectCommand(source, flags, command),
    );
  examples(command, [
    ['a run', 'graft generator inspect runs/sngan-64-melanoma'],
    ['weights that somebody else has trained', 'graft generator inspect generator.pth'],
  ]);
}

async function inspectCommand(source: string, flags: InspectFlags, command: Command): Promise<void> {
  const generator = await openGenerator(source, {
    ...flags,
    device: 'cpu',
    withDiscriminator: !statSync(source, { throwIfNoEntry: false })?.isFile(),
  });
  const inspection = inspectGenerator(generator);
  generator.network.dispose();
  generator.discriminator?.dispose();
  output(command, { json: inspection, text: () => inspectionText(source, inspection) });
}

function inspectionText(source: string, inspection: GanInspection): string {
  const { origin, classes, generator, discriminator, settings } = inspection;
  const { checkpoint, dataset, trainingGroups, unknownTraining } = origin;
  const seen = unknownTraining
    ? `unknown: started from ${unknownTraining}`
    : `${trainingGroups.length} groups of ${dataset.name} (${dataset.hash.slice(0, 16)})`;
  const values = Object.entries(settings).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return [
    `${source}: step ${checkpoint.step}, ${origin.weights} weights, SHA-256 ${checkpoint.sha256.slice(0, 16)}…`,
    `classes: ${classes.join(', ')}`,
    `trained on: ${seen}`,
    '',
    networkText('generator', generator),
    ...(discriminator ? ['', networkText('discriminator', discriminator)] : []),
    '',
    'settings that are not the defaults:',
    ...values,
  ].join('\n');
}

function networkText(title: string, { layers, parameters }: NetworkDescription): string {
  const shapes = (row: NetworkDescription['layers'][number]): string =>
    Object.entries(row.shapes)
      .map(([key, shape]) => `${key} ${shape.join('×')}`)
      .join(', ');
  const table = plainTable(['layer', 'kind', 'weights', 'parameters'], 3);
  for (const row of layers)
    table.push([row.path || '(itself)', row.kind, shapes(row), whole(row.parameters)]);
  return `${title}: ${whole(parameters)} parameters\n${trimmed(table)}`;
}
