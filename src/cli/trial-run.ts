/** `graft trial run | resume | status`: having a trial done, and watching it. */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ConfigError, DataError } from 'graft-torch/base';
import { commandLine, graftVersion } from '../base/index.js';
import type { Dataset } from '../data/dataset/index.js';
import { openDataset } from '../data/dataset/index.js';
import type { Run } from '../run/index.js';
import {
  createRun,
  openRun,
  readRunConfig,
  resolveConfig,
  runStatus,
  wholePaths,
  withInterrupt,
} from '../run/index.js';
import type { PictureCheck, TrialConfig } from '../trial/index.js';
import {
  BoardReader,
  checkPictures,
  checkTrial,
  describeSetting,
  openTrialDataset,
  planTrial,
  readSchedule,
  requireBalanceArm,
  runTrial,
  settleTrialThreads,
  trialConfigSchema,
  trialPlan,
  withRecipePaths,
} from '../trial/index.js';
import type { RegistrationFile } from '../verdict/index.js';
import {
  planDifferences,
  REGISTRATION_FILE,
  readRegistration,
  requirePast,
  someOf,
  writeRegistration,
} from '../verdict/index.js';
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
import {
  addExecutorOptions,
  describeExecutor,
  type ExecutorFlags,
  openExecutor,
  openStore,
} from './trial-executor.js';
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
  const registered = flags.registration === undefined ? null : await priorRegistration(flags.registration);
  const reason = registered?.registration.plan.marginReason;
  // Jobs run in processes of their own, perhaps on other machines: no path may hang on where this one was started.
  const config = {
    ...wholePaths('trial', withRecipePaths(given)),
    ...(given.marginReason === null && typeof reason === 'string' && { marginReason: reason }),
  };
  const dataset = openDataset(config.data);
  requireBalanceArm(config);
  planTrial(config, dataset); // a wrong path or key must not leave a run folder behind
  checkTrial(config, dataset);
  await openStore(flags); // nor a store without keys
  if (registered !== null && flags.deviation === undefined)
    await requirePlan(registered, config, dataset, flags);
  const compared = await comparePictures(config, dataset, command);
  const dir = flags.out ?? `runs/trial-${config.name}`;
  const run = createRun(dir, { kind: 'trial', config, dataHash: dataset.hash });
  if (registered !== null) {
    writeRegistration(run.path(REGISTRATION_FILE), registered);
  }
  await runTrialToEnd(run, config, command, { ...flags, compared });
}

/** @throws DataError where it is none, ConfigError where it was not made before a trial */
async function priorRegistration(path: string): Promise<RegistrationFile> {
  const file = readRegistration(path);
  requirePast(file.registration);
  if (file.registration.by === 'register') return file;
  throw new ConfigError(
    `${path}: was written by a trial that began, not before it; make one with: ${commandLine`graft trial register FILE`}`,
  );
}

/** Before there is a trial folder. @throws ConfigError naming what differs from the registered plan */
async function requirePlan(
  { registration }: RegistrationFile,
  config: TrialConfig,
  dataset: Dataset,
  { registration: path }: RunFlags,
): Promise<void> {
  const ignoreNew = registration.version !== graftVersion();
  const differences = planDifferences(registration.plan, await trialPlan(config, dataset), { ignoreNew });
  if (differences.length > 0)
    throw new ConfigError(
      `${path}: registered another plan than this: ${someOf(differences)}. Run what was registered, or say why not: --deviation "…", which the report then tells`,
    );
}

/** Jobs elsewhere have the cores that they are given there; 0 where they run here. */
const threadsElsewhere = ({ executor, workerCpus }: ExecutorFlags): number =>
  executor === undefined || executor === 'local' ? 0 : (workerCpus ?? 1);

/** Pictures of external test sets against the trial's own, with a bar; null where there are no such sets. */
export async function comparePictures(
  config: TrialConfig,
  dataset: Dataset,
  command: Command,
): Promise<PictureCheck | null> {
  if (Object.keys(config.external).length === 0) return null;
  const labels = { shared: 'comparing external sets with the training images' };
  const work = ({ onProgress, signal }: MakingHooks<'shared'>) =>
    checkPictures(config, dataset, {
      onProgress: (done, total) => onProgress('shared', done, total),
      signal,
    });
  return making(command, { labels, advice: 'nothing was begun' }, work);
}

/**
 * The configuration of a trial folder.
 * @param data where its dataset is now; default: where the trial says
 */
export async function trialConfigOf(dir: string, data?: string): Promise<TrialConfig> {
  const { kind } = readRunConfig(dir);
  if (kind !== 'trial') throw new DataError(`${dir}: is a ${kind} run, expected a trial`);
  const config = resolveConfig(trialConfigSchema, { file: `${dir}/config.yaml` });
  return data === undefined ? config : { ...config, data: resolve(data) };
}

interface ResumeFlags extends ExecutorFlags {
  data?: string;
  deviation?: string;
  dryRun?: boolean;
}

async function resumeCommand(dir: string, flags: ResumeFlags, command: Command): Promise<void> {
  if (flags.dryRun) {
    const text = await describeExecutor(dir, flags);
    output(command, { json: { text }, text });
    return;
  }
  const config = await trialConfigOf(dir, flags.data);
  openTrialDataset(dir, config);
  const { threads } = globalOptions(command);
  await runTrialToEnd(openRun(dir, { kind: 'trial', data: flags.data }), config, command, {
    ...flags,
    threads,
  });
}

/** Runs (or goes on with) a trial, with its table and the signals caught; writes and prints the report. */
export async function runTrialToEnd(
  run: Run,
  config: TrialConfig,
  command: Command,
  flags: ExecutorFlags & { compared?: PictureCheck | null; threads?: number; deviation?: string } = {},
): Promise<void> {
  const { quiet } = globalOptions(command);
  const view = new BoardView({ quiet });
  try {
    const summary = await withInterrupt(
      async (interrupt) =>
        runTrial(run, config, {
          interrupt,
          parallel: flags.jobs,
          compared: flags.compared,
          onCompare: () => view.note('comparing the pictures of external sets with the training images'),
          threads: flags.threads,
          deviation: flags.deviation,
          onNotice: (message) => view.note(message),
          executor: await openExecutor(run.dir, flags, (message) => view.note(message), interrupt),
          onProbe: (title) => view.note(`measuring what this machine has room for: ${title}`),
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
    await printReport(run.dir, summary, command);
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
  const config = await trialConfigOf(dir, flags.data);
  const dataset = openTrialDataset(dir, config);
  const reader = new BoardReader(dir, config);
  const look = () => {
    const schedule = readSchedule(dir);
    const jobs = planTrial(config, dataset, schedule && { seeds: schedule.seeds });
    return reader.read(jobs);
  };
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
        ...boardLines(board, process.stdout.columns ?? 100, colorsFor(process.stdout), { finished }),
        ...(finished ? [finishedWords(dir)] : []),
      ].join('\n'),
  });
}

const finishedWords = (dir: string): string =>
  `${dir} has finished; its verdict: ${commandLine`graft trial report ${dir}`}`;
