/** `graft classify train | resume | evaluate | predict`. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { ClassifierConfig } from '../classify/config.js';
import type { ClassifierResult } from '../classify/result.js';
import type { ScoreRow } from '../classify/scores.js';
import {
  collect,
  commandConfig,
  examples,
  globalOptions,
  output,
  recipeTitle,
  startEngine,
} from './common.js';

export function register(program: Command): void {
  const classify = program.command('classify').description('train a classifier, evaluate it, use it');

  const train = classify
    .command('train')
    .description('train a classifier: the positive class against the rest')
    .requiredOption('--data <dataset>', 'dataset folder (graft data import, graft data phantoms)')
    .option('--recipe <name>', 'recipes/<name>.yaml, or a file', 'efficientnet-b0-64')
    .option(
      '--synthetic <dir>',
      'folder of synthetic images to add (graft gan sample); repeatable',
      collect,
      [],
    )
    .option('--set <key=value>', 'override a key of the recipe; repeatable', collect, [])
    .option('--out <run>', 'run folder (default: runs/<recipe>)')
    .option('--dry-run', 'print the resolved configuration and stop')
    .action(async (options, command: Command) => trainCommand(options, command));
  examples(train, [
    [
      'a first run on phantoms',
      'graft data phantoms --count 2000 --out phantoms\n  graft classify train --data phantoms --set steps=300 --out runs/first',
    ],
    [
      'with synthetic melanomas in the training set',
      'graft classify train --data isic2017 --synthetic synthetic --out runs/with-synthetic',
    ],
    ['every key with its default and source', 'graft classify train --data isic2017 --dry-run'],
  ]);

  const resume = classify
    .command('resume')
    .description('go on with a run that was stopped; it ends as if it never had been')
    .argument('<run>', 'run folder')
    .action(async (dir: string, _options, command: Command) => resumeCommand(dir, command));
  examples(resume, [['after Ctrl-C, a crash or a power cut', 'graft classify resume runs/first']]);

  const evaluate = classify
    .command('evaluate')
    .description('AUC with its interval, and scores at the threshold chosen on the validation split')
    .argument('<run>', 'run folder of a classifier')
    .addOption(
      new Option('--split <split>', 'images to score').choices(['train', 'val', 'test']).default('test'),
    )
    .option('--data <dataset>', 'another dataset (default: the one it was trained on)')
    .option('--csv <file>', 'write id, group, label and score of every image')
    .action(async (dir: string, options, command: Command) => evaluateCommand(dir, options, command));
  examples(evaluate, [
    ['the test split', 'graft classify evaluate runs/first'],
    ['on another hospital’s images', 'graft classify evaluate runs/first --data other --csv scores.csv'],
  ]);

  const predict = classify
    .command('predict')
    .description('score every image of a folder')
    .argument('<run>', 'run folder of a classifier')
    .argument('<dir>', 'folder of images')
    .option('--csv <file>', 'write file and score (default: on stdout)')
    .action(async (dir: string, images: string, options, command: Command) =>
      predictCommand(dir, images, options, command),
    );
  examples(predict, [
    ['a folder of new pictures', 'graft classify predict runs/first pictures --csv out.csv'],
  ]);
}

interface TrainOptions {
  data: string;
  recipe: string;
  synthetic: string[];
  set: string[];
  out?: string;
  dryRun?: boolean;
}

async function trainCommand(options: TrainOptions, command: Command): Promise<void> {
  const { classifierConfigSchema } = await import('../classify/config.js');
  const config = await commandConfig(command, classifierConfigSchema, 'classifier', options, [
    { flag: '--data', key: 'data', value: options.data },
    {
      flag: '--synthetic',
      key: 'synthetic',
      value: options.synthetic.length > 0 ? options.synthetic : undefined,
    },
  ]);
  if (config === null) return;
  await runToEnd(options.out ?? `runs/${recipeTitle(options.recipe)}`, config, 'refuse', command);
}

async function resumeCommand(dir: string, command: Command): Promise<void> {
  const { readClassifierConfig } = await import('../classify/result.js');
  const { runStatus } = await import('../run/run-folder.js');
  const { GraftError } = await import('../errors.js');
  const config = readClassifierConfig(dir);
  if (runStatus(dir) === 'finished') throw new GraftError(`${dir}: has finished; there is nothing to resume`);
  await runToEnd(dir, config, 'continue', command);
}

/** Opens the data, trains with a progress bar and the signals caught, prints the result. */
async function runToEnd(
  runDir: string,
  config: ClassifierConfig,
  ifExists: 'refuse' | 'continue',
  command: Command,
): Promise<void> {
  const { trainClassifier } = await import('../classify/train.js');
  const { withInterrupt } = await import('../run/interrupt.js');
  const { Progress } = await import('../run/progress.js');
  const { quiet } = globalOptions(command);
  const { data: _, synthetic: folders, ...recipe } = config;
  const { dataset, cache } = await openData(config.data, config.imageSize, quiet);
  const { readSyntheticFolders } = await import('../classify/synthetic-folders.js');
  const synthetic = await readSyntheticFolders(folders, dataset, config.imageSize);
  let bar: InstanceType<typeof Progress> | null = null;
  let result: ClassifierResult;
  try {
    result = await withInterrupt((interrupt) =>
      trainClassifier({
        config: recipe,
        runDir,
        dataset,
        cache,
        synthetic,
        ifExists,
        interrupt,
        warn: (message) => process.stderr.write(`graft: warning: ${message}\n`),
        onStep: (step, { loss, valAuc, bestAuc }) => {
          bar ??= new Progress({
            label: `training ${config.architecture}-${config.imageSize}`,
            total: config.steps,
            start: step - 1,
            items: { count: config.batchSize, name: 'images' },
            quiet,
          });
          const figures: Record<string, number> = { loss };
          if (valAuc !== null) figures['val AUC'] = valAuc;
          if (bestAuc !== null) figures.best = bestAuc;
          bar.update(step, figures);
        },
      }),
    );
  } finally {
    (bar as InstanceType<typeof Progress> | null)?.stop();
    cache.images.dispose();
    for (const { images } of synthetic) images.dispose();
  }
  const { testScores: _t, valScores: _v, ...json } = result;
  output(command, { json: { run: runDir, ...json }, text: () => describeRun(runDir, config, result) });
}

