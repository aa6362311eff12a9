/**
 * Where each job of a trial stands. Its folder tells: a lock says that somebody works on it, a summary (or lineage)
 * that it is done. So any number of processes, on any number of machines that share the folder, work on one trial
 * without a server between them, and whoever reads the folder knows as much as they do.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeJson } from 'graft-torch/base';
import { z } from 'zod';
import { checkedBy, ownerIsAlive, readLock } from '../base/index.js';
import { LINEAGE_FILE } from '../data/lineage/index.js';
import { runStatus } from '../run/index.js';
import type { TrialConfig } from './config.js';
import { folderName, jobDir, type TrialJob } from './plan.js';

/**
 * - waiting: what it needs is not done
 * - open: may be begun, or gone on with
 * - running: a live process works on it
 * - failed: gave an error as often as it may be tried
 */
export type JobState = 'waiting' | 'open' | 'running' | 'done' | 'failed';

/** How often a job may fail before it is given up: an error that is not of the moment comes again. */
const MOST_FAILURES = 2;
/** A failed job is left alone for so long: what was wrong for a moment (a full disk, a file server) may pass. */
const RETRY_AFTER_MS = 5000;

/** What the coordinator of a trial tells its workers; beside the trial file, all they need. */
const scheduleSchema = z.strictObject({
  /** Seeds that are to be run for now; looks may add more. */
  seeds: z.int().min(1),
  /** Threads of each job; part of what decides a run's last bits, so it stays what it was. */
  threads: z.int().min(1),
  /** No more will be added: a worker that finds nothing to do may go. */
  final: z.boolean(),
  /** When the trial was begun. */
  startedAt: z.iso.datetime(),
});
export type Schedule = z.output<typeof scheduleSchema>;

const SCHEDULE_FILE = 'schedule.json';

/** @returns undefined before the coordinator has written it */
export function readSchedule(trialDir: string): Schedule | undefined {
  const path = join(trialDir, SCHEDULE_FILE);
  if (!existsSync(path)) return undefined;
  return checkedBy(scheduleSchema, readJson(path), {
    where: path,
    remedy: '; remove it and resume the trial',
  });
}

export function writeSchedule(trialDir: string, schedule: Schedule): void {
  writeJson(join(trialDir, SCHEDULE_FILE), schedule);
}

/** One error of a job. */
export interface JobFailure {
  time: string;
  worker: string;
  message: string;
}

const failuresPath = (trialDir: string, id: string): string =>
  join(trialDir, 'failures', `${folderName(id.replaceAll('/', '--'))}.json`);

export function readFailures(trialDir: string, id: string): JobFailure[] {
  const path = failuresPath(trialDir, id);
  return existsSync(path) ? readJson<JobFailure[]>(path) : [];
}

/** Called by whoever tried the job. */
export function recordFailure(trialDir: string, id: string, failure: JobFailure): void {
  writeJson(failuresPath(trialDir, id), [...readFailures(trialDir, id), failure]);
}

/** What a data job leaves when its caches stand. */
export const READY_FILE = 'ready.json';
/** What a judge job leaves. */
export const JUDGEMENT_FILE = 'judgement.json';
/** Scores of an external test set, beside a classifier run's own. */
export const externalScoresPath = (dir: string, name: string): string =>
  join(dir, `scores-external-${name}.csv`);

function isDone(trialDir: string, job: TrialJob, config: TrialConfig): boolean {
  const dir = jobDir(trialDir, job.id);
  switch (job.kind) {
    case 'data':
      return existsSync(join(dir, READY_FILE));
    case 'synthetic':
      return existsSync(join(dir, LINEAGE_FILE));
    case 'judge':
      return existsSync(join(dir, JUDGEMENT_FILE));
    case 'gan':
      return runStatus(dir) === 'finished';
    case 'classifier':
      return (
        runStatus(dir) === 'finished' &&
        Object.keys(config.external).every((name) => existsSync(externalScoresPath(dir, name)))
      );
  }
}

/** Folder whose lock says that the job is being worked on. */
export const lockDir = (trialDir: string, job: TrialJob): string =>
  // A sample folder appears whole, so its lock lies beside it.
  job.kind === 'synthetic' ? `${jobDir(trialDir, job.id)}.lock` : jobDir(trialDir, job.id);

/** The state of every job, by id. */
export function jobStates(
  trialDir: string,
  jobs: readonly TrialJob[],
  config: TrialConfig,
): Map<string, JobState> {
  const states = new Map<string, JobState>();
  for (const job of jobs) {
    const state = (): JobState => {
      if (isDone(trialDir, job, config)) return 'done';
      const owner = readLock(lockDir(trialDir, job));
      if (owner !== undefined && ownerIsAlive(owner) !== false) return 'running';
      const failures = readFailures(trialDir, job.id);
      if (failures.length >= MOST_FAILURES) return 'failed';
      const last = failures.at(-1);
      if (last && Date.now() - Date.parse(last.time) < RETRY_AFTER_MS) return 'waiting';
      const needs = job.needs.map((id) => states.get(id));
      if (needs.includes('failed')) return 'failed';
      return needs.every((need) => need === 'done') ? 'open' : 'waiting';
    };
    states.set(job.id, state());
  }
  return states;
}
