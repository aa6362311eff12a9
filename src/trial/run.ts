/**
 * Runs a trial to its verdict: says what is to be done, has it done (here, or by workers elsewhere), looks at what came
 * out, adds seeds where that was agreed on before, and collects. Everything is in the trial's folder; whatever ends
 * this process, `graft trial resume` goes on where it stood.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { GraftError } from 'graft-torch/base';
import { commandLine } from '../base/index.js';
import { unknownWords } from '../data/lineage/index.js';
import {
  type Interrupt,
  InterruptedError,
  type Json,
  neverInterrupted,
  type Run,
  readEvents,
  runFiles,
} from '../run/index.js';
import { decideLook } from '../verdict/index.js';
import { type Board, BoardReader, jobTitle } from './board.js';
import { checkPictures, checkTrial, pictureCheckOf } from './check.js';
import { collectSummary } from './collect.js';
import { settleTrialThreads } from './config.js';
import { jobStates, readFailures, readSchedule, writeSchedule } from './jobs.js';
import type { TrialJob } from './plan.js';
import { registrationRecord, settleRegistration } from './registered.js';
import { Ledger } from './results.js';
import { describeSetting, measureRoom, type Room } from './room.js';
import { scoresOf } from './scores.js';
import type { TrialSummary } from './summary.js';
import type { Trial, TrialFolder } from './trial.js';
import { PLAN_EVENTS } from './trial-log.js';
import { type JobOutcome, type JobStates, work } from './work.js';

/** Has jobs done until none is open; returns when all are done or failed, or it was asked to stop. */
export interface Executor {
  (jobs: ExecutorContext): Promise<'finished' | 'stopped'>;
  /** Tells whoever works elsewhere of a schedule that brings no jobs. */
  scheduled?(): Promise<void>;
}

export interface ExecutorContext {
  trial: TrialFolder;
  jobs: readonly TrialJob[];
  states: () => JobStates;
  interrupt: Interrupt;
  /** To be called every second or so, for whoever watches. */
  onTurn: (states?: JobStates) => void;
}

export interface TrialOptions {
  interrupt?: Interrupt;
  /** Jobs at once on this machine; default: as many as were measured to pay. */
  parallel?: number | undefined;
  /** Instead of this machine. */
  executor?: Executor | undefined;
  /** Threads of each job from now on, whatever they were. */
  threads?: number | undefined;
  /** Why it goes on though it is not as it was registered. */
  deviation?: string | undefined;
  /** The pictures of external test sets are being compared: which can take minutes. */
  onCompare?: () => void;
  onProbe?: (title: string) => void;
  /** What this machine has room for, when it was measured. */
  onRoom?: (room: Room) => void;
  onTurn?: (board: Board) => void;
  onJob?: (title: string, outcome: JobOutcome) => void;
  onNotice?: (message: string) => void;
  /** A look at a trial with sequential seeds: what it said. */
  onLook?: (message: string) => void;
}

/**
 * @param opened as `openTrial` gives it, or `prepareTrial`, whose checks then are not made again
 * @throws InterruptedError with everything saved; GraftError naming the jobs that failed, and why; ConfigError naming what
 * is not as it was registered
 */
export async function runTrial(run: Run, opened: Trial, options: TrialOptions = {}): Promise<TrialSummary> {
  const trial = await checked(run, { ...opened, dir: run.dir }, options);
  const { config } = trial;
  const { interrupt = neverInterrupted } = options;
  const startedAt = readSchedule(run.dir)?.startedAt ?? new Date().toISOString();
  // Whoever resumes a trial has seen to what made jobs fail.
  rmSync(run.path('failures'), { recursive: true, force: true });
  const { threads, parallel } = await settle(run, trial, options);
  const execute = options.executor ?? localExecutor({ parallel, onJob: options.onJob });
  const reader = new BoardReader(run.dir, config);
  const ledger = new Ledger(run, config);

  const looks = config.sequential?.looks ?? [config.seeds.length];
  let summary: TrialSummary | undefined;
  for (const [index, seeds] of looks.entries()) {
    const last = index === looks.length - 1;
    writeSchedule(run.dir, { seeds, threads, final: last, startedAt });
    const jobs = trial.jobs(seeds);
    const states = () => jobStates(run.dir, jobs, config);
    const onTurn = (known: JobStates = states()): void => {
      ledger.note(jobs, known, seeds);
      options.onTurn?.(reader.read(jobs, new Map(known)));
    };
    const ended = await execute({ trial, jobs, states, interrupt, onTurn });
    if (ended === 'stopped')
      throw new InterruptedError(
        `stopped, state saved; go on with: ${commandLine`graft trial resume ${run.dir}`}`,
      );
    requireAllDone(run.dir, jobs, states());
    onTurn();
    ledger.verify(jobs);
    summary = collectSummary(trial, {
      jobs,
      threads,
      startedAt,
      sequential: config.sequential && { looks, reached: index + 1, stopped: last ? 'budget' : 'running' },
    });
    if (!config.sequential) break;
    const look = decideLook(scoresOf(summary), config.sequential, index + 1);
    run.event('look', seeds, { ...look });
    options.onLook?.(look.sentence);
    if (look.stop === null) continue;
    summary = { ...summary, sequential: { ...summary.sequential!, stopped: look.stop } };
    // Workers that wait for further seeds may go.
    writeSchedule(run.dir, { seeds, threads, final: true, startedAt });
    await execute.scheduled?.();
    break;
  }
  summary = { ...summary!, registration: registrationRecord(run.dir) };
  run.finish(
    { ...summary },
    { event: { type: PLAN_EVENTS.finished, step: new Set(summary.runs.map(({ seed }) => seed)).size } },
  );
  return summary;
}

