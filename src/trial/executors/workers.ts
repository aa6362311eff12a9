/**
 * Workers of a trial on other machines. A worker is `graft trial work DIR`: it does the trial's open jobs until none
 * is left. The trial's folder, which every machine sees at the same path, is the only state; so an engine (Slurm,
 * Kubernetes) only starts workers, says what became of them and stops them.
 */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, GraftError, sha256 } from 'graft-torch/base';
import type { Interrupt } from '../../run/index.js';

/** Waiting for a place, at work, or at an end (whatever the reason). */
export type WorkerState = 'pending' | 'running' | 'gone';

export interface Workers {
  /** The workers of this trial that the engine knows, those that an earlier process started too. */
  states(): Promise<WorkerState[]>;
  /** Starts workers until `count` are pending or running. */
  ensure(count: number): Promise<void>;
  /** Tells all to save and end, and waits until they have ended, or the grace time is over. */
  stop(): Promise<void>;
  /** Why workers wait or ended, as the engine put it at the last `states` or `ensure`: one line a reason. */
  notices(): readonly string[];
}

/** A worker's exit status when it was told to stop and has saved: not a failure, it may be started again. */
export const stoppedExitCode = 75;

/** `NAME-HASH`: names this trial, among all on the engine, in at most 40 letters, digits and hyphens. */
export const trialLabel = (trialDir: string): string => placeLabel(realpathSync(trialDir));

/** The same from where a trial lies: a whole path, or the URL of a folder in a store. */
export function placeLabel(place: string): string {
  const name = basename(place)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 24)
    .replace(/^-+|-+$/g, '');
  return `${name || 'trial'}-${sha256(place).slice(0, 10)}`;
}

export const isAlive = (state: WorkerState): boolean => state !== 'gone';

export interface Supervision {
  /** Most workers at a time. */
  count: number;
  /** Unfinished jobs of the trial, from its folder. */
  unfinished: () => number;
  /**
   * Jobs that somebody may work on at once: the running and the open ones. No more workers are started, so that none
   * holds a node while it waits for the GAN. Default: the unfinished ones.
   */
  workable?: () => number;
  /** Any number that grows with the work done; without it, finished jobs count. */
  progress?: () => number;
  interrupt?: Interrupt;
  onStates?: (states: readonly WorkerState[]) => void;
  /** Called about once a second, for whoever shows how it goes. */
  onTurn?: () => void;
  warn?: (message: string) => void;
  pollMs?: number;
  /** How long the engine may be out of reach, ms. */
  patienceMs?: number;
  /** Workers that may end one after the other without any progress, for each of `count`. */
  mostFailures?: number;
  /** After so long without another such end, the earlier ones are forgotten, ms: nodes fail now and then. */
  forgetMs?: number;
}

/**
 * Keeps the workers going until every job is finished (or the interrupt asks to stop: then it stops them).
 * @throws GraftError when workers only die, or the engine stays out of reach; ConfigError at once
 */
export async function superviseWorkers(
  workers: Workers,
  options: Supervision,
): Promise<'finished' | 'stopped'> {
  const {
    count,
    unfinished,
    interrupt,
    pollMs = 5000,
    patienceMs = 600_000,
    mostFailures = 3,
    forgetMs = 1_800_000,
  } = options;
  const { workable = unfinished, progress = () => -unfinished() } = options;
  const told = new Set<string>();
  let reached = performance.now();
  let best = progress();
  let started = 0;
  let failures = 0;
  let lostAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    if (await interrupt?.poll()) {
      await workers.stop();
      return 'stopped';
    }
    if (unfinished() === 0) return 'finished';
    const now = progress();
    if (now > best) {
      best = now;
      failures = 0;
    }
    try {
      const wanted = Math.min(count, workable());
      const states = await workers.states();
      options.onStates?.(states);
      const alive = states.filter(isAlive).length;
      const lost = Math.max(0, Math.min(started, wanted) - alive);
      if (lost > 0) {
        failures = lost + (performance.now() - lostAt > forgetMs ? 0 : failures);
        lostAt = performance.now();
      }
      if (failures >= mostFailures * count) throw new DyingWorkers(deathNotice(failures, workers.notices()));
      if (alive < wanted) await workers.ensure(wanted);
      started = wanted;
      reached = performance.now();
    } catch (error) {
      // A controller that restarts must not end a trial of days; a wrong option will not mend itself.
      if (error instanceof ConfigError || error instanceof DyingWorkers) throw error;
      if (performance.now() - reached >= patienceMs) throw error;
      tell(error instanceof Error ? error.message : String(error));
    }
    for (const notice of workers.notices()) tell(notice);
    for (const end = performance.now() + pollMs; performance.now() < end && !interrupt?.requested; ) {
      options.onTurn?.();
      await sleepUnless(interrupt, Math.min(1000, end - performance.now()));
    }
  }

  function tell(message: string): void {
    if (told.has(message)) return;
    told.add(message);
    options.warn?.(message);
  }
}

class DyingWorkers extends GraftError {}

const deathNotice = (failures: number, notices: readonly string[]): string =>
  `${failures} workers ended one after the other and nothing got done; ${notices[0] ?? 'see the workers’ output'}`;

/** Sleeps in short pieces, so that Ctrl-C does not wait for a long one. */
export async function sleepUnless(interrupt: Interrupt | undefined, ms: number): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end && !interrupt?.requested; )
    await sleep(Math.min(200, Math.max(1, end - performance.now())));
}

/** Waits until no worker is alive; false when that takes longer than `graceMs`. */
export async function untilGone(
  workers: Pick<Workers, 'states'>,
  { graceMs, pollMs }: { graceMs: number; pollMs: number },
): Promise<boolean> {
  for (const end = performance.now() + graceMs; ; await sleep(pollMs)) {
    if (!(await workers.states()).some(isAlive)) return true;
    if (performance.now() >= end) return false;
  }
}