function describeRun(runDir: string, config: ClassifierConfig, result: ClassifierResult): string {
  const { images, test, testAucInterval } = result;
  const interval = testAucInterval
    ? ` [95 % interval ${testAucInterval.low.toFixed(3)} to ${testAucInterval.high.toFixed(3)}]`
    : '';
  const positives = result.testScores.filter((row) => row.label === 1).length;
  return [
    `Trained ${config.architecture} for ${result.steps} steps${result.stoppedEarly ? ' (stopped early)' : ''} on ${images.real} real and ${images.synthetic} synthetic images (${images.realPositive + images.syntheticPositive} positive); best at step ${result.bestStep}.`,
    `Validation AUC ${result.valAuc.toFixed(3)}; test AUC ${result.testAuc.toFixed(3)}${interval}, ${result.testScores.length} images, ${positives} positive.`,
    `At the threshold of the validation split: sensitivity ${test.sensitivity.toFixed(2)}, specificity ${test.specificity.toFixed(2)}.`,
    `Next: graft classify evaluate ${runDir}   |   graft classify predict ${runDir} <folder>`,
  ].join('\n');
}

/** A dataset and its pixels at a size, decoded with a progress bar where they are not cached. */
export async function openData(dir: string, imageSize: number, quiet: boolean) {
  const { openDataset } = await import('../data/dataset.js');
  const { openPixelCache } = await import('../data/cache.js');
  const { Progress } = await import('../run/progress.js');
  const dataset = openDataset(dir);
  let bar: InstanceType<typeof Progress> | null = null;
  try {
    const cache = await openPixelCache(dataset, imageSize, {
      onProgress: (done, total) => {
        bar ??= new Progress({ label: 'decoding', total, unit: 'images', quiet });
        bar.update(done);
      },
    });
    return { dataset, cache };
  } finally {
    (bar as InstanceType<typeof Progress> | null)?.stop();
  }
}

interface EvaluateOptions {
  split: 'train' | 'val' | 'test';
  data?: string;
  csv?: string;
}

