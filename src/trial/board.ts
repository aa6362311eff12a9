/**
 * How a trial is getting on, read from its folder: every job's state, steps, figures, and the time that is left. Needs
 * neither the engine nor the process that works on it.
 */
import { join } from 'node:path';
import { readJson } from 'graft-torch/base';
import { type RunEvent, readLastEvents, readRunConfig, runFiles } from '../run/index.js';
import type { TrialConfig } from './config.js';
import { type JobFailure, type JobState, jobStates, readFailures } from './jobs.js';
import { jobDir, type TrialJob } from './plan.js';

/** A job that is being worked on, or was stopped. */
export interface JobProgress {
  job: TrialJob;
  /** 'gan sngan, fold 1', 'real+standard, fold 1, seed 0'. */
  title: string;
  state: JobState;
  step: number;
  /** Steps in all; null for jobs without steps. */
  steps: number | null;
  /** Time left at its present speed; null before it can be told. */
  secondsLeft: number | null;
  /** Newest losses and scores, by the names that they are shown under. */
  figures: Record<string, number>;
}

/** Means so far; they change with every run that ends. */
export interface ArmSoFar {
  arm: string;
  runs: number;
  planned: number;
  /** Mean test AUC of the finished runs; null before the first. */
  testAuc: number | null;
}

export interface Board {
  counts: Record<JobState, number>;
  jobs: number;
  /** Running ones first, then those that were stopped half-way. */
  running: JobProgress[];
  failed: { job: TrialJob; title: string; failures: JobFailure[] }[];
  arms: ArmSoFar[];
  /** Of the whole trial, with as many jobs at once as run now; null before it can be told. */
  secondsLeft: number | null;
}

/** Remembers what finished jobs said: they do not change. */
export class BoardReader {
  readonly #finished = new Map<string, { seconds: number; testAuc: number | null }>();
  readonly #steps = new Map<string, { steps: number; batchSize: number }>();

  constructor(
    readonly trialDir: string,
    readonly config: TrialConfig,
  ) {}

  /** @param states where the caller has them already */
  read(jobs: readonly TrialJob[], states = jobStates(this.trialDir, jobs, this.config)): Board {
    const counts: Record<JobState, number> = { waiting: 0, open: 0, running: 0, done: 0, failed: 0 };
    for (const state of states.values()) counts[state]++;
    const stateOf = (job: TrialJob): JobState => states.get(job.id) ?? 'waiting';
    const active = jobs
      .filter((job) => stateOf(job) === 'running' || stateOf(job) === 'open')
      .map((job) => this.#progress(job, stateOf(job)))
      .filter(({ state, step }) => state === 'running' || step > 0);
    for (const job of jobs) if (stateOf(job) === 'done') this.#readFinished(job);
    return {
      counts,
      jobs: jobs.length,
      running: active.sort((a, b) => Number(b.state === 'running') - Number(a.state === 'running')),
      failed: jobs
        .filter((job) => stateOf(job) === 'failed')
        .map((job) => ({ job, title: jobTitle(job), failures: readFailures(this.trialDir, job.id) }))
        .filter(({ failures }) => failures.length > 0),
      arms: this.#arms(jobs),
      secondsLeft: this.#secondsLeft(jobs, stateOf, active),
    };
  }

  #progress(job: TrialJob, state: JobState): JobProgress {
    const title = jobTitle(job);
    const none = { job, title, state, step: 0, steps: null, secondsLeft: null, figures: {} };
    if (job.kind !== 'gan' && job.kind !== 'classifier') return none;
    const dir = jobDir(this.trialDir, job.id);
    const plan = this.#stepsOf(job, dir);
    if (!plan) return none;
    const events = readLastEvents(join(dir, runFiles.events));
    const step = events.at(-1)?.step ?? 0;
    const losses = events.filter(({ type }) => type === 'losses');
    const rate = stepsPerSecond(losses);
    return {
      ...none,
      step,
      steps: plan.steps,
      secondsLeft: rate === null ? null : (plan.steps - step) / rate,
      figures: figuresOf(events),
    };
  }

