/**
 * A worker: takes open jobs of a trial one after the other, several at once where there is room, each in a process of
 * its own. That keeps a job's memory, threads and crashes to itself, and a killed worker's children notice and end.
 *
 * Two things differ between machines, and only these: where jobs are taken from (the locks of the job folders, or a
 * queue), and where the trial lives (a folder that all workers share, or a copy of an object store). The trial's folder
 * is the truth either way: it says which jobs are open, done or given up.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureFolder } from 'graft-torch/base';
import { packageRoot } from '../base/index.js';
import { type Interrupt, interruptedExitCode, neverInterrupted, sleepUnless } from '../run/index.js';
import { type JobState, jobStates, readSchedule, recordFailure } from './jobs.js';
import { folderName, type TrialJob } from './plan.js';
import type { TrialFolder } from './trial.js';

/** Exit code of a job's process that found the folder locked (EX_TEMPFAIL of sysexits.h). */
export const BUSY_EXIT_CODE = 75;

export type JobOutcome = 'done' | 'busy' | 'stopped' | 'failed';
export type JobStates = ReadonlyMap<string, JobState>;

/** Where a worker's jobs come from. */
export interface JobSource {
  /** Between two looks while there is nothing to do, ms: of a worker that waits, of one that has jobs. */
  readonly pollMs: { idle: number; working: number };
  /**
   * The next job for this worker; undefined when there is none now.
   * @param states of all jobs, without those that this worker is at
   * @param look asks the trial's folder again
   */
  take(states: JobStates, look: () => Promise<JobStates>): Promise<Claim | undefined>;
  /** The trial has nothing left to do. */
  finished?(): Promise<void>;
  close?(): Promise<void>;
}

/** A job in this worker's hands. */
export interface Claim {
  id: string;
  /** Called every `everyMs` while the job runs. */
  keep?: { everyMs: number; again(): Promise<'ours' | 'lost' | 'enough'> };
  /** Says what became of the job. */
  end(outcome: JobOutcome): Promise<void>;
}

/** Where the trial lives, as far as that is not the folder that all workers write to. */
export interface TrialPlace {
  /** Brings the folder up to date. */
  refresh(): Promise<void>;
  /** Does a job with what it needs brought before, and what it makes sent on. The signal is that of the job. */
  around(job: TrialJob, stop: AbortSignal, run: () => Promise<JobOutcome>): Promise<JobOutcome>;
}

const sharedFolder: TrialPlace = { refresh: async () => {}, around: (_job, _stop, run) => run() };

/** Why a job is told to stop: it is somebody else's now, with its folder. */
export const LOST = Symbol('lost');

export interface WorkOptions {
  /** Jobs at once. */
  parallel: number;
  /** Who this is, for the record of failures. */
  worker: string;
  /**
   * 'idle': ends when no job is open or running, though more may be scheduled later (the coordinator's own worker);
   * 'final': ends when the trial has nothing left to do at all.
   */
  until: 'idle' | 'final';
  /** Default: the locks of the jobs' folders. */
  source?: JobSource;
  /** Default: a folder that all workers share. */
  place?: TrialPlace;
  /** Ends after this many jobs. */
  mostJobs?: number | undefined;
  interrupt?: Interrupt;
  /** Called at every look. */
  onTurn?: (states: JobStates) => void;
  onJob?: (job: TrialJob, outcome: JobOutcome) => void;
  /** Where this machine has the trial's dataset, where that is elsewhere than the trial says. */
  data?: string | undefined;
  /** Program and arguments that do a job; default this program's `trial job`. */
  command?: (jobId: string) => [string, ...string[]];
}

/** @returns how it ended: 'stopped' by the interrupt, with the state of every job saved */
export async function work(trial: TrialFolder, options: WorkOptions): Promise<'finished' | 'stopped'> {
  const { parallel, until, mostJobs = Number.POSITIVE_INFINITY, interrupt = neverInterrupted } = options;
  const { source = folderJobs(until), place = sharedFolder } = options;
  const running = new Map<string, Promise<void>>();
  const stops = new Set<AbortController>();
  let begun = 0;
  let failure: { error: unknown } | undefined;
  let jobs: readonly TrialJob[] = [];
  let isFinal = false;
  const look = async (): Promise<JobStates> => {
    if (running.size < parallel) await place.refresh();
    const schedule = readSchedule(trial.dir);
    isFinal = schedule?.final === true;
    jobs = schedule ? trial.jobs(schedule.seeds) : [];
    return jobStates(trial.dir, jobs, trial.config);
  };
  const begin = (claim: Claim): void => {
    begun++;
    const job = jobs.find(({ id }) => id === claim.id)!;
    const stop = new AbortController();
    stops.add(stop);
    const run = () => runJobApart(trial.dir, job, { ...options, stop: stop.signal });
    const ended = doClaimed(claim, stop, () => place.around(job, stop.signal, run))
      .catch((error) => {
        failure ??= { error };
      })
      .finally(() => {
        stops.delete(stop);
        running.delete(job.id);
      });
    running.set(job.id, ended);
  };
  const stopAll = (): void => {
    for (const stop of stops) stop.abort();
  };
  // A source that waits for its database must not keep a job from hearing that it is to stop.
  const listening = setInterval(() => interrupt.requested && stopAll(), 200);
  try {
    while (true) {
      const states = await look();
      options.onTurn?.(states);
      const isAsked = await interrupt.poll();
      if (isAsked) stopAll();
      if (failure) throw failure.error;
      const isIdle = running.size === 0;
      if (isIdle && (isAsked || begun >= mostJobs)) return isAsked ? 'stopped' : 'finished';
      if (isIdle && isOver(states) && (until === 'idle' || isFinal)) {
        if (isFinal) await source.finished?.();
        return 'finished';
      }
      while (!isAsked && running.size < parallel && begun < mostJobs) {
        const free = [...states].filter(([id]) => !running.has(id));
        const claim = await source.take(new Map(free), look);
        if (!claim) break;
        begin(claim);
      }
      // A job that has ended may open others at once.
      const pause = new AbortController();
      const ms = running.size > 0 ? source.pollMs.working : source.pollMs.idle;
      // Asked to stop, there is nothing to wake for but their ends.
      await Promise.race([
        ...running.values(),
        sleepUnless(isAsked ? undefined : interrupt, ms, pause.signal),
      ]);
      pause.abort();
    }
  } catch (error) {
    // Whoever is asked to stop does not wait for a database that is away.
    if (interrupt.requested) return 'stopped';
    throw error;
  } finally {
    clearInterval(listening);
    stopAll();
    await Promise.all(running.values());
    await source.close?.();
  }
}

