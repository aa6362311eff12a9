/** `graft classify train | resume`. */
import type { Command } from 'commander';
import { GraftError } from 'graft-torch/base';
import { commandLine } from '../base/index.js';
import type { ClassifierConfig, ClassifierResult } from '../classify/index.js';
import {
  binaryCounts,
  checkRecipe,
  choiceWords,
  classifierConfigSchema,
  fewLines,
  networkTitle,
  readClassifierConfig,
  readSyntheticFolders,
  requireUnseenParts,
  trainClassifier,
} from '../classify/index.js';
import { reopenDataset } from '../data/dataset/index.js';
import { Progress, runStatus, settleThreads, trainedOn, withInterrupt } from '../run/index.js';
import { bringWeights, openData } from './classify-data.js';
import {
  addTrustOption,
  collect,
  commandConfig,
  examples,
  globalOptions,
  moduleOption,
  output,
  partOption,
  recipeTitle,
  warning,
} from './common.js';

export function registerTrain(classify: Command): void {
  const train = addTrustOption(classify.command('train'))
    .description('train a classifier: the positive class against the rest')
    .requiredOption('--data <dataset>', 'dataset folder (graft data import, graft data phantoms)')
    .option('--recipe <name>', 'recipes/<name>.yaml, or a file', 'efficientnet-b0-64')
    .option(
      '--synthetic <dir>',
      'folder of synthetic images to add (graft generator sample); repeatable',
      collect,
      [],
    )
    .option('--set <key=value>', 'override a key of the recipe; repeatable', collect, [])
    .option(...partOption)
    .option(...moduleOption('a network or an augmentation of your own'))
    .option('--out <run>', 'run folder (default: runs/<recipe>)')
    .option('--dry-run', 'print the resolved configuration and stop')
    .action(async (options, command: Command) => trainCommand(options, command));
  examples(train, [
    [
      'a first run on phantoms',
      'graft data phantoms --count 2000 --out phantoms\n  graft classify train --data phantoms --set steps=300 --out runs/first',
    ],
    [
      'from ImageNet weights: fine-tuned, and as a probe on frozen features (graft classify networks)',
      'graft classify train --data isic2017 --recipe efficientnet-lite0-128 --out runs/fine-tuned\n  graft classify train --data isic2017 --recipe probe --out runs/probe',
    ],
    [
      'with synthetic melanomas in the training set',
      'graft classify train --data isic2017 --synthetic synthetic --out runs/with-synthetic',
    ],
    [
      'a network of one’s own (examples/my-classifier.ts)',
      'graft classify train --data isic2017 --module ./my-net.js --out runs/mine',
    ],
    ['every key with its default and source', 'graft classify train --data isic2017 --dry-run'],
  ]);

  const resume = addTrustOption(classify.command('resume'))
    .description('go on with a run that was stopped; it ends as if it never had been')
    .argument('<run>', 'run folder')
    .option('--data <dataset>', 'where its dataset is now, if that has moved')
    .action(async (dir: string, options: { data?: string }, command: Command) =>
      resumeCommand(dir, options.data, command),
    );
  examples(resume, [['after Ctrl-C, a crash or a power cut', 'graft classify resume runs/first']]);
}

interface TrainOptions {
  data: string;
  recipe: string;
  synthetic: string[];
  set: string[];
  part?: string;
  module?: string;
  out?: string;
  dryRun?: boolean;
}

async function trainCommand(options: TrainOptions, command: Command): Promise<void> {
  const settle = (config: ClassifierConfig): ClassifierConfig => {
    checkRecipe(config);
    return settleThreads(config);
  };
  const settled = { ...options, settle };
  const config = await commandConfig(command, classifierConfigSchema, 'classifier', settled, [
    { flag: '--data', key: 'data', value: options.data },
    { flag: '--part', key: 'weightsPart', value: options.part },
    { flag: '--module', key: 'module', value: options.module },
    {
      flag: '--synthetic',
      key: 'synthetic',
      value: options.synthetic.length > 0 ? options.synthetic : undefined,
    },
  ]);
  if (config === null) return;
  const runDir = options.out ?? `runs/${recipeTitle(options.recipe)}`;
  await runToEnd(config, { runDir, ifExists: 'refuse' }, command);
}