  #stepsOf(job: TrialJob, dir: string): { steps: number; batchSize: number } | undefined {
    const known = this.#steps.get(job.id);
    if (known) return known;
    try {
      const { steps, batchSize, method } = readRunConfig(dir).config as {
        steps: number;
        batchSize: number;
        method?: string;
      };
      if (method === 'probe') return undefined; // one fit, of seconds
      this.#steps.set(job.id, { steps, batchSize });
      return { steps, batchSize };
    } catch {
      return undefined; // not begun
    }
  }

  #readFinished(job: TrialJob): void {
    if (this.#finished.has(job.id) || (job.kind !== 'gan' && job.kind !== 'classifier')) return;
    const summary = readJson<{ seconds?: number; testAuc?: number }>(
      join(jobDir(this.trialDir, job.id), runFiles.summary),
    );
    this.#finished.set(job.id, { seconds: summary.seconds ?? 0, testAuc: summary.testAuc ?? null });
  }

  #arms(jobs: readonly TrialJob[]): ArmSoFar[] {
    const arms = new Map<string, ArmSoFar>();
    for (const job of jobs) {
      if (job.kind !== 'classifier') continue;
      const arm = arms.get(job.arm.name) ?? { arm: job.arm.name, runs: 0, planned: 0, testAuc: null };
      arm.planned++;
      const auc = this.#finished.get(job.id)?.testAuc ?? null;
      if (auc !== null) {
        arm.testAuc = ((arm.testAuc ?? 0) * arm.runs + auc) / (arm.runs + 1);
        arm.runs++;
      }
      arms.set(job.arm.name, arm);
    }
    return [...arms.values()];
  }

  /** What is left of each job, by what jobs of its kind took or will take, over as many as run at once. */
  #secondsLeft(
    jobs: readonly TrialJob[],
    stateOf: (job: TrialJob) => JobState,
    active: readonly JobProgress[],
  ): number | null {
    const left = jobs.filter((job) => stateOf(job) !== 'done' && stateOf(job) !== 'failed');
    if (left.length === 0) return 0;
    const typical = (kind: TrialJob['kind']): number | null => {
      const took = jobs.flatMap((job) =>
        job.kind === kind && this.#finished.has(job.id) ? [this.#finished.get(job.id)!.seconds] : [],
      );
      if (took.length > 0) return took.reduce((a, b) => a + b, 0) / took.length;
      const now = active.find(
        ({ job, secondsLeft, step }) => job.kind === kind && secondsLeft !== null && step > 0,
      );
      return now ? (now.secondsLeft! * now.steps!) / Math.max(1, now.steps! - now.step) : null;
    };
    const lengths = { gan: typical('gan'), classifier: typical('classifier') };
    let sum = 0;
    for (const job of left) {
      if (job.kind !== 'gan' && job.kind !== 'classifier') continue;
      const own = active.find((one) => one.job.id === job.id)?.secondsLeft ?? lengths[job.kind];
      if (own === null) return null;
      sum += own;
    }
    return sum / Math.max(1, active.filter(({ state }) => state === 'running').length);
  }
}

export function jobTitle(job: TrialJob): string {
  const { fold, realFraction } = job.variant;
  const where = `fold ${fold}${realFraction < 1 && job.kind !== 'classifier' ? `, ${Math.round(100 * realFraction)} % real` : ''}`;
  switch (job.kind) {
    case 'data':
      return `data, ${where}`;
    case 'gan':
      return `GAN ${job.gan}, ${where}${job.seed === null ? '' : `, seed ${job.seed}`}`;
    case 'synthetic':
      return `${job.count} images of ${job.gan}, ${job.choice}, ${where}`;
    case 'judge':
      return `metrics and privacy of ${job.gan}, ${where}`;
    case 'classifier':
      return `${job.arm.name}, ${where}, seed ${job.seed}`;
  }
}

/** Over the last losses in the log, by the run's own clock: pauses between its parts do not count. */
function stepsPerSecond(losses: readonly RunEvent[]): number | null {
  const recent = losses.slice(-20);
  const [first, last] = [recent[0], recent.at(-1)];
  const seconds = Number(last?.wall.seconds) - Number(first?.wall.seconds);
  if (first && last && seconds > 0 && last.step > first.step) return (last.step - first.step) / seconds;
  const whole = Number(last?.wall.seconds);
  return last && whole > 0 ? last.step / whole : null;
}

/** The newest figure under each name. */
function figuresOf(events: readonly RunEvent[]): Record<string, number> {
  const shown = { discriminatorLoss: 'D', generatorLoss: 'G', fd: 'FD', loss: 'loss', valAuc: 'val AUC' };
  const figures: Record<string, number> = {};
  for (const event of events) {
    for (const [field, name] of Object.entries(shown)) {
      const value = event[field];
      if (typeof value === 'number') figures[name] = value;
    }
  }
  return figures;
}
