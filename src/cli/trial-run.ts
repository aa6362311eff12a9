/** `graft trial run | resume | status`: having a trial done, and watching it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ConfigError } from 'graft-torch/base';
import { commandLine } from '../base/index.js';
import { createRun, openRun, type Run, runStatus, wholePaths, withInterrupt } from '../run/index.js';
import { describeExecutor, openExecutor, openStore, threadsElsewhere } from '../trial/executors/index.js';
import {
  BoardReader,
  checkPictures,
  classifierConfig,
  describeSetting,
  openTrial,
  prepareTrial,
  priorRegistration,
  readSchedule,
  requirePlan,
  runTrial,
  settleTrialThreads,
  type Trial,
  type TrialConfig,
  trialConfigSchema,
  withModules,
  withRecipePaths,
} from '../trial/index.js';
import { REGISTRATION_FILE, writeRegistration } from '../verdict/index.js';
import {
  addTrustOption,
  collect,
  colorsFor,
  commandConfig,
  examples,
  globalOptions,
  notice,
  output,
} from './common.js';
import { type MakingHooks, making } from './data-making.js';
import { BoardView, boardLines } from './trial-board.js';
import { addExecutorOptions, type ExecutorFlags } from './trial-executor.js';
import { addDeviationOption, printReport } from './trial-report.js';

interface RunFlags extends ExecutorFlags {
  data?: string;
  set: string[];
  out?: string;
  dryRun?: boolean;
  registration?: string;
  deviation?: string;
}

export function registerRun(trial: Command): void {
  const run = addExecutorOptions(
    addDeviationOption(addTrustOption(trial.command('run')))
      .description('train GANs and the classifiers of every arm, seed and fold, and write the report')
      .argument('<trial.yaml>', 'trial file, or the name of a recipe')
      .option('--data <dataset>', 'dataset folder, instead of the file’s')
      .option('--set <key=value>', 'override a key of the file; repeatable', collect, [])
      .option('--out <dir>', 'trial folder (default: runs/trial-<name>)')
      .option('--registration <file>', 'the plan that it is held to: what `graft trial register` wrote')
      .option('--dry-run', 'print the resolved configuration and stop'),
  ).action(async (file: string, flags: RunFlags, command: Command) => runCommand(file, flags, command));
  examples(run, [
    ['the trial of a file', 'graft trial run my-trial.yaml'],
    ['three seeds on your dataset with the defaults', 'graft trial run trial-64 --data isic2017'],
    ['what it will cost, before anything runs', 'graft trial plan trial-64 --data isic2017'],
    [
      'with a GAN that is trained already',
      'graft trial run trial-64 --data isic2017 --set gans.sngan.run=runs/sngan-64-melanoma',
    ],
    ['held to a plan that was registered', 'graft trial run my-trial.yaml --registration registration.json'],
    ['on a cluster', 'graft trial run my-trial.yaml --executor slurm --workers 20'],
  ]);

  const resume = addExecutorOptions(
    addDeviationOption(addTrustOption(trial.command('resume')))
      .description('go on with a trial that was stopped; finished parts are not repeated')
      .argument('<dir>', 'trial folder')
      .option('--data <dataset>', 'where its dataset is now, if that has moved')
      .option('--dry-run', 'print what would be handed to Slurm or Kubernetes, and stop'),
  ).action(async (dir: string, flags: ResumeFlags, command: Command) => resumeCommand(dir, flags, command));
  examples(resume, [
    ['after Ctrl-C, a crash or a power cut', 'graft trial resume runs/trial-melanoma'],
    [
      'the manifest, to be looked at',
      'graft trial resume runs/trial-melanoma --executor kubernetes --workers 8 --image graft:1 --claim data --mount /data --dry-run',
    ],
  ]);

  const status = trial
    .command('status')
    .description('how a trial is getting on, whoever works on it')
    .argument('<dir>', 'trial folder')
    .option('--watch', 'keep looking until it ends')
    .option('--data <dataset>', 'where its dataset is now, if that has moved')
    .action(async (dir: string, flags: StatusFlags, command: Command) => statusCommand(dir, flags, command));
  examples(status, [
    ['once', 'graft trial status runs/trial-melanoma'],
    ['like top', 'graft trial status runs/trial-melanoma --watch'],
  ]);
}

async function runCommand(file: string, flags: RunFlags, command: Command): Promise<void> {
  const settle = (config: TrialConfig): TrialConfig =>
    settleTrialThreads({ ...config, threads: config.threads || threadsElsewhere(flags) });
  const given = await commandConfig(command, trialConfigSchema, 'trial', { ...flags, recipe: file, settle }, [
    { flag: '--data', key: 'data', value: flags.data },
  ]);
  if (given === null) return;
  if (flags.deviation !== undefined && flags.registration === undefined) {
    throw new ConfigError('--deviation: there is no plan to deviate from; give it with --registration');
  }
  const registered = flags.registration === undefined ? null : priorRegistration(flags.registration);
  const reason = registered?.registration.plan.marginReason;
  // Jobs run in processes of their own, perhaps on other machines: no path may hang on where this one was started.
  const config = {
    ...wholePaths('trial', await withModules(withRecipePaths(given))),
    ...(given.marginReason === null && typeof reason === 'string' && { marginReason: reason }),
  };
  const trial = prepareTrial(config); // a wrong path or key must not leave a run folder behind
  await openStore(flags); // nor a store without keys
  if (registered !== null && flags.deviation === undefined)
    await requirePlan(trial, registered, flags.registration!);
  const compared = await withPictures(trial, command);
  const dir = flags.out ?? `runs/trial-${config.name}`;
  const run = createRun(dir, { kind: 'trial', config, dataHash: trial.dataset.hash });
  if (registered !== null) writeRegistration(run.path(REGISTRATION_FILE), registered);
  await runTrialToEnd({ run, trial: compared }, command, flags);
}

/** With the pictures of external test sets compared to the trial's own, and a bar. */
export async function withPictures(trial: Trial, command: Command): Promise<Trial> {
  if (Object.keys(trial.config.external).length === 0) return { ...trial, pictures: null };
  const labels = { shared: 'comparing external sets with the training images' };
  const work = ({ onProgress, signal }: MakingHooks<'shared'>) =>
    checkPictures(trial.config, trial.dataset, {
      onProgress: (done, total) => onProgress('shared', done, total),
      signal,
    });
  return { ...trial, pictures: await making(command, { labels, advice: 'nothing was begun' }, work) };
}

