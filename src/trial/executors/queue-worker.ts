/**
 * A worker that takes its jobs from a queue. The trial's folder stays the truth: it says which jobs are open, done or
 * given up, and its locks keep two from doing one job even where a lease ran out over a live worker. The queue only says
 * who does what next, at once and on any machine, and notices who died.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GraftError } from 'graft-torch/base';
import { type Interrupt, neverInterrupted } from '../../run/index.js';
import { type HeldJob, openQueue, type QueueOptions, type TrialQueue } from './queue-pgboss.js';
import { sleepUnless } from './workers.js';

/** Why a job is told to stop: its lease has gone to somebody else, whose folder it is now. */
export const LEASE_LOST = Symbol('lease lost');

/** A trial, as far as a queue has to know it. */
export interface QueuedTrial {
  /** Brings the folder up to date, where it is not the one that all write to. */
  refresh?(): Promise<void>;
  /** Jobs that may be begun or gone on with now, from the folder. */
  open(): readonly string[];
  /** Whether a job is done, or has failed for good. */
  isOver(job: string): boolean;
  /** Whether there is anything left, jobs that wait or are running too. */
  isUnfinished(): boolean;
  /**
   * Does one job; on `stop` it saves and ends. The signal's reason is `LEASE_LOST` where the job is somebody else's now.
   * - busy: another process has the job's folder
   * - failed: an error, which the folder keeps count of
   */
  run(job: string, stop: AbortSignal): Promise<'done' | 'busy' | 'stopped' | 'failed'>;
}

export interface QueueWorkOptions extends QueueOptions {
  /** Who this is, for those who look into the queue. */
  worker: string;
  /** Jobs at once. */
  parallel?: number;
  /** Ends after this many jobs. */
  mostJobs?: number;
  interrupt?: Interrupt;
  pollMs?: number;
  /** How long a job whose folder somebody else has is left alone. */
  busySeconds?: number;
}

/**
 * Works until the trial is finished or `mostJobs` are begun, or the interrupt asks to stop.
 * @throws ConfigError or GraftError as `openQueue`; GraftError when the queue has given up every job that is open
 */
export async function workFromQueue(
  trial: QueuedTrial,
  options: QueueWorkOptions,
): Promise<'finished' | 'stopped'> {
  const {
    parallel = 1,
    mostJobs = Number.POSITIVE_INFINITY,
    interrupt = neverInterrupted,
    pollMs = 2000,
    busySeconds = 15,
  } = options;
  const queue = await openQueue(options);
  let begun = 0;
  // Somebody starts a worker: what was given up gets another chance.
  let again = true;
  const work = async (): Promise<'finished' | 'stopped'> => {
    while (true) {
      if (await interrupt.poll()) return 'stopped';
      await trial.refresh?.();
      if (begun >= mostJobs || !trial.isUnfinished()) return 'finished';
      const open = trial.open();
      const { givenUp, live } = await queue.offer(open, { again });
      again = false;
      // While others still run, what they finish may open more.
      if (givenUp.length > 0 && live === 0) throw new GraftError(givenUpMessage(givenUp));
      const job = begun < mostJobs ? await queue.take(options.worker) : undefined;
      if (!job) {
        await sleepUnless(interrupt, pollMs);
        continue;
      }
      // Somebody may have ended it between the look and the taking.
      await trial.refresh?.();
      // Over: ended by somebody who died before saying so, or who does not use the queue.
      if (trial.isOver(job.id)) await queue.complete(job);
      // The folder's lock of a worker that was lost may outlast its lease here.
      else if (begun >= mostJobs || !trial.open().includes(job.id)) await queue.release(job, busySeconds);
      else {
        begun++;
        await settle(queue, trial, job, { interrupt, busySeconds });
      }
    }
  };
  try {
    const ends = await Promise.allSettled(Array.from({ length: parallel }, work));
    // Whoever is asked to stop does not wait for a database that is away.
    if (interrupt.requested) return 'stopped';
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    if (!trial.isUnfinished()) await queue.remove();
    return ends.some((end) => end.status === 'fulfilled' && end.value === 'stopped') ? 'stopped' : 'finished';
  } finally {
    await queue.close();
  }
}

/** Does a job while prolonging its lease, and tells the queue how it went. */
async function settle(
  queue: TrialQueue,
  trial: QueuedTrial,
  job: HeldJob,
  { interrupt, busySeconds }: { interrupt: Interrupt; busySeconds: number },
): Promise<void> {
  const stop = new AbortController();
  const ended = new AbortController();
  const prolong = async (): Promise<void> => {
    if (!(await queue.hold(job))) stop.abort(LEASE_LOST);
  };
  const watch = async (): Promise<void> => {
    const everyMs = (queue.leaseSeconds * 1000) / 4;
    for (let next = performance.now() + everyMs; !ended.signal.aborted; ) {
      if (interrupt.requested) stop.abort();
      if (performance.now() >= next) {
        next = performance.now() + everyMs;
        // Not waited for: with the database away it takes long, and Ctrl-C must be noticed.
        void prolong();
      }
      await sleep(Math.min(200, everyMs), undefined, { signal: ended.signal }).catch(() => {});
    }
  };
  const watching = watch();
  let outcome: Awaited<ReturnType<QueuedTrial['run']>>;
  try {
    outcome = await trial.run(job.id, stop.signal);
  } finally {
    ended.abort();
    await watching;
  }
  if (outcome === 'done') await queue.complete(job);
  else await queue.release(job, outcome === 'busy' ? busySeconds : 0);
}

const givenUpMessage = (jobs: readonly string[]): string =>
  `${jobs.length} jobs are given up, for too many workers died over them: ${jobs.slice(0, 3).join(', ')}${jobs.length > 3 ? ', …' : ''}; see their logs, give workers more memory, then start some again`;
