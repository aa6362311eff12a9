/**
 * How fast and how large a job of a trial is on this machine: its first steps are run for real, in a folder that is
 * thrown away, and stopped.
 */
import { InterruptedError, neverInterrupted } from '../run/interrupt.js';
import type { TrialJob } from './plan.js';
import { runJob, type TrialFolder } from './run-job.js';

/** The kinds of job that take time. */
export type ProbeKind = 'classifier' | { gan: string };

export interface ProbeResult {
  secondsPerStep: number;
  /** Largest resident memory of the process so far. */
  peakBytes: number;
}

/** The first steps allocate, plan and fill caches: they are not typical. */
const WARM_UP_STEPS = 2;

/**
 * @param trial its folder is written to, and may be removed after
 * @param steps that are timed; at least 1
 */
export async function probe(trial: TrialFolder, kind: ProbeKind, steps = 3): Promise<ProbeResult> {
  const times: number[] = [];
  const wanted = WARM_UP_STEPS + steps;
  const onStep = (): void => void times.push(performance.now());
  const interrupt = { ...neverInterrupted, poll: async () => times.length >= wanted };
  try {
    // The dataset's own split, whatever the folds: its size is what counts.
    const whole = { ...trial, config: { ...trial.config, folds: 1, external: {} } };
    await runJob(whole, probeJob(kind), { interrupt, onGanStep: onStep, onClassifierStep: onStep });
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  }
  // A run may have fewer steps than were asked for.
  const timed = times.slice(Math.min(WARM_UP_STEPS, times.length - 2) - 1);
  const { maxRSS } = process.resourceUsage();
  return {
    secondsPerStep: (timed.at(-1)! - timed[0]!) / 1000 / (timed.length - 1),
    peakBytes: maxRSS * 1024,
  };
}

function probeJob(kind: ProbeKind): TrialJob {
  const base = { needs: [], variant: { fold: 1, realFraction: 1 } };
  if (kind !== 'classifier') return { ...base, kind: 'gan', id: 'gan', gan: kind.gan, seed: null };
  return {
    ...base,
    kind: 'classifier',
    id: 'classifier',
    // The most costly arm but for its synthetic images, which change nothing about a step.
    arm: {
      name: 'probe',
      real: 'all',
      realFraction: 1,
      augmentation: 'standard',
      balance: 'none',
      synthetic: null,
    },
    seed: 0,
    synthetic: null,
  };
}