/** With everything looked at that a trial would be refused for, before anything is trained. */
async function checked(run: Run, trial: TrialFolder, options: TrialOptions): Promise<TrialFolder> {
  trial.jobs();
  const unknown = trial.unknown ?? checkTrial(trial.config, trial.dataset);
  for (const one of unknown) {
    run.log(`warning: ${unknownWords(one)}`);
    options.onNotice?.(`graft: warning: ${unknownWords(one)}`);
  }
  await settleRegistration(run, trial, options.deviation);
  await comparePictures(run, trial, options);
  return { ...trial, unknown };
}

/** Once for the same images: the run's log remembers. */
async function comparePictures(
  run: Run,
  { config, dataset, pictures: compared }: Trial,
  { onCompare }: TrialOptions,
): Promise<void> {
  if (Object.keys(config.external).length === 0) return;
  const wanted = compared ?? pictureCheckOf(config, dataset);
  const events = readEvents(run.path(runFiles.events));
  if (events.some(({ type, pictures }) => type === 'compared' && isDeepStrictEqual(pictures, wanted))) return;
  if (!compared) {
    onCompare?.();
    await checkPictures(config, dataset);
  }
  run.event('compared', 0, { pictures: wanted as unknown as Json });
}

/**
 * Threads of each job stay what they were when the trial began: they decide a run's last bits. How many jobs run at once
 * is measured, and decides nothing but the time.
 */
async function settle(
  run: Run,
  { config }: Trial,
  options: TrialOptions,
): Promise<{ threads: number; parallel: number }> {
  const was = readSchedule(run.dir)?.threads;
  const threads = options.threads ?? was ?? settleTrialThreads(config).threads;
  if (was !== undefined && threads !== was) {
    const message = `jobs from now on have ${threads} ${threads === 1 ? 'thread' : 'threads'}, those before had ${was}: their figures differ in the last digits`;
    run.log(`warning: ${message}`);
    options.onNotice?.(message);
  }
  if (options.executor) return { threads, parallel: 0 };
  if (options.parallel) return { threads, parallel: options.parallel };
  const room = await measureRoom(config, { gans: [], threads, onProbe: options.onProbe });
  options.onRoom?.(room);
  run.log(
    `room: ${describeSetting(room.chosen)} (tried ${room.tried.map((one) => `${describeSetting(one)}: ${one.secondsPerStep.toFixed(3)} s a step, ${Math.round(one.peakBytes / 2 ** 20)} MiB`).join('; ')})`,
  );
  return room.chosen;
}

const localExecutor =
  ({ parallel, onJob }: { parallel: number; onJob?: TrialOptions['onJob'] }): Executor =>
  ({ trial, interrupt, onTurn }) =>
    work(trial, {
      parallel,
      worker: `process ${process.pid}`,
      until: 'idle',
      interrupt,
      onTurn,
      onJob: (job, outcome) => onJob?.(jobTitle(job), outcome),
    });

/** @throws GraftError naming what failed; what is done stays */
function requireAllDone(trialDir: string, jobs: readonly TrialJob[], states: JobStates): void {
  const failed = jobs.filter((job) => states.get(job.id) !== 'done');
  if (failed.length === 0) return;
  const causes = failed.flatMap((job) =>
    readFailures(trialDir, job.id)
      .slice(-1)
      .map(({ message }) => ({ job, message })),
  );
  const [first] = causes;
  const rest = failed.length > 1 ? ` (${failed.length} jobs of ${jobs.length} are not done)` : '';
  throw new GraftError(
    first
      ? `${jobTitle(first.job)}: ${first.message}${rest}; log: ${join(trialDir, 'logs')}; when that is mended: ${commandLine`graft trial resume ${trialDir}`}`
      : `${failed.length} jobs of ${jobs.length} are not done; go on with: ${commandLine`graft trial resume ${trialDir}`}`,
  );
}
