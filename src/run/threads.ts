/**
 * Threads of a run are part of its configuration from the start: sums over threads are rounded in another order, so
 * their number decides the last bits. What a configuration leaves open (0) is settled here, from the machine's cores and
 * never from what else is running on them.
 */
import { availableParallelism } from 'node:os';

/** Every core for a run that has the machine to itself. */
export const settleThreads = <Config extends { threads: number }>(config: Config): Config =>
  config.threads > 0 ? config : { ...config, threads: availableParallelism() };

/**
 * Threads of each job of a trial, many of which run side by side: small networks gain little from a second thread. One
 * below 8 cores, two below 32, four above.
 */
export const jobThreads = (cores: number = availableParallelism()): number =>
  cores < 8 ? 1 : cores < 32 ? 2 : 4;