interface ResumeFlags extends ExecutorFlags {
  data?: string;
  deviation?: string;
  dryRun?: boolean;
}

async function resumeCommand(dir: string, flags: ResumeFlags, command: Command): Promise<void> {
  if (flags.dryRun) {
    const text = describeExecutor(dir, flags);
    output(command, { json: { text }, text });
    return;
  }
  const trial = openTrial(dir, flags.data);
  const { threads } = globalOptions(command);
  const run = openRun(dir, { kind: 'trial', data: flags.data });
  await runTrialToEnd({ run, trial }, command, { ...flags, threads });
}

/** Runs (or goes on with) a trial, with its table and the signals caught; writes and prints the report. */
export async function runTrialToEnd(
  { run, trial }: { run: Run; trial: Trial },
  command: Command,
  flags: ExecutorFlags & { threads?: number; deviation?: string } = {},
): Promise<void> {
  const { quiet } = globalOptions(command);
  const view = new BoardView({ quiet });
  // The first fit of a probe makes the features that all others find.
  const isProbe = classifierConfig(trial.config).method === 'probe';
  const featuresFirst = isProbe
    ? '; features that are not there yet are made first, which takes minutes'
    : '';
  try {
    const summary = await withInterrupt(
      async (interrupt) =>
        runTrial(run, trial, {
          interrupt,
          parallel: flags.jobs,
          onCompare: () => view.note('comparing the pictures of external sets with the training images'),
          threads: flags.threads,
          deviation: flags.deviation,
          onNotice: (message) => view.note(message),
          executor: await openExecutor(run.dir, flags, { warn: (message) => view.note(message), interrupt }),
          onProbe: (title) => view.note(`measuring what this machine has room for: ${title}${featuresFirst}`),
          onRoom: ({ chosen }) => view.note(`room for ${describeSetting(chosen)}`),
          onTurn: (board) => view.show(board),
          onJob: (title, outcome) => {
            if (outcome !== 'busy' && outcome !== 'stopped') view.note(`${outcome}: ${title}`);
          },
          onLook: (message) => view.note(message),
        }),
      'stopping: every job saves its state; once more to stop at once',
    );
    view.stop();
    await printReport({ dir: run.dir, summary }, command);
  } finally {
    view.stop();
    run.close();
  }
}

interface StatusFlags {
  watch?: boolean;
  data?: string;
}

async function statusCommand(dir: string, flags: StatusFlags, command: Command): Promise<void> {
  const trial = openTrial(dir, flags.data);
  const reader = new BoardReader(dir, trial.config);
  const look = () => reader.read(trial.jobs(readSchedule(dir)?.seeds));
  if (flags.watch) {
    const view = new BoardView({ quiet: false });
    while (runStatus(dir) !== 'finished') {
      view.show(look());
      await sleep(500);
    }
    view.show(look());
    view.stop();
    notice(command, finishedWords(dir));
    return;
  }
  const board = look();
  const status = runStatus(dir);
  const finished = status === 'finished';
  output(command, {
    json: { trial: dir, status, ...board },
    text: () =>
      [
        ...boardLines(board, {
          columns: process.stdout.columns ?? 100,
          colors: colorsFor(process.stdout),
          finished,
        }),
        ...(finished ? [finishedWords(dir)] : []),
      ].join('\n'),
  });
}

const finishedWords = (dir: string): string =>
  `${dir} has finished; its verdict: ${commandLine`graft trial report ${dir}`}`;
