/** `graft classify explain`. */

import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Tensor } from 'graft-torch';
import { gatherRows, tidy } from 'graft-torch';
import { ConfigError, DataError, Random } from 'graft-torch/base';
import { commandLine, requireOwn } from '../base/index.js';
import type { Explanation, MeanAgainstNull, Method, Shown } from '../classify/explain/index.js';
import {
  chooseClassRows,
  chooseRows,
  explain,
  indexOfClass,
  METHODS,
  writeExplanation,
} from '../classify/explain/index.js';
import type { ClassifierConfig, EvaluationSplit } from '../classify/index.js';
import {
  framingOfRun,
  openClassifier,
  readSquares,
  readStoredClassScores,
  readStoredScores,
  scoreSummary,
  showingOfRun,
} from '../classify/index.js';
import { listImages } from '../image/index.js';
import { withProgress } from '../run/index.js';
import { reopenData } from './classify-data.js';
import { collect, examples, globalOptions, integer, output, startEngine } from './common.js';
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
  const explain = classify
    .command('explain')
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
  const methods = await methodsOf(flags.method);
  const device = await startEngine(command);
  const { network, config, parts } = await openClassifier(dir, device);
  indexOfClass(config, flags.class);
  const threshold = await runThreshold(dir);
  const { images, shown } = await pick(flags, { config, threshold, dir, quiet, seed });
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
async function methodsOf(names: readonly string[]): Promise<readonly Method[]> {
  for (const name of names) {
    if (!(METHODS as readonly string[]).includes(name))
      throw new ConfigError(`--method ${name}: expected ${METHODS.join(', ')}`);
  }
  return names.length > 0 ? METHODS.filter((method) => names.includes(method)) : METHODS;
}

/** The run's threshold, from its validation scores; ½ for a run that has none yet. */
async function runThreshold(dir: string): Promise<number> {
  const validation = readStoredScores(dir, 'val');
  return validation ? scoreSummary(validation).threshold : 0.5;
}

interface Context {
  config: ClassifierConfig;
  threshold: number;
  dir: string;
  quiet: boolean;
  seed: number;
}

/** The images to explain as float32 `[N, 3, H, W]` in [0, 1], those on the sheet first. */
async function pick(flags: ExplainFlags, context: Context): Promise<{ images: Tensor; shown: Shown[] }> {
  const { pixels, shown } = await (flags.images === undefined
    ? pickFromSplit(flags, context)
    : pickFromFolder(flags.images, flags, context));
  const images = tidy(() => pixels.to({ dtype: 'float32' }).div_(255));
  pixels.dispose();
  return { images, shown };
}

async function pickFromFolder(
  dir: string,
  flags: ExplainFlags,
  { config, dir: run }: Context,
): Promise<{ pixels: Tensor; shown: Shown[] }> {
  const files = (await listImages(dir)).slice(0, Math.max(flags.count, flags.scored));
  if (files.length === 0) throw new DataError(`${dir}: no images in this folder`);
  const shown = files.slice(0, flags.count).map((file) => {
    const id = relative(dir, file).replace(/\.[^.]+$/, '');
    return { id, label: id };
  });
  return {
    pixels: await readSquares(files, {
      sizePx: config.imageSize,
      channels: config.channels ?? 3,
      showing: showingOfRun(run),
      ...framingOfRun(run),
    }),
    shown,
  };
}

async function pickFromSplit(
  flags: ExplainFlags,
  { config, threshold, dir, quiet, seed }: Context,
): Promise<{ pixels: Tensor; shown: Shown[] }> {
  const chosen = await chooseImages(flags, { config, threshold, dir, seed });
  if (chosen.length === 0)
    throw new DataError(`${dir}: no errors on the ${flags.split} split; nothing to show`);
  const { dataset, cache } = await reopenData(dir, config, {
    data: flags.data,
    quiet,
    framing: framingOfRun(dir),
    channels: config.channels ?? 3,
  });
  try {
    const at = new Map(cache.rows.map((row, i) => [row.id, i]));
    const missing = chosen.find(({ id }) => !at.has(id));
    if (missing)
      throw new DataError(`${dataset.dir}: has no image '${missing.id}' any more; was it made anew?`);
    const pixels = await gatherRows(
      cache.images,
      chosen.map(({ id }) => at.get(id)!),
    );
    const shown = chosen
      .slice(0, flags.count)
      .map(({ id }) => ({ id, label: cache.rows[at.get(id)!]!.label }));
    return { pixels, shown };
  } finally {
    cache.images.dispose();
  }
}

/** Images of a split by lot, or its errors, from the scores that the run holds. */
async function chooseImages(
  flags: ExplainFlags,
  { config, threshold, dir, seed }: Omit<Context, 'quiet'>,
): Promise<{ id: string }[]> {
  const choice = flags.errors ? 'errors' : 'lot';
  const wanted = Math.max(flags.count, flags.scored);
  const random = new Random(seed).fork('explain');
  const unfinished = (): Error =>
    new DataError(
      `${dir}: has no scores yet; finish the run first (${commandLine`graft classify resume ${dir}`})`,
    );
  if (config.target === 'classes') {
    const { classes } = config;
    const rows = readStoredClassScores(dir, flags.split, classes);
    if (!rows) throw unfinished();
    return chooseClassRows(rows, wanted, { choice, classes, about: flags.class, random });
  }
  const rows = readStoredScores(dir, flags.split);
  if (!rows) throw unfinished();
  return chooseRows(rows, wanted, { choice, threshold, random });
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
