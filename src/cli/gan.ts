/** `graft gan train | resume | sample`. */
import type { Command } from 'commander';
import type { GanConfig } from '../gan/config.js';
import type { GanSummary, TrainHooks } from '../gan/train.js';
import type { Run } from '../run/run-folder.js';
import {
  collect,
  commandConfig,
  examples,
  globalOptions,
  integer,
  notice,
  output,
  recipeTitle,
  startEngine,
} from './common.js';

export function register(program: Command): void {
  const gan = program.command('gan').description('train a generative adversarial network, and sample it');

  const train = gan
    .command('train')
    .description('train a GAN on the training images of one class')
    .requiredOption('--data <dataset>', 'dataset folder (graft data import, graft data phantoms)')
    .requiredOption('--class <label>', 'class to learn')
    .option('--recipe <name>', 'recipes/<name>.yaml, or a file', 'sngan-64')
    .option('--set <key=value>', 'override a key of the recipe; repeatable', collect, [])
    .option('--out <run>', 'run folder (default: runs/<recipe>-<class>)')
    .option('--dry-run', 'print the resolved configuration and stop')
    .action(async (options, command: Command) => trainCommand(options, command));
  examples(train, [
    [
      'a first run on phantoms',
      'graft data phantoms --count 2000 --out phantoms\n  graft gan train --data phantoms --class malignant --set steps=500',
    ],
    [
      'the original’s SNGAN on melanomas',
      'graft gan train --recipe sngan-64 --data isic2017 --class melanoma --set steps=2600',
    ],
    [
      'every key with its default and source',
      'graft gan train --recipe dcgan-64 --data isic2017 --class melanoma --dry-run',
    ],
  ]);

  const resume = gan
    .command('resume')
    .description('go on with a run that was stopped; it ends as if it never had been')
    .argument('<run>', 'run folder')
    .action(async (dir: string, _options, command: Command) => resumeCommand(dir, command));
  examples(resume, [['after Ctrl-C, a crash or a power cut', 'graft gan resume runs/sngan-64-melanoma']]);

  const sample = gan
    .command('sample')
    .description('write images of a trained generator, with their lineage')
    .argument('<run>', 'run folder of a finished GAN')
    .option('--count <n>', 'how many', integer({ min: 1 }), 500)
    .requiredOption('--out <dir>', 'folder for the PNG files and lineage.json; must be new or empty')
    .option('--checkpoint <step>', 'of this step (default: the last)', integer({ min: 0 }))
    .option('--weights <kind>', 'ema (the moving average) or raw (default: ema where the run has it)')
    .action(async (dir: string, options, command: Command) => sampleCommand(dir, options, command));
  examples(sample, [
    ['500 images', 'graft gan sample runs/sngan-64-melanoma --count 500 --out synthetic'],
    [
      'others of the same generator',
      'graft gan sample runs/sngan-64-melanoma --count 500 --seed 1 --out synthetic-1',
    ],
  ]);
}

interface TrainOptions {
  data: string;
  class: string;
  recipe: string;
  set: string[];
  out?: string;
  dryRun?: boolean;
}

async function trainCommand(options: TrainOptions, command: Command): Promise<void> {
  const { ganConfigSchema } = await import('../gan/config.js');
  const config = await commandConfig(command, ganConfigSchema, 'gan', options, [
    { flag: '--data', key: 'data', value: options.data },
    { flag: '--class', key: 'class', value: options.class },
  ]);
  if (config === null) return;
  const { createRun } = await import('../run/run-folder.js');
  const { checkGanData } = await import('../gan/data.js');
  checkGanData(config);
  const dir = options.out ?? `runs/${recipeTitle(options.recipe)}-${options.class}`;
  await runToEnd(createRun(dir, { kind: 'gan', config }), config, command);
}

async function resumeCommand(dir: string, command: Command): Promise<void> {
  const { ganConfigSchema } = await import('../gan/config.js');
  const { resolveConfig } = await import('../run/config.js');
  const { openRun } = await import('../run/run-folder.js');
  const run = openRun(dir, { kind: 'gan' });
  await runToEnd(run, resolveConfig(ganConfigSchema, { file: run.path('config.yaml') }), command);
}

/** Trains with a progress bar and the signals caught, and prints the summary. */
async function runToEnd(run: Run, config: GanConfig, command: Command): Promise<void> {
  const { trainGan } = await import('../gan/train.js');
  const { withInterrupt } = await import('../run/interrupt.js');
  const { Progress } = await import('../run/progress.js');
  const { quiet } = globalOptions(command);
  let decoding: InstanceType<typeof Progress> | null = null;
  let training: InstanceType<typeof Progress> | null = null;
  const hooks: TrainHooks = {
    warn: (message) => process.stderr.write(`graft: warning: ${message}\n`),
    onDecode: (done, total) => {
      decoding ??= new Progress({ label: 'decoding', total, unit: 'images', quiet });
      decoding.update(done);
      if (done === total) decoding.stop();
    },
    onStep: (step, figures) => {
      training ??= new Progress({
        label: `training ${config.architecture}-${config.imageSize}`,
        total: config.steps,
        start: step - 1,
        items: { count: config.batchSize * config.criticSteps, name: 'images' },
        quiet,
      });
      training.update(step, {
        D: figures.discriminatorLoss,
        G: figures.generatorLoss,
        'D(x)': figures.realScore,
        'D(G(z))': figures.fakeScore,
      });
    },
  };
  let summary: GanSummary;
  try {
    summary = await withInterrupt((interrupt) => trainGan(run, config, { ...hooks, interrupt }));
  } finally {
    (training as InstanceType<typeof Progress> | null)?.stop();
    run.close();
  }
  const lines = [
    `Trained ${config.architecture} for ${summary.steps} steps on ${summary.trainingImages} images of class '${config.class}' (${summary.trainingGroups.length} groups).`,
    `Sample grids: ${run.path('samples')}`,
    `Next:         graft gan sample ${run.dir} --count 500 --out synthetic`,
  ];
  output(command, { json: { run: run.dir, ...summary }, text: lines.join('\n') });
}

interface SampleCommandOptions {
  count: number;
  out: string;
  checkpoint?: number;
  weights?: 'ema' | 'raw';
}

async function sampleCommand(dir: string, options: SampleCommandOptions, command: Command): Promise<void> {
  const { ConfigError } = await import('../errors.js');
  if (options.weights && !['ema', 'raw'].includes(options.weights)) {
    throw new ConfigError(`--weights ${options.weights}: expected ema or raw`);
  }
  const { openGenerator, sampleToFolder } = await import('../gan/sample.js');
  const { withProgress } = await import('../run/progress.js');
  const { quiet, seed = 0, threads } = globalOptions(command);
  const device = await startEngine(command);
  const generator = await openGenerator(dir, {
    step: options.checkpoint,
    weights: options.weights,
    device,
    threads,
  });
  const { count, out } = options;
  const lineage = await withProgress({ label: 'sampling', total: count, unit: 'images', quiet }, (progress) =>
    sampleToFolder(generator, { count, seed, out, onProgress: (done) => progress.update(done) }),
  );
  generator.network.dispose();
  notice(command, `seed ${seed}, ${lineage.weights} weights of step ${lineage.checkpoint.step}`);
  output(command, { json: { out, ...lineage }, text: `${count} images and lineage.json in ${out}` });
}
