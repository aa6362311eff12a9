/** `graft trial work`: a worker. And what workers start: `job`, one job; `probe`, a few steps of one. */
import type { Command } from 'commander';
import type { Interrupt } from '../run/interrupt.js';
import type { TrialConfig } from '../trial/config.js';
import type { JobState } from '../trial/jobs.js';
import type { TrialJob } from '../trial/plan.js';
import type { JobOutcome } from '../trial/work.js';
import { examples, globalOptions, integer, notice, output } from './common.js';
import { trialConfigOf } from './trial-run.js';

export function registerWork(trial: Command): void {
  const work = trial
    .command('work')
    .description('do open jobs of a trial that another process began, until none is left')
    .argument('<dir>', 'trial folder, on a file system that all workers share')
    .option('--jobs <count>', 'jobs at once', integer({ min: 1, max: 1024 }), 1)
    .option('--most-jobs <count>', 'end after so many', integer({ min: 1 }))
    .option('--id <name>', 'name in the record of failures (default: host and process)')
    .option('--queue <url>', 'take the jobs from a queue in PostgreSQL, postgresql://user@host/database')
    .action(async (dir: string, flags: WorkFlags, command: Command) => workCommand(dir, flags, command));
  examples(work, [
    [
      'lend a second machine to a trial that runs on the first',
      'graft trial work /shared/runs/trial-melanoma',
    ],
  ]);

  trial
    .command('job', { hidden: true })
    .description('do one job of a trial in this process')
    .argument('<dir>', 'trial folder')
    .argument('<id>', 'folder of the job, relative to the trial’s')
    .action(async (dir: string, id: string) => jobCommand(dir, id));

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
}

async function workCommand(dir: string, flags: WorkFlags, command: Command): Promise<void> {
  const { hostname } = await import('node:os');
  const { jobTitle } = await import('../trial/board.js');
  const { withInterrupt } = await import('../run/interrupt.js');
  const { stoppedExitCode } = await import('../trial/executors/workers.js');
  const config = await trialConfigOf(dir);
  const worker = flags.id ?? process.env.GRAFT_WORKER ?? `${hostname()}, process ${process.pid}`;
  let done = 0;
  const onJob = (job: TrialJob, outcome: JobOutcome): void => {
    if (outcome === 'done') done++;
    if (outcome !== 'busy') notice(command, `${outcome}: ${jobTitle(job)}`);
  };
  const ended = await withInterrupt(async (interrupt) => {
    const options = { ...flags, parallel: flags.jobs, worker, interrupt, onJob };
    if (flags.queue !== undefined) return await workQueue(dir, config, flags.queue, options);
    const { work } = await import('../trial/work.js');
    return await work(dir, { ...options, config, until: 'final' });
  }, 'stopping: every job saves its state; once more to stop at once');
  output(command, { json: { trial: dir, done, ended }, text: `${done} jobs done, ${ended}` });
  if (ended === 'stopped') process.exitCode = stoppedExitCode;
}

interface QueueOptions {
  parallel: number;
  mostJobs?: number;
  worker: string;
  interrupt: Interrupt;
  onJob: (job: TrialJob, outcome: JobOutcome) => void;
}

/** Works from a queue: what is open, and what became of it, the trial's folder says as ever. */
async function workQueue(dir: string, config: TrialConfig, connection: string, options: QueueOptions) {
  const { openDataset } = await import('../data/dataset.js');
  const { workFromQueue } = await import('../trial/executors/queue-worker.js');
  const { jobStates, readSchedule, recordFailure } = await import('../trial/jobs.js');
  const { planTrial } = await import('../trial/plan.js');
  const { startJob } = await import('../trial/work.js');
  const { worker, onJob } = options;
  const dataset = openDataset(config.data);
  let seeds = 0;
  let jobs: TrialJob[] = [];
  /** The plan as it is now, and whether more may come. */
  const current = (): { states: ReadonlyMap<string, JobState>; final: boolean } => {
    const schedule = readSchedule(dir);
    if (schedule && schedule.seeds !== seeds) {
      seeds = schedule.seeds;
      jobs = planTrial(config, dataset, { seeds });
    }
    return { states: jobStates(dir, jobs, config), final: schedule?.final === true };
  };
  return await workFromQueue(
    {
      open: () => [...current().states].flatMap(([id, state]) => (state === 'open' ? [id] : [])),
      isOver: (id) => ['done', 'failed'].includes(current().states.get(id) ?? ''),
      isUnfinished: () => {
        const { states, final } = current();
        return !final || [...states.values()].some((state) => state !== 'done' && state !== 'failed');
      },
      run: async (id, stop) => {
        const job = jobs.find((one) => one.id === id);
        if (!job) return 'failed';
        const { child, ended } = startJob(dir, job, { worker });
        stop.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
        const { kind, message } = await ended;
        if (kind === 'failed') recordFailure(dir, id, { time: new Date().toISOString(), worker, message });
        onJob(job, kind);
        return kind;
      },
    },
    {
      ...options,
      connection,
      trialDir: dir,
      warn: (message) => process.stderr.write(`graft: warning: ${message}\n`),
    },
  );
}

/** The trial as a job is given it. */
async function openTrial(dir: string, threads?: number) {
  const { openDataset } = await import('../data/dataset.js');
  const { readSchedule } = await import('../trial/jobs.js');
  const config = await trialConfigOf(dir);
  const schedule = readSchedule(dir);
  return {
    schedule,
    trial: { dir, config, dataset: openDataset(config.data), threads: threads ?? schedule?.threads ?? 1 },
  };
}

async function jobCommand(dir: string, id: string): Promise<void> {
  const { DataError } = await import('../errors.js');
  const { withInterrupt } = await import('../run/interrupt.js');
  const { LockedError } = await import('../run/lock.js');
  const { planTrial } = await import('../trial/plan.js');
  const { runJob } = await import('../trial/run-job.js');
  const { BUSY_EXIT_CODE } = await import('../trial/work.js');
  const { schedule, trial } = await openTrial(dir);
  const jobs = planTrial(trial.config, trial.dataset, schedule && { seeds: schedule.seeds });
  const job = jobs.find((one) => one.id === id);
  if (!job) throw new DataError(`${dir}: has no job '${id}'`);
  // The worker that started this process is gone: nobody would know of it, so it saves and ends.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  try {
    await withInterrupt(
      (interrupt) =>
        runJob(trial, job, {
          interrupt,
          warn: (message) => process.stderr.write(`graft: warning: ${message}\n`),
        }),
      'stopping after this step and saving the state',
      // Slurm signals this process as well as its worker, which signals it again.
      { repeatMs: 10_000 },
    );
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    process.exitCode = BUSY_EXIT_CODE;
  } finally {
    if (process.connected) process.disconnect();
  }
}

interface ProbeFlags {
  gan?: string;
  meet?: string;
  count: number;
}

async function probeCommand(dir: string, flags: ProbeFlags, command: Command): Promise<void> {
  const { probe } = await import('../trial/probe.js');
  const { trial } = await openTrial(dir, globalOptions(command).threads);
  const kind = flags.gan === undefined ? 'classifier' : { gan: flags.gan };
  const meeting = flags.meet === undefined ? null : { folder: flags.meet, count: flags.count };
  output(command, { json: await probe(trial, kind, meeting) });
}
