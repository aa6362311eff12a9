/** A worker of a trial that another process began: in the folder that all share, or in a copy of an object store. */
import { ConfigError } from 'graft-torch/base';
import { openTrial } from '../trial.js';
import { type WorkOptions, work } from '../work.js';
import { openObjectStore } from './object-store.js';
import { type QueueOptions, queueJobs } from './queue.js';
import { openCopy, type StoredTrialOptions, storedTrial } from './stored-trial.js';
import { placeLabel } from './workers.js';

export interface WorkerOptions
  extends Pick<WorkOptions, 'parallel' | 'worker' | 'mostJobs' | 'interrupt' | 'onJob' | 'data'>,
    Pick<QueueOptions, 'warn' | 'leaseSeconds' | 'pollMs' | 'busySeconds'>,
    Pick<StoredTrialOptions, 'pushEveryMs'> {
  /** `postgresql://…`: where jobs are taken from, instead of the folders' locks. */
  queue?: string | undefined;
  /** Of a trial in an object store, this worker's copy; default: a folder here named after the trial. */
  scratch?: string | undefined;
}

/**
 * Does the trial's open jobs until none is left.
 * @param place the trial's folder, or `s3://BUCKET/FOLDER`
 * @throws ConfigError where a store comes without a queue; DataError where there is no trial; as `queueJobs`, `openCopy`
 */
export async function workOn(place: string, options: WorkerOptions): Promise<'finished' | 'stopped'> {
  const { queue, data, interrupt, warn } = options;
  const until = 'final';
  const source = (trialDir: string, connection: string, label?: string) =>
    queueJobs({ ...options, trialDir, connection, label });
  if (!/^s3:\/\//.test(place)) {
    const trial = openTrial(place, data);
    return await work(trial, { ...options, until, ...(queue && { source: await source(place, queue) }) });
  }
  if (queue === undefined)
    throw new ConfigError(
      `${place}: a trial in an object store needs --queue postgresql://…, which says who does what`,
    );
  const store = await openObjectStore(place, { interrupt, warn });
  const label = placeLabel(store.url);
  const { mirror, close } = await openCopy(store, options.scratch ?? label, data);
  try {
    const trial = openTrial(mirror.dir);
    const jobs = await source(mirror.dir, queue, label);
    // The copy says where the dataset is.
    return await work(trial, {
      ...options,
      data: undefined,
      until,
      source: jobs,
      place: storedTrial(trial, mirror, options),
    });
  } finally {
    close();
  }
}
