/** `graft trial work`: a worker. And what workers start: `job`, one job; `probe`, a few steps of one. */

import { hostname } from 'node:os';
import type { Command } from 'commander';
import { withInterrupt } from '../run/index.js';
import { stoppedExitCode, workOn } from '../trial/executors/index.js';
import {
  BUSY_EXIT_CODE,
  type JobOutcome,
  jobTitle,
  openTrial,
  probe,
  runJobHere,
  type TrialJob,
} from '../trial/index.js';
import { addTrustOption, examples, globalOptions, integer, notice, output, warning } from './common.js';

export function registerWork(trial: Command): void {
  const work = addTrustOption(trial.command('work'))
    .description('do open jobs of a trial that another process began, until none is left')
    .argument('<dir>', 'trial folder, on a file system that all workers share, or s3://BUCKET/FOLDER')
    .option('--jobs <count>', 'jobs at once', integer({ min: 1, max: 1024 }), 1)
    .option('--most-jobs <count>', 'end after so many', integer({ min: 1 }))
    .option('--id <name>', 'name in the record of failures (default: host and process)')
    .option('--queue <url>', 'take the jobs from a queue in PostgreSQL, postgresql://user@host/database')
    .option('--data <dataset>', 'where this machine has the dataset (default: where the trial file says)')
    .option(
      '--scratch <dir>',
      'object store: this worker’s copy of the trial (default: a folder here named after it)',
    )
    .action(async (dir: string, flags: WorkFlags, command: Command) => workCommand(dir, flags, command));
  examples(work, [
    [
      'lend a second machine to a trial that runs on the first',
      'graft trial work /shared/runs/trial-melanoma',
    ],
    [
      'a machine that shares nothing but a database and an object store',
      'graft trial work s3://bucket/melanoma --queue postgresql://graft@db/graft --data datasets/isic2017',
    ],
  ]);

  trial
    .command('job', { hidden: true })
    .description('do one job of a trial in this process')
    .argument('<dir>', 'trial folder')
    .argument('<id>', 'folder of the job, relative to the trial’s')
    .option('--data <dataset>', 'where this machine has the dataset')
    .action(async (dir: string, id: string, { data }: { data?: string }) => jobCommand(dir, id, data));

  trial
    .command('probe', { hidden: true })
    .description('time and memory of a few training steps of a trial')
    .argument('<dir>', 'trial folder, which is written to')
    .option('--gan <name>', 'of this GAN instead of the classifier')
    .option('--meet <folder>', 'time the steps together with other probes, which are found there')
    .option('--count <count>', 'probes that meet', integer({ min: 1, max: 1024 }), 1)
    .action(async (dir: string, flags: ProbeFlags, command: Command) => probeCommand(dir, flags, command));
}

interface WorkFlags {
  jobs: number;
  mostJobs?: number;
  id?: string;
  queue?: string;
  data?: string;
  scratch?: string;
}

async function workCommand(dir: string, flags: WorkFlags, command: Command): Promise<void> {
  const worker = flags.id ?? process.env.GRAFT_WORKER ?? `${hostname()}, process ${process.pid}`;
  let done = 0;
  const onJob = (job: TrialJob, outcome: JobOutcome): void => {
    if (outcome === 'done') done++;
    if (outcome !== 'busy') notice(command, `${outcome}: ${jobTitle(job)}`);
  };
  const ended = await withInterrupt(
    (interrupt) => workOn(dir, { ...flags, parallel: flags.jobs, worker, interrupt, onJob, warn: warning }),
    'stopping: every job saves its state; once more to stop at once',
  );
  output(command, { json: { trial: dir, done, ended }, text: `${done} jobs done, ${ended}` });
  if (ended === 'stopped') process.exitCode = stoppedExitCode;
}

async function jobCommand(dir: string, id: string, data?: string): Promise<void> {
  // The worker that started this process is gone: nobody would know of it, so it saves and ends.
  const abandon = (): boolean => process.kill(process.pid, 'SIGTERM');
  process.once('disconnect', abandon);
  try {
    const ended = await withInterrupt(
      (interrupt) => runJobHere(openTrial(dir, data), id, { interrupt, warn: warning }),
      'stopping after this step and saving the state',
      // Slurm signals this process as well as its worker, which signals it again.
      { repeatMs: 10_000 },
    );
    if (ended === 'busy') process.exitCode = BUSY_EXIT_CODE;
  } finally {
    process.off('disconnect', abandon);
    if (process.connected) process.disconnect();
  }
}

interface ProbeFlags {
  gan?: string;
  meet?: string;
  count: number;
}

async function probeCommand(dir: string, flags: ProbeFlags, command: Command): Promise<void> {
  const { threads = 1 } = globalOptions(command);
  const kind = flags.gan === undefined ? 'classifier' : { gan: flags.gan };
  const meeting = flags.meet === undefined ? null : { folder: flags.meet, count: flags.count };
  output(command, { json: await probe({ ...openTrial(dir), threads }, kind, meeting) });
}