async function evaluateCommand(dir: string, options: EvaluateOptions, command: Command): Promise<void> {
  const { openClassifier } = await import('../classify/result.js');
  const { scoreSplit } = await import('../classify/evaluate.js');
  const scores = await import('../classify/scores.js');
  const { withProgress } = await import('../run/progress.js');
  const { quiet } = globalOptions(command);
  const device = await startEngine(command);
  const { network, config } = openClassifier(dir, device);
  const { dataset, cache } = await openData(options.data ?? config.data, config.imageSize, quiet);
  const data = { images: cache.images, rows: cache.rows, positive: dataset.positive };
  const total = cache.rows.filter((row) => row.split === options.split).length;
  const score = (split: EvaluateOptions['split'], onBatch?: (done: number) => void): Promise<ScoreRow[]> =>
    scoreSplit(network, data, split, { device, batchSize: config.evaluationBatchSize, onBatch });
  const rows = await withProgress(
    { label: `scoring ${options.split}`, total, unit: 'images', quiet },
    (bar) => score(options.split, (done) => bar.update(done)),
  );
  // The threshold is the run's own, from the validation split of the data that it was trained with.
  const threshold = await thresholdOf(dir, () => score('val'));
  network.dispose();
  cache.images.dispose();
  if (options.csv !== undefined) scores.writeScores(options.csv, rows);
  const summary = scores.scoreSummary(rows, threshold);
  const interval = scores.aucIntervalOf(rows);
  const positives = rows.filter((row) => row.label === 1).length;
  const json = {
    run: dir,
    data: dataset.dir,
    dataset: { name: dataset.name, hash: dataset.hash },
    split: options.split,
    images: rows.length,
    positives,
    aucInterval: interval,
    ...summary,
    ...(options.csv === undefined ? { scores: rows } : { csv: options.csv }),
  };
  const between = interval
    ? ` [95 % interval ${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}]`
    : '';
  const text = [
    `AUC ${summary.auc.toFixed(3)}${between} on the ${options.split} split of ${dataset.name}: ${rows.length} images, ${positives} '${dataset.positive}'.`,
    `At threshold ${threshold.toFixed(3)} (chosen on the validation split): sensitivity ${summary.sensitivity.toFixed(3)}, specificity ${summary.specificity.toFixed(3)}, balanced accuracy ${summary.balancedAccuracy.toFixed(3)}.`,
    `Log loss ${summary.logLoss.toFixed(3)}, Brier score ${summary.brier.toFixed(3)}.`,
    ...(options.csv === undefined ? [] : [`Scores of every image: ${options.csv}`]),
  ].join('\n');
  output(command, { json, text });
}

/** The threshold of a finished run, else one chosen now on the validation split. */
async function thresholdOf(dir: string, scoreValidation: () => Promise<ScoreRow[]>): Promise<number> {
  const { readRun } = await import('../run/run-folder.js');
  const { summary } = readRun(dir);
  const stored = (summary as { test?: { threshold?: number } } | undefined)?.test?.threshold;
  if (stored !== undefined) return stored;
  const { scoreSummary } = await import('../classify/scores.js');
  return scoreSummary(await scoreValidation()).threshold;
}

async function predictCommand(
  dir: string,
  images: string,
  options: { csv?: string },
  command: Command,
): Promise<void> {
  const { openClassifier } = await import('../classify/result.js');
  const { predictFiles } = await import('../classify/predict.js');
  const { DataError } = await import('../errors.js');
  const { writeFileAtomic } = await import('../files.js');
  const { listImages } = await import('../image/folder.js');
  const { withProgress } = await import('../run/progress.js');
  const { stringify } = await import('csv-stringify/sync');
  const { quiet } = globalOptions(command);
  const files = await listImages(images);
  if (files.length === 0) throw new DataError(`${images}: no images in this folder`);
  const device = await startEngine(command);
  const { network, config } = openClassifier(dir, device);
  const predictions = await withProgress(
    { label: 'scoring', total: files.length, unit: 'images', quiet },
    (bar) =>
      predictFiles(network, images, files, {
        sizePx: config.imageSize,
        device,
        batchSize: config.evaluationBatchSize,
        onProgress: (done) => bar.update(done),
      }),
  );
  network.dispose();
  const csv = stringify(predictions, { header: true, columns: ['file', 'score'] });
  if (options.csv === undefined) {
    output(command, { json: { run: dir, predictions }, text: csv });
    return;
  }
  writeFileAtomic(options.csv, csv);
  output(command, {
    json: { run: dir, csv: options.csv, images: predictions.length },
    text: `${predictions.length} images scored: ${options.csv}`,
  });
}