async function resumeCommand(dir: string, data: string | undefined, command: Command): Promise<void> {
  const { device, threads } = globalOptions(command);
  const was = readClassifierConfig(dir);
  const config = {
    ...was,
    data: data ?? was.data,
    device: device ?? was.device,
    threads: threads ?? was.threads,
  };
  if (runStatus(dir) === 'finished') throw new GraftError(`${dir}: has finished; there is nothing to resume`);
  reopenDataset(config.data, trainedOn(dir));
  await runToEnd(config, { runDir: dir, ifExists: 'continue' }, command);
}

/** Opens the data, trains with a progress bar and the signals caught, prints the result. */
async function runToEnd(
  config: ClassifierConfig,
  { runDir, ifExists }: { runDir: string; ifExists: 'refuse' | 'continue' },
  command: Command,
): Promise<void> {
  const { quiet } = globalOptions(command);
  const { data: _, synthetic: folders, ...recipe } = config;
  await bringWeights(config.weights, { quiet });
  const { dataset, cache } = await openData(config.data, config.imageSize, {
    quiet,
    // Runs of before there was this key have three.
    channels: config.channels ?? (ifExists === 'continue' ? 3 : undefined),
  });
  if (ifExists === 'refuse')
    for (const { artefact, why } of await requireUnseenParts(config, dataset)) warning(`${artefact}: ${why}`);
  const synthetic = await readSyntheticFolders(folders, dataset, {
    sizePx: config.imageSize,
    channels: cache.channels,
    warn: (message) => process.stderr.write(`graft: warning: ${message}\n`),
  });
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
        warn: warning,
        onFeatures: (done, total) => {
          const label = `features of ${config.architecture}-${config.imageSize}`;
          bar ??= new Progress({ label, total, unit: 'views', quiet });
          bar.update(done);
        },
        onStep: (step, { loss, valAuc, bestAuc }) => {
          if (config.method === 'probe') return;
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
  const few = fewLines(binaryCounts(result.testScores, result.dataset.positive));
  const { testScores: _t, valScores: _v, ...json } = result;
  output(command, { json: { run: runDir, ...json }, text: () => describeRun(runDir, result, few) });
}

const courseWords = (title: string, { probe, steps, stoppedEarly }: ClassifierResult): string =>
  probe
    ? `Fitted a probe on ${probe.features} features of ${title} (C ${probe.strength.toPrecision(3)}, ${steps} iterations) to`
    : `Trained ${title} for ${steps} steps${stoppedEarly ? ' (stopped early)' : ''} on`;

function describeRun(runDir: string, result: ClassifierResult, few: readonly string[]): string {
  const { images, test, testAucInterval } = result;
  const interval = testAucInterval
    ? ` [95 % interval ${testAucInterval.low.toFixed(3)} to ${testAucInterval.high.toFixed(3)}]`
    : '';
  const positives = result.testScores.filter((row) => row.label === 1).length;
  return [
    `${courseWords(networkTitle(readClassifierConfig(runDir)), result)} ${images.real} real and ${images.synthetic} synthetic images (${images.realPositive + images.syntheticPositive} positive)${result.probe ? '' : `; best at step ${result.bestStep}${choiceWords(result.choice)}`}.`,
    `Validation AUC ${result.valAuc.toFixed(3)}; test AUC ${result.testAuc.toFixed(3)}${interval}, ${result.testScores.length} images, ${positives} positive.`,
    ...few,
    ...(result.byClass
      ? [
          `Every class against the rest: macro AUC ${result.byClass.test.macroAuc.toFixed(3)}, balanced accuracy ${result.byClass.test.balancedAccuracy.toFixed(3)} over ${result.byClass.test.classes.length} classes on the test split; the line above and the next are '${result.byClass.test.classes[0]!.name}' alone.`,
        ]
      : []),
    ...(result.probe
      ? [
          `Beside it, ${result.probe.neighbours.k}-NN on the same features: test AUC ${result.probe.neighbours.testAuc.toFixed(3)}.`,
        ]
      : []),
    `At the threshold of the validation split: sensitivity ${test.sensitivity.toFixed(2)}, specificity ${test.specificity.toFixed(2)}.`,
    `Next: ${commandLine`graft classify evaluate ${runDir}`}`,
    `      ${commandLine`graft classify predict ${runDir}`} FOLDER`,
  ].join('\n');
}
