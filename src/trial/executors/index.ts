/**
 * Who does a trial's jobs. `work` (../index.ts) is the loop of every worker; here is what differs between machines:
 *
 *   where jobs are taken from   the locks of the job folders, or a queue in PostgreSQL
 *   where the trial lives       a folder that all workers share, or an object store of which each has a copy
 *   who starts workers          somebody, Slurm, or Kubernetes, by their own programs (`sbatch`, `kubectl`)
 *
 * `openExecutor` gives `runTrial` what looks on while others work; `workOn` is what each of the others runs.
 */

// The coordinator's side, by the options of `graft trial run`.
export {
  describeExecutor,
  type ExecutorOptions,
  executorNames,
  openExecutor,
  openStore,
  threadsElsewhere,
} from './choose.js';
// A worker.
export { type WorkerOptions, workOn } from './worker.js';
export { stoppedExitCode } from './workers.js';