/** Whether every job is done, or has failed for good. */
export const isOver = (states: JobStates): boolean =>
  [...states.values()].every((state) => state === 'done' || state === 'failed');

/** Jobs as their folders have them: two workers that reach for the same one find it locked, and the second goes on. */
function folderJobs(until: WorkOptions['until']): JobSource {
  /** Jobs that were locked a moment ago: looked at again after a while. */
  const busyUntil = new Map<string, number>();
  // A waiting worker of many looks less often: listing thousands of folders twice a second helps nobody.
  const pollMs = { working: 400, idle: until === 'idle' ? 400 : 3000 };
  return {
    pollMs,
    async take(states) {
      const now = performance.now();
      for (const [id, state] of states) {
        if (state !== 'open' || (busyUntil.get(id) ?? 0) >= now) continue;
        const end = async (outcome: JobOutcome): Promise<void> => {
          if (outcome === 'busy') busyUntil.set(id, performance.now() + 3000);
        };
        return { id, end };
      }
      return undefined;
    },
  };
}

/** Does a job that this worker holds, says now and then that it still does, and tells in the end how it went. */
async function doClaimed(claim: Claim, stop: AbortController, run: () => Promise<JobOutcome>): Promise<void> {
  const { keep } = claim;
  // Not waited for: with the database away it takes long.
  const keeping = keep && setInterval(() => void keep.again().then(heed), keep.everyMs);
  const heed = (answer: 'ours' | 'lost' | 'enough'): void => {
    if (answer !== 'ours') stop.abort(answer === 'lost' ? LOST : undefined);
  };
  let outcome: JobOutcome;
  try {
    outcome = await run();
  } finally {
    clearInterval(keeping);
  }
  await claim.end(outcome);
}

/** The program that a job's process runs. */
export const programPath = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');

/**
 * Does a job in a process of its own, which saves and ends when told to stop. An error is put on the job's record.
 * @returns with it, of a failure, what the process said
 */
export async function runJobApart(
  trialDir: string,
  job: TrialJob,
  options: Pick<WorkOptions, 'worker' | 'command' | 'data' | 'onJob'> & { stop?: AbortSignal },
): Promise<JobOutcome> {
  if (options.stop?.aborted) return 'stopped';
  const { kind, message } = await jobProcess(trialDir, job, options);
  const { worker } = options;
  if (kind === 'failed') recordFailure(trialDir, job.id, { time: new Date().toISOString(), worker, message });
  options.onJob?.(job, kind);
  return kind;
}

/** The process itself. The message is that of a failure, which is for the caller to record. */
export function jobProcess(
  trialDir: string,
  job: TrialJob,
  { worker, command, data, stop }: Pick<WorkOptions, 'worker' | 'command' | 'data'> & { stop?: AbortSignal },
): Promise<{ kind: JobOutcome; message: string }> {
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
  // Once: a second signal would end a job without saving.
  stop?.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  return new Promise((settle) => {
    child.once('error', (error) => settle({ kind: 'failed', message: `${program}: ${error.message}` }));
    child.once('close', (code, signal) => {
      if (code === 0) settle({ kind: 'done', message: '' });
      else if (code === BUSY_EXIT_CODE) settle({ kind: 'busy', message: '' });
      else if (code === interruptedExitCode || signal === 'SIGTERM' || signal === 'SIGINT')
        settle({ kind: 'stopped', message: '' });
      else {
        const message = lastWords(logPath) || `ended with ${signal ?? `code ${code}`} (${worker})`;
        settle({ kind: 'failed', message });
      }
    });
  });
}

/** The error that a job's process ended with: the last line of its log that one begins with. */
function lastWords(logPath: string): string {
  if (!existsSync(logPath)) return '';
  const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n');
  const last =
    lines.findLast((line) => line.startsWith('graft: ') && !line.startsWith('graft: warning')) ?? '';
  return last.replace(/^graft: /, '');
}
