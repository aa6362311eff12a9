/**
 * Workers of a trial on other machines. A worker is `graft trial work DIR`: it does the trial's open jobs until none
 * is left. The trial's folder, which every machine sees at the same path, is the only state; so an engine (Slurm,
 * Kubernetes) only starts workers, says what became of them and stops them.
 */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, GraftError, sha256 } from 'graft-torch/base';
import type { JobState } from '../jobs.js';
import type { JobStates } from '../work.js';

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

export interface FleetOptions {
  /** Most workers at a time. */
  count: number;
  warn?: ((message: string) => void) | undefined;
  /** Between two looks at the engine, ms. */
  pollMs?: number;
  /** How long the engine may be out of reach, ms. */
  patienceMs?: number;
  /** Workers that may end one after the other without any progress, for each of `count`. */
  mostFailures?: number;
  /** After so long without another such end, the earlier ones are forgotten, ms: nodes fail now and then. */
  forgetMs?: number;
}

/** Workers that are kept going while there is something for them to do. */
export interface Fleet {
  /**
   * Looks after the workers, where it is time to.
   * @throws GraftError when workers only die, or the engine stays out of reach; ConfigError at once
   */
  tend(states: JobStates): Promise<void>;
  stop(): Promise<void>;
}

export function keptGoing(workers: Workers, options: FleetOptions): Fleet {
  const { count, pollMs = 5000, patienceMs = 600_000, mostFailures = 3, forgetMs = 1_800_000 } = options;
  const told = new Set<string>();
  let looked = Number.NEGATIVE_INFINITY;
  let reached = performance.now();
  let best = Number.NEGATIVE_INFINITY;
  let started = 0;
  let failures = 0;
  let lostAt = Number.NEGATIVE_INFINITY;
  const tell = (message: string): void => {
    if (told.has(message)) return;
    told.add(message);
    options.warn?.(message);
  };
  const tend = async (states: JobStates): Promise<void> => {
    const jobs = (...wanted: JobState[]): number =>
      [...states.values()].filter((state) => wanted.includes(state)).length;
    // A job that fails for good is an end, too.
    const progress = jobs('done', 'failed');
    if (progress > best) {
      best = progress;
      failures = 0;
    }
    // No more than can work at once, so that none holds a node while it waits for the GAN.
    const wanted = Math.min(count, jobs('open', 'running'));
    const alive = (await workers.states()).filter(isAlive).length;
    const lost = Math.max(0, Math.min(started, wanted) - alive);
    if (lost > 0) {
      failures = lost + (performance.now() - lostAt > forgetMs ? 0 : failures);
      lostAt = performance.now();
    }
    if (failures >= mostFailures * count) throw new DyingWorkers(deathNotice(failures, workers.notices()));
    if (alive < wanted) await workers.ensure(wanted);
    started = wanted;
    reached = performance.now();
  };
  return {
    async tend(states) {
      if (performance.now() - looked < pollMs) return;
      try {
        await tend(states);
      } catch (error) {
        // A controller that restarts must not end a trial of days; a wrong option will not mend itself.
        if (error instanceof ConfigError || error instanceof DyingWorkers) throw error;
        if (performance.now() - reached >= patienceMs) throw error;
        tell(error instanceof Error ? error.message : String(error));
      }
      looked = performance.now();
      for (const notice of workers.notices()) tell(notice);
    },
    stop: () => workers.stop(),
  };
}

class DyingWorkers extends GraftError {}

const deathNotice = (failures: number, notices: readonly string[]): string =>
  `${failures} workers ended one after the other and nothing got done; ${notices[0] ?? 'see the workers’ output'}`;

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
