/** A trial's jobs done by workers that an engine starts: the executor that `runTrial` is given. */
import type { Executor } from '../run.js';
import { type Supervision, superviseWorkers, type Workers } from './workers.js';

/** @param options.count most workers at a time */
export const workersExecutor =
  (workers: Workers, options: Pick<Supervision, 'count' | 'warn' | 'pollMs'>): Executor =>
  ({ states, interrupt, onTurn }) => {
    const count = (...wanted: string[]): number =>
      [...states().values()].filter((state) => wanted.includes(state)).length;
    return superviseWorkers(workers, {
      ...options,
      unfinished: () => count('waiting', 'open', 'running'),
      workable: () => count('open', 'running'),
      // A job that fails for good is an end, too.
      progress: () => count('done', 'failed'),
      interrupt,
      onTurn,
    });
  };
