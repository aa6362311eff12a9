/** A trial's folder as a worker of a queue sees it: what is open, and a process of its own for each job. */
import type { TrialConfig } from '../config.js';
import { type JobState, jobStates, readSchedule, recordFailure } from '../jobs.js';
import { planTrial, type TrialJob } from '../plan.js';
import { openTrialDataset } from '../reopen.js';
import { type JobOutcome, startJob } from '../work.js';
import type { QueuedTrial } from './queue-worker.js';

export interface QueuedTrialOptions {
  /** Who this is, for the record of failures. */
  worker: string;
  /** Where this machine has the dataset, where that is elsewhere than the trial says. */
  data?: string | undefined;
  onJob?: (job: TrialJob, outcome: JobOutcome) => void;
}

/** A trial whose folder all workers share, or the copy of it on one machine. */
export interface FolderTrial extends QueuedTrial {
  /** The plan as it is now. */
  jobs(): readonly TrialJob[];
}

export function folderTrial(
  dir: string,
  config: TrialConfig,
  { worker, data, onJob }: QueuedTrialOptions,
): FolderTrial {
  const dataset = openTrialDataset(dir, config);
  let seeds = 0;
  let jobs: TrialJob[] = [];
  /** The plan as it is now, and whether more may come. */
  const current = (): { states: ReadonlyMap<string, JobState>; final: boolean } => {
    const schedule = readSchedule(dir);
    if (schedule && schedule.seeds !== seeds) {
      seeds = schedule.seeds;
      jobs = planTrial(config, dataset, { seeds });
    }
    return { states: jobStates(dir, jobs, config), final: schedule?.final === true };
  };
  return {
    jobs() {
      current();
      return jobs;
    },
    open: () => [...current().states].flatMap(([id, state]) => (state === 'open' ? [id] : [])),
    isOver: (id) => ['done', 'failed'].includes(current().states.get(id) ?? ''),
    isUnfinished() {
      const { states, final } = current();
      return !final || [...states.values()].some((state) => state !== 'done' && state !== 'failed');
    },
    async run(id, stop) {
      const job = jobs.find((one) => one.id === id);
      if (!job) return 'failed';
      const { child, ended } = startJob(dir, job, { worker, data });
      stop.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
      const { kind, message } = await ended;
      if (kind === 'failed') recordFailure(dir, id, { time: new Date().toISOString(), worker, message });
      onJob?.(job, kind);
      return kind;
    },
  };
}
