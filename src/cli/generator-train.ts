/** `graft generator train | resume`. */
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { commandLine } from '../base/index.js';
import { openDataset, reopenDataset } from '../data/dataset/index.js';
import { chosenName } from '../data/table/index.js';
import type { GanConfig, GanParts, GanSummary, TrainHooks } from '../generate/index.js';
import {
  checkGanConfig,
  checkGeneratorData,
  classTitle,
  ganConfigSchema,
  openModule,
  settleChannels,
  settleModule,
  standingSentence,
  trainGan,
} from '../generate/index.js';
import { requireTrust, settleBackbone } from '../metrics/backbone/index.js';
import type { Run } from '../run/index.js';
import {
  createRun,
  openRun,
  Progress,
  readRunConfig,
  resolveConfig,
  settleThreads,
  trainedOn,
  withdrawRefused,
  withInterrupt,
} from '../run/index.js';
import {
  addTrustOption,
  collect,
  colorsFor,
  commandConfig,
  conditionFlags,
  examples,
  globalOptions,
  moduleOption,
  notice,
  output,
  partOption,
  recipeTitle,
  requireEngine,
  warning,
} from './common.js';

export function registerTrain(generator: Command): void {
  const train = addTrustOption(generator.command('train'))
    .description('train a GAN on the training images of one class, or of several')
    .requiredOption('--data <dataset>', 'dataset folder (graft data import, graft data phantoms)')
    .option('--class <label>', 'class to learn; repeatable, or `all` for every class', collect, [])
    .option('--recipe <name>', 'recipes/<name>.yaml, or a file', 'sngan-64')
    .option('--set <key=value>', 'override a key of the recipe; repeatable', collect, [])
    .option(...partOption)
    .option(...moduleOption('networks, an objective or a regulariser of your own'))
    .option('--out <run>', 'run folder (default: runs/<recipe>-<class>)')
    .option('--dry-run', 'print the resolved configuration and stop')
    .action(async (options, command: Command) => trainCommand(options, command));
  examples(train, [
    [
      'a first run on phantoms',
      'graft data phantoms --count 2000 --out phantoms\n  graft generator train --data phantoms --class malignant --set steps=500',
    ],
    [
      'the original’s SNGAN on melanomas',
      'graft generator train --recipe sngan-64 --data isic2017 --class melanoma --set steps=2600',
    ],
    [
      'two classes in one network',
      'graft generator train --recipe acgan-64 --data isic2017 --class melanoma --class nevus',
    ],
    [
      'few images: adaptive augmentation, and weights of a run on another class',
      'graft generator train --recipe sngan-64-ada --data isic2017 --class melanoma --set initFrom=runs/sngan-64-nevus',
    ],
    [
      'a loss or networks of one’s own (docs/gan.md)',
      'graft generator train --module my-gan.js --data isic2017 --class melanoma',
    ],
    [
      'every key with its default and source',
      'graft generator train --recipe dcgan-64 --data isic2017 --class melanoma --dry-run',
    ],
  ]);

  const resume = addTrustOption(generator.command('resume'))
    .description('go on with a run that was stopped; it ends as if it never had been')
    .argument('<run>', 'run folder')
    .option('--data <dataset>', 'where its dataset is now, if that has moved')
    .option(...moduleOption('where its module is now, of a run that was begun with one'))
    .option('--changed-module', 'go on although that module is not what it was')
    .action(async (dir: string, options: ResumeOptions, command: Command) =>
      resumeCommand(dir, options, command),
    );
  examples(resume, [
    ['after Ctrl-C, a crash or a power cut', 'graft generator resume runs/sngan-64-melanoma'],
  ]);
}

interface TrainOptions {
  data: string;
  class: string[];
  recipe: string;
  set: string[];
  part?: string;
  module?: string;
  out?: string;
  dryRun?: boolean;
}

/** `auto` is written down as what it is now: what lies in a cache when the run goes on does not matter. */
const settleAuto = (config: GanConfig): GanConfig =>
  config.backbone === null ? config : { ...config, backbone: settleBackbone(config.backbone) };

interface ResumeOptions {
  data?: string;
  module?: string;
  changedModule?: boolean;
}

