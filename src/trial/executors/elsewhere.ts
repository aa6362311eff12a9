/**
 * A trial whose jobs are done elsewhere: the coordinator looks on, brings what was made, and keeps the workers of an engine
 * going where there is one.
 */
import { sleepUnless } from '../../run/index.js';
import type { TrialJob } from '../plan.js';
import type { Executor } from '../run.js';
import { isOver } from '../work.js';
import type { Fleet } from './workers.js';

/** Where the coordinator finds a trial that does not lie in a folder which all share. */
export interface WatchedPlace {
  /** Makes ready what workers need. */
  begin(jobs: readonly TrialJob[]): Promise<void>;
  /** Sends the trial file and the schedule. */
  tell(): Promise<void>;
  /** Brings the folder up to date. */
  refresh(): Promise<void>;
  /** Whether somebody works on an open job, whose lock is not seen here. */
  isAtWork(id: string): boolean;
  /** Brings what the report needs besides. */
  finish(): Promise<void>;
}

export interface ElsewhereOptions {
  /** Workers that an engine starts; left out: somebody starts them. */
  fleet?: Fleet;
  /** Left out: the trial's own folder, which all workers share. */
  place?: WatchedPlace;
  /** Between two looks, ms. */
  pollMs?: number;
}

export function elsewhere({ fleet, place, pollMs = place ? 2000 : 1000 }: ElsewhereOptions): Executor {
  const execute: Executor = async ({ jobs, states, interrupt, onTurn }) => {
    await place?.begin(jobs);
    while (!(await interrupt.poll())) {
      await place?.refresh();
      const known = new Map(states());
      if (place)
        for (const [id, state] of known) if (state === 'open' && place.isAtWork(id)) known.set(id, 'running');
      onTurn(known);
      if (isOver(known)) {
        await place?.finish();
        return 'finished';
      }
      await fleet?.tend(known);
      await sleepUnless(interrupt, pollMs);
    }
    await fleet?.stop();
    return 'stopped';
  };
  return Object.assign(execute, { scheduled: async () => place?.tell() });
}
