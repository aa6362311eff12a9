/**
 * A worker: takes open jobs of a trial one after the other, several at once where there is room, each in a process of
 * its own. That keeps a job's memory, threads and crashes to itself, and a killed worker's children notice and end. Two
 * workers that reach for the same job find its folder locked; the second goes on to the next.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureFolder } from 'graft-torch/base';
import { packageRoot } from '../base/index.js';
import type { Dataset } from '../data/dataset/index.js';
import { type Interrupt, interruptedExitCode, neverInterrupted } from '../run/index.js';
import type { TrialConfig } from './config.js';
import { type JobState, jobStates, readSchedule, recordFailure } from './jobs.js';
import { folderName, planTrial, type TrialJob } from './plan.js';
import { openTrialDataset } from './reopen.js';

/** Exit code of a job's process that found the folder locked (EX_TEMPFAIL of sysexits.h). */
export const BUSY_EXIT_CODE = 75;

export interface WorkOptions {
  config: TrialConfig;
  /** Jobs at once. */
  parallel: number;
  /** Who this is, for the record of failures. */
  worker: string;
  /**
   * 'idle': ends when no job is open or running, though more may be scheduled later (the coordinator's own worker);
   * 'final': ends when the trial has nothing left to do at all.
   */
  until: 'idle' | 'final';
  /** Ends after this many jobs. */
  mostJobs?: number;
  interrupt?: Interrupt;
  /** Called about twice a second. */
  onTurn?: (states: ReadonlyMap<string, JobState>, jobs: readonly TrialJob[]) => void;
  onJob?: (job: TrialJob, outcome: JobOutcome) => void;
  /** Where this machine has the trial's dataset, where that is elsewhere than the trial says. */
  data?: string | undefined;
  /** Program and arguments that do a job; default this program's `trial job`. */
  command?: (jobId: string) => [string, ...string[]];
}

export type JobOutcome = 'done' | 'busy' | 'stopped' | 'failed';

const turnMs = 400;
/** A waiting worker of many looks less often: listing thousands of folders twice a second helps nobody. */
const waitMs = 3000;

/** @returns how it ended: 'stopped' by the interrupt, with the state of every job saved */
export async function work(trialDir: string, options: WorkOptions): Promise<'finished' | 'stopped'> {
  const { config, parallel, worker, until, interrupt = neverInterrupted } = options;
  const dataset = openTrialDataset(trialDir, config);
  const running = new Map<string, Promise<void>>();
  const children = new Set<ChildProcess>();
  let begun = 0;
  /** Jobs that were locked a moment ago: looked at again after a while. */
  const busyUntil = new Map<string, number>();
  const begin = (job: TrialJob): void => {
    begun++;
    const { child, ended } = startJob(trialDir, job, options);
    children.add(child);
    running.set(
      job.id,
      ended.then((outcome) => {
        children.delete(child);
        running.delete(job.id);
        if (outcome.kind === 'failed')
          recordFailure(trialDir, job.id, {
            time: new Date().toISOString(),
            worker,
            message: outcome.message,
          });
        if (outcome.kind === 'busy') busyUntil.set(job.id, performance.now() + waitMs);
        options.onJob?.(job, outcome.kind);
      }),
    );
  };
  // Once each: a second signal would end a job without saving.
  const stopAll = (): void => {
    for (const child of children) child.kill('SIGTERM');
    children.clear();
  };
  try {
    const planned = planner(config, dataset);
    while (true) {
      const schedule = readSchedule(trialDir);
      const jobs = schedule ? planned(schedule.seeds) : [];
      const states = jobStates(trialDir, jobs, config);
      options.onTurn?.(states, jobs);
      const stopping = (await interrupt.poll()) || begun >= (options.mostJobs ?? Number.POSITIVE_INFINITY);
      if (stopping && running.size === 0) return (await interrupt.poll()) ? 'stopped' : 'finished';
      if (interrupt.requested) stopAll();
      const isFree = (job: TrialJob): boolean =>
        states.get(job.id) === 'open' &&
        !running.has(job.id) &&
        (busyUntil.get(job.id) ?? 0) < performance.now();
      if (!stopping) {
        for (const job of jobs) {
          if (running.size >= parallel) break;
          if (isFree(job)) begin(job);
        }
      }
      if (running.size === 0) {
        const left = [...states.values()].some((state) => state !== 'done' && state !== 'failed');
        if (!left && (until === 'idle' || schedule?.final)) return 'finished';
      }
      // A job that has ended may open others at once.
      await Promise.race([
        ...running.values(),
        sleep(running.size > 0 || until === 'idle' ? turnMs : waitMs),
      ]);
    }
  } finally {
    stopAll();
    await Promise.all(running.values());
  }
}

/** Plans are made once for each number of seeds. */
function planner(config: TrialConfig, dataset: Dataset): (seeds: number) => TrialJob[] {
  const plans = new Map<number, TrialJob[]>();
  return (seeds) => {
    const jobs = plans.get(seeds) ?? planTrial(config, dataset, { seeds });
    plans.set(seeds, jobs);
    return jobs;
  };
}

/** The program that a job's process runs. */
export const programPath = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');

/** A job in a process of its own. */
export interface StartedJob {
  child: ChildProcess;
  /** The message is that of a failure. */
  ended: Promise<{ kind: JobOutcome; message: string }>;
}

/** SIGTERM to the child makes it save and end. What a failure means is for the caller to record. */
export function startJob(
  trialDir: string,
  job: TrialJob,
  { worker, command, data }: Pick<WorkOptions, 'worker' | 'command' | 'data'>,
): StartedJob {
  const [program, ...args] = command?.(job.id) ?? [
    process.execPath,
    programPath,
    ...['trial', 'job', trialDir, job.id, ...(data === undefined ? [] : ['--data', data])],
  ];
  const logs = join(trialDir, 'logs');
  ensureFolder(logs);
  const logPath = join(logs, `${folderName(job.id.replaceAll('/', '--'))}.txt`);
  const log = openSync(logPath, 'a');
  // Detached, so that a Ctrl-C in the terminal reaches the worker alone, which then asks its jobs to stop. The channel
  // carries no messages: that it closes tells the child that its worker is gone.
  const child = spawn(program, args, { stdio: ['ignore', log, log, 'ipc'], detached: true });
  closeSync(log);
  const ended = new Promise<{ kind: JobOutcome; message: string }>((settle) => {
    child.once('error', (error) => settle({ kind: 'failed', message: `${program}: ${error.message}` }));
    child.once('close', (code, signal) => {
      if (code === 0) settle({ kind: 'done', message: '' });
      else if (code === BUSY_EXIT_CODE) settle({ kind: 'busy', message: '' });
      else if (code === interruptedExitCode || signal === 'SIGTERM' || signal === 'SIGINT')
        settle({ kind: 'stopped', message: '' });
      else
        settle({
          kind: 'failed',
          message: lastWords(logPath) || `ended with ${signal ?? `code ${code}`} (${worker})`,
        });
    });
  });
  return { child, ended };
}

/** The error that a job's process ended with: the last line of its log that one begins with. */
function lastWords(logPath: string): string {
  if (!existsSync(logPath)) return '';
  const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n');
  const last =
    lines.findLast((line) => line.startsWith('graft: ') && !line.startsWith('graft: warning')) ?? '';
  return last.replace(/^graft: /, '');
}
