import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { takeLock } from '../base/lock.js';
import { LINEAGE_FILE } from '../data/lineage/lineage.js';
import { trialConfigSchema } from './config.js';
import {
  externalScoresPath,
  jobStates,
  lockDir,
  READY_FILE,
  readFailures,
  readSchedule,
  recordFailure,
  writeSchedule,
} from './jobs.js';
import { jobDir, type TrialJob } from './plan.js';

const variant = { fold: 1, realFraction: 1 };
const arm = {
  name: 'real+synthetic',
  real: 'all',
  realFraction: 1,
  augmentation: 'none',
  balance: 'none',
  synthetic: { gan: 'g', amount: 5, choice: 'random' },
} as const;
const jobs: TrialJob[] = [
  { kind: 'data', id: 'data/fold-1', needs: [], variant, sizes: [32] },
  { kind: 'gan', id: 'gans/g/fold-1', needs: ['data/fold-1'], variant, gan: 'g', seed: null },
  {
    kind: 'synthetic',
    id: 'synthetic/g/fold-1/random-5',
    needs: ['gans/g/fold-1'],
    variant,
    gan: 'g',
    from: { job: 'gans/g/fold-1' },
    count: 5,
    choice: 'random',
    seed: 0,
  },
  {
    kind: 'classifier',
    id: 'runs/fold-1/real+synthetic/seed-0',
    needs: ['data/fold-1', 'synthetic/g/fold-1/random-5'],
    variant,
    arm,
    seed: 0,
    synthetic: 'synthetic/g/fold-1/random-5',
  },
];
const [data, gan, synthetic, classifier] = jobs as [TrialJob, TrialJob, TrialJob, TrialJob];

let trial: string;
beforeEach(() => {
  trial = mkdtempSync(join(tmpdir(), 'graft-jobs-'));
});

const config = trialConfigSchema.parse({ data: 'd' });
const states = (settings = config): string[] => [...jobStates(trial, jobs, settings).values()];
const put = (job: TrialJob, ...files: string[]): void => {
  mkdirSync(jobDir(trial, job.id), { recursive: true });
  for (const file of files) writeFileSync(join(jobDir(trial, job.id), file), '{}');
};

test('folders tell where each job stands', () => {
  expect(states()).toEqual(['open', 'waiting', 'waiting', 'waiting']);
  put(data, READY_FILE);
  expect(states()).toEqual(['done', 'open', 'waiting', 'waiting']);
  put(gan, 'config.yaml');
  expect(states()).toEqual(['done', 'open', 'waiting', 'waiting']); // begun, and stopped
  put(gan, 'summary.json');
  expect(states()).toEqual(['done', 'done', 'open', 'waiting']);
  put(synthetic, LINEAGE_FILE);
  put(classifier, 'config.yaml', 'summary.json');
  expect(states()).toEqual(['done', 'done', 'done', 'done']);
});

test('a run is done when the external test sets are scored too', () => {
  put(classifier, 'config.yaml', 'summary.json');
  const external = trialConfigSchema.parse({ data: 'd', external: { elsewhere: 'e' } });
  expect(states(external)[3]).not.toBe('done');
  writeFileSync(externalScoresPath(jobDir(trial, classifier.id), 'elsewhere'), '');
  expect(states(external)[3]).toBe('done');
});

test.each([data, synthetic, classifier])('whoever holds the lock works on it: $kind', (job) => {
  const dir = lockDir(trial, job);
  mkdirSync(dir, { recursive: true });
  const release = takeLock(dir);
  expect(jobStates(trial, jobs, config).get(job.id)).toBe('running');
  release();
  expect(jobStates(trial, jobs, config).get(job.id)).not.toBe('running');
});

test('a job on another host runs as long as its lock is touched', () => {
  put(data);
  const lock = join(jobDir(trial, data.id), 'lock');
  writeFileSync(
    lock,
    JSON.stringify({ pid: 1, host: `not-${hostname()}`, started: '', since: '', leaseMs: 60_000 }),
  );
  expect(states()[0]).toBe('running');
  const late = new Date(Date.now() - 61_000);
  utimesSync(lock, late, late);
  expect(states()[0]).toBe('open');
});

test('a job that has just failed is left alone for a moment', () => {
  const failed = (secondsAgo: number) => ({
    time: new Date(Date.now() - 1000 * secondsAgo).toISOString(),
    worker: 'w',
    message: 'file server away',
  });
  recordFailure(trial, data.id, failed(1));
  expect(states()[0]).toBe('waiting');
  rmSync(join(trial, 'failures'), { recursive: true });
  recordFailure(trial, data.id, failed(6));
  expect(states()[0]).toBe('open');
});

test('two failures are enough, and what needs the job fails with it', () => {
  const failure = { time: '2026-11-25T10:00:00Z', worker: 'w', message: 'disk full' };
  recordFailure(trial, data.id, failure);
  expect(states()).toEqual(['open', 'waiting', 'waiting', 'waiting']);
  recordFailure(trial, data.id, { ...failure, message: 'again' });
  expect(states()).toEqual(['failed', 'failed', 'failed', 'failed']);
  expect(readFailures(trial, data.id).map(({ message }) => message)).toEqual(['disk full', 'again']);
  rmSync(join(trial, 'failures'), { recursive: true });
  expect(states()[0]).toBe('open');
});

test('the schedule is read back; a damaged one says what to do', () => {
  expect(readSchedule(trial)).toBeUndefined();
  const schedule = { seeds: 3, threads: 2, final: false, startedAt: '2026-11-26T10:00:00Z' };
  writeSchedule(trial, schedule);
  expect(readSchedule(trial)).toEqual(schedule);
  writeFileSync(join(trial, 'schedule.json'), '{"seeds":0}');
  expect(() => readSchedule(trial)).toThrow('schedule.json: seeds');
});