async function trainCommand(options: TrainOptions, command: Command): Promise<void> {
  const labels = await wantedClasses(options);
  const settled = { ...options, settle: (config: GanConfig) => settleAuto(settleThreads(config)) };
  const config = await commandConfig(command, ganConfigSchema, 'gan', settled, [
    { flag: '--data', key: 'data', value: options.data },
    { flag: '--class', key: 'class', value: labels.length === 1 ? labels[0] : labels },
    { flag: '--part', key: 'initFromPart', value: options.part },
    { flag: '--module', key: 'module', value: options.module },
  ]);
  if (config === null) return;
  openDataset(config.data); // there is none: said in its own words
  // A recipe that was another run's config.yaml has the hash of then: this run has the module as it is now.
  const parts = await openModule(config, { changed: true });
  checkGanConfig(config, parts);
  if (config.monitorEvery > 0) requireTrust(config.backbone);
  const dataset = checkGeneratorData(config);
  const whole = settleChannels(await settleModule(config), dataset);
  const dir = options.out ?? `runs/${recipeTitle(options.recipe)}-${classTitle(config)}`;
  requireEngine(); // a machine without one gets no run folder
  const run = createRun(dir, { kind: 'gan', config: whole, dataHash: dataset.hash });
  try {
    await runToEnd(run, { config: whole, parts }, command);
  } catch (error) {
    withdrawRefused(dir, error);
    throw error;
  }
}

/** The classes as the dataset spells them. @throws ConfigError listing them where none is named */
async function wantedClasses({ class: labels, data }: TrainOptions): Promise<string[]> {
  const isAll = labels.length === 1 && labels[0] === 'all';
  let classes: string[];
  try {
    ({ classes } = openDataset(data));
  } catch (error) {
    // What is wrong with the dataset is told before training; a dry run needs none.
    if (isAll || labels.length === 0) throw error;
    return labels;
  }
  if (labels.length === 0)
    throw new ConfigError(
      `--class: say what is to be learned: ${classes.join(', ')}, or all of them with 'all'`,
    );
  if (isAll && !classes.includes('all')) return [...classes];
  // One that is not there is refused with the others that a GAN needs.
  return labels.map((label) => chosenName(label, classes) ?? label);
}

async function resumeCommand(dir: string, options: ResumeOptions, command: Command): Promise<void> {
  const { data, module: named, changedModule: changed } = options;
  if (data !== undefined) reopenDataset(data, trainedOn(dir));
  const { module, moduleSha256 } = readRunConfig(dir).config as Partial<GanConfig>;
  if (module === undefined && (named !== undefined || changed))
    throw new ConfigError(`${dir}: was begun without a module: leave --module and --changed-module out`);
  let parts: GanParts = {};
  let current: { path: string; sha256: string } | undefined;
  if (module !== undefined) {
    const given = { module: named ?? module, moduleSha256 } as GanConfig;
    parts = await openModule(given, { changed });
    current = { path: given.module!, sha256: (await settleModule(given)).moduleSha256! };
  }
  const run = openRun(dir, { kind: 'gan', data, module: current });
  const sources = { file: run.path('config.yaml'), flags: conditionFlags(command) };
  await runToEnd(run, { config: resolveConfig(ganConfigSchema, sources), parts }, command);
}

/** Trains with a progress bar and the signals caught, and prints the summary. */
async function runToEnd(
  run: Run,
  { config, parts }: { config: GanConfig; parts: GanParts },
  command: Command,
): Promise<void> {
  const { quiet } = globalOptions(command);
  const { yellow, red } = colorsFor(process.stderr);
  let decoding: InstanceType<typeof Progress> | null = null;
  let training: InstanceType<typeof Progress> | null = null;
  const hooks: TrainHooks = {
    warn: warning,
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
    onFinding: ({ step, kind, severity, evidence, remedy }) => {
      const colour = severity === 'critical' ? red : yellow;
      notice(command, `\n${colour(`step ${step}: ${kind}`)}: ${evidence}; ${remedy}`);
    },
  };
  let summary: GanSummary;
  try {
    summary = await withInterrupt((interrupt) => trainGan(run, config, { ...parts, ...hooks, interrupt }));
  } finally {
    (training as InstanceType<typeof Progress> | null)?.stop();
    run.close();
  }
  const findings = Object.entries(summary.findings).map(([kind, step]) => `${kind} (step ${step})`);
  const lines = [
    `Trained ${config.architecture} for ${summary.steps} steps on ${summary.trainingImages} images of class '${summary.class}' (${summary.trainingGroups.length} groups).`,
    ...(findings.length > 0 ? [`The doctor found: ${findings.join(', ')}; see log.txt and the report.`] : []),
    ...(summary.standing ? [standingSentence(summary.standing) ?? []].flat() : []),
    ...(summary.best
      ? [`Best ${summary.best.metric}: ${summary.best.value.toFixed(3)} at step ${summary.best.step}.`]
      : []),
    `Sample grids: ${run.path('samples')}`,
    `Next:         ${commandLine`graft generator report ${run.dir}`}`,
    `              ${commandLine`graft generator sample ${run.dir} --count 500 --out synthetic`}`,
  ];
  output(command, { json: { run: run.dir, ...summary }, text: lines.join('\n') });
}
