/** A trial that is nothing but jobs and their folders, for whoever hands jobs out. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../../data/dataset/index.js';
import { trialConfigSchema } from '../config.js';
import { READY_FILE, writeSchedule } from '../jobs.js';
import type { TrialJob } from '../plan.js';
import type { TrialFolder } from '../trial.js';

/** @param needs jobs that wait for others */
export function folderOfJobs(
  dir: string,
  ids: readonly string[],
  needs: Readonly<Record<string, readonly string[]>> = {},
): TrialFolder {
  writeSchedule(dir, { seeds: 1, threads: 1, final: true, startedAt: '2026-11-26T10:00:00Z' });
  const variant = { fold: 1, realFraction: 1 };
  const jobs = ids.map((id): TrialJob => ({ kind: 'data', id, needs: needs[id] ?? [], variant, sizes: [] }));
  return { dir, config: trialConfigSchema.parse({ data: 'd' }), dataset: {} as Dataset, jobs: () => jobs };
}

export function markDone(dir: string, id: string): void {
  mkdirSync(join(dir, id), { recursive: true });
  writeFileSync(join(dir, id, READY_FILE), '{}');
}
