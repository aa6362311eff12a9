/**
 * How fast and how large a job of a trial is on this machine: its first steps are run for real, in a folder that is
 * thrown away, and stopped. Several probes time their steps together: whoever is still starting up is no load, and on a
 * GPU the start takes longer than what is timed.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bestDevice, type Device, deviceMemoryShare } from 'graft-torch';
import { InterruptedError, neverInterrupted } from '../run/index.js';
import type { TrialJob } from './plan.js';
import { type JobTrial, runJob } from './run-job.js';

/** The kinds of job that take time. */
export type ProbeKind = 'classifier' | { gan: string };

export interface ProbeResult {
  secondsPerStep: number;
  /** Largest resident memory of the process so far. */
  peakBytes: number;
  /** Part of the GPU's memory that is in use, by all who run on it now; 0 on a CPU. */
  deviceShare: number;
}

/** Where probes of the same setting find each other. */
export interface Meeting {
  /** A folder of theirs alone. */
  folder: string;
  count: number;
}

/** The first steps allocate, plan and fill caches: they are not typical. */
const WARM_UP_STEPS = 2;
/** Timed at least: steps, and as long as these take. */
const TIMED_STEPS = 3;
const TIMED_MS = 1000;
/** One that died is not waited for longer. */
const PATIENCE_MS = 60_000;

interface Point {
  step: number;
  ms: number;
}

/** @param trial its folder is written to, and may be removed after */
export async function probe(
  trial: JobTrial,
  kind: ProbeKind,
  meeting: Meeting | null = null,
): Promise<ProbeResult> {
  const { device } = trial.config;
  const used = (): number => deviceMemoryShare(device === 'auto' ? bestDevice() : (device as Device));
  // A GAN on a GPU tells of a step only where it logs one.
  const told: Point[] = [];
  const onStep = (step: number): void => void told.push({ step, ms: performance.now() });
  const timed: { from: Point | null; to: Point | null; deviceShare: number | null } = {
    from: null,
    to: null,
    deviceShare: null,
  };
  const poll = async (): Promise<boolean> => {
    if (told.length < WARM_UP_STEPS) return false;
    const now = told.at(-1)!;
    if (!timed.from) {
      await meet(meeting, 'warm');
      timed.from = { step: now.step, ms: performance.now() };
    } else if (!timed.to && now.step - timed.from.step >= TIMED_STEPS && now.ms - timed.from.ms >= TIMED_MS) {
      timed.to = now;
      timed.deviceShare = used();
      announce(meeting, 'timed');
    }
    // Whoever is done goes on working beside those who are not.
    return timed.to !== null && (hasMet(meeting, 'timed') || performance.now() - timed.to.ms > PATIENCE_MS);
  };
  try {
    // The dataset's own split, whatever the folds: its size is what counts.
    const whole = { ...trial, config: { ...trial.config, folds: 1, external: {} } };
    const interrupt = { ...neverInterrupted, poll };
    await runJob(whole, probeJob(kind), { interrupt, onGanStep: onStep, onClassifierStep: onStep });
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  } finally {
    // A run may have fewer steps than were asked for, or fail: nobody is to wait for it.
    for (const phase of ['warm', 'timed'] as const) announce(meeting, phase);
  }
  const [from, to] = [timed.from ?? told[0]!, timed.to ?? told.at(-1)!];
  const [first, last] = to.step > from.step ? [from, to] : [told[0]!, told.at(-1)!];
  return {
    secondsPerStep: (last.ms - first.ms) / 1000 / Math.max(1, last.step - first.step),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    deviceShare: timed.deviceShare ?? used(),
  };
}

type Phase = 'warm' | 'timed';

function announce(meeting: Meeting | null, phase: Phase): void {
  try {
    if (meeting) writeFileSync(join(meeting.folder, `${phase}-${process.pid}`), '');
  } catch {} // the folder goes when one of the probes has failed
}

function hasMet(meeting: Meeting | null, phase: Phase): boolean {
  try {
    return (
      !meeting || readdirSync(meeting.folder).filter((name) => name.startsWith(phase)).length >= meeting.count
    );
  } catch {
    return true;
  }
}

/** Comes and waits until all have come. */
async function meet(meeting: Meeting | null, phase: Phase): Promise<void> {
  announce(meeting, phase);
  const until = performance.now() + PATIENCE_MS;
  while (!hasMet(meeting, phase) && performance.now() < until) await sleep(5);
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
