/** `graft classify explain`. */

import { join } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { requireOwn } from '../base/index.js';
import type { Explanation, MeanAgainstNull, Method } from '../classify/explain/index.js';
import {
  explain,
  indexOfClass,
  METHODS,
  pickFromFolder,
  pickFromSplit,
  thresholdOfRun,
  writeExplanation,
} from '../classify/explain/index.js';
import { type EvaluationSplit, openClassifier } from '../classify/index.js';
import { withProgress } from '../run/index.js';
import { reopenData } from './classify-data.js';
import { addTrustOption, collect, examples, globalOptions, integer, output, startEngine } from './common.js';
import { plainTable, trimmed } from './table.js';

interface ExplainFlags {
  data?: string;
  method: string[];
  images?: string;
  split: EvaluationSplit;
  errors?: boolean;
  class?: string;
  count: number;
  scored: number;
  steps: number;
  layer?: string;
  out?: string;
}

export function registerExplain(classify: Command): void {
  const explain = addTrustOption(classify.command('explain'))
    .description('where the classifier looks, as overlays, and whether those maps mean anything')
    .argument('<run>', 'run folder of a classifier')
    .addOption(
      new Option('--method <name>', 'grad-cam, grad-cam++ or integrated-gradients; repeatable (default: all)')
        .argParser(collect)
        .default([], ''),
    )
    .option('--data <dataset>', 'where the run’s dataset is now, if that has moved')
    .option('--images <dir>', 'pictures of a folder (default: images of the split, drawn by lot)')
    .addOption(new Option('--split <split>', 'images to draw from').choices(['val', 'test']).default('test'))
    .option('--errors', 'the most confident errors instead of images drawn by lot')
    .option(
      '--class <name>',
      'of a run with several classes: the class to explain in every image (default: the one that was called)',
    )
    .option('--count <number>', 'images on the sheet', integer({ min: 1, max: 200 }), 12)
    .option(
      '--scored <number>',
      'images that deletion and insertion are measured on, those on the sheet among them',
      integer({ min: 1, max: 10_000 }),
      24,
    )
    .option('--steps <number>', 'of deletion and of insertion', integer({ min: 1, max: 10_000 }), 32)
    .option('--layer <name>', 'head, or block <number> (default: the deepest map of 7 × 7 places or more)')
    .option('--out <dir>', 'folder of the overlays (default: explain in the run folder)')
    .action(async (dir: string, flags: ExplainFlags, command: Command) =>
      explainCommand(dir, flags, command),
    );
  examples(explain, [
    ['twelve images of the test split, half of each class', 'graft classify explain runs/first'],
    ['what went wrong', 'graft classify explain runs/first --errors --out errors'],
    [
      'what speaks for one of several diagnoses',
      'graft classify explain runs/seven --class melanoma --out melanoma',
    ],
    [
      'pictures of a folder, by one method',
      'graft classify explain runs/first --images pictures --method grad-cam',
    ],
  ]);
}

async function explainCommand(dir: string, flags: ExplainFlags, command: Command): Promise<void> {
  if (flags.out !== undefined)
    requireOwn(flags.out, {
      marks: ['sheet.png', 'explain.json'],
      own: /^(sheet\.png|explain\.json|.*-(grad-cam|grad-cam\+\+|integrated-gradients)\.png)$/,
    });
  const { quiet, seed = 0 } = globalOptions(command);
  const methods = methodsOf(flags.method);
  const device = await startEngine(command);
  const { network, config, parts } = await openClassifier(dir, device);
  indexOfClass(config, flags.class);
  const threshold = thresholdOfRun(dir);
  const options = { ...flags, config, threshold, seed };
  const { images, shown } =
    flags.images === undefined
      ? await pickFromSplit(dir, {
          ...options,
          open: (how) => reopenData(dir, config, { data: flags.data, quiet, ...how }),
        })
      : await pickFromFolder(dir, flags.images, options);
  const { explanation, heat } = await withProgress(
    { label: 'explaining', total: images.shape[0]!, unit: 'images', quiet },
    (bar) =>
      explain(network, images, {
        config,
        parts,
        device,
        threshold,
        methods,
        explainedClass: flags.class,
        layer: flags.layer,
        perturbationSteps: flags.steps,
        seed,
        onProgress: (done) => bar.update(done),
      }),
  );
  const labelled = shown.map((one, i) => ({
    ...one,
    label: [
      one.label,
      ...(explanation.explained ? [`→ ${explanation.explained[i]}`] : []),
      explanation.probabilities[i]!.toFixed(2),
    ].join(' '),
  }));
  const out = flags.out ?? join(dir, 'explain');
  const files = await writeExplanation(out, { images, heat, explanation, shown: labelled });
  network.dispose();
  images.dispose();
  for (const one of heat.values()) one.dispose();
  output(command, {
    json: { run: dir, ...explanation, files },
    text: () => describe(explanation, files.sheet),
  });
}

/** @throws ConfigError for a method that there is not */
function methodsOf(names: readonly string[]): readonly Method[] {
  for (const name of names) {
    if (!(METHODS as readonly string[]).includes(name))
      throw new ConfigError(`--method ${name}: expected ${METHODS.join(', ')}`);
  }
  return names.length > 0 ? METHODS.filter((method) => names.includes(method)) : METHODS;
}

const methodNames: Record<Method, string> = {
  'grad-cam': 'Grad-CAM',
  'grad-cam++': 'Grad-CAM++',
  'integrated-gradients': 'integrated gradients',
};

function describe({ methods, layer, protocol }: Explanation, sheet: string): string {
  const table = plainTable(
    ['method', 'map', 'figure', 'mean', '− random map', '− centred Gaussian', 'random weights'],
    3,
  );
  for (const { method, mapSide, deletion, insertion, randomisedWeights } of methods) {
    const name = methodNames[method];
    table.push([
      name,
      `${mapSide} × ${mapSide}`,
      'insertion',
      ...cells(insertion),
      randomisedWeights?.toFixed(2) ?? '–',
    ]);
    table.push(['', '', 'deletion', ...cells(deletion), '']);
  }
  return [
    `${layer === null ? 'What' : `Grad-CAM at ${layer}; what`} is explained is ${protocol.explains}. ${protocol.images} images.`,
    '',
    trimmed(table),
    '',
    'Insertion: higher is better; deletion: lower is better. A map means something where it beats both maps that know nothing',
    '(interval away from 0). Random weights: rank correlation with the map of an untrained network; near 0 is right.',
    `Sheet: ${sheet}`,
  ].join('\n');
}

function cells({ mean, againstRandom, againstCentre }: MeanAgainstNull): string[] {
  const difference = ({ difference: value, interval }: MeanAgainstNull['againstRandom']): string =>
    `${value.toFixed(3)}${interval ? ` [${interval.low.toFixed(3)}, ${interval.high.toFixed(3)}]` : ''}`;
  return [mean.toFixed(3), difference(againstRandom), difference(againstCentre)];
}
