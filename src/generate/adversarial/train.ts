/**
 * The one adversarial loop. It walks phases: take batches, make a step, average, log, sample, watch, save. What a GAN
 * is lies in `objectives/` and `models/`, what a step is in `step.ts`.
 */

import {
  bestDevice,
  type Device,
  dispose,
  engineInfo,
  requireDevice,
  setThreads,
  tidy,
  usePrecision,
} from 'graft-torch';
import { GraftError, Random } from 'graft-torch/base';
import { commandLine } from '../../base/index.js';
import { writeGridPng } from '../../image/index.js';
import { partsOf, readRecord, writeRecord } from '../../lineage/index.js';
import { requireTrust } from '../../metrics/backbone/index.js';
import {
  conditionsOf,
  type Interrupt,
  InterruptedError,
  type Json,
  neverInterrupted,
  noteConditions,
  type Run,
  type RunEvent,
  readEvents,
  resumeCheckpoint,
  runConditions,
  runFiles,
  saveCheckpoint,
  settleThreads,
} from '../../run/index.js';
import { checkGanConfig, classTitle, type GanConfig } from './config.js';
import { adviceForFew, type GanData, openGanData, toLabels, toNetworkRange, toPixels } from '../data.js';
import type { Finding } from '../doctor.js';
import { planar } from '../pictures/generate.js';
import { canRollBack, rollBack } from './roll-back.js';
import { standingOfRun } from '../standing.js';
import {
  generateWith,
  gridColumns,
  loadState,
  makeState,
  releaseState,
  setConditioning,
  stateDict,
  type TrainingState,
} from './state.js';
import { adversarialStep, type StepBatch, type StepLosses } from './step.js';
import type { Ancestor, GanSummary, StepFigures } from './summary.js';
import { startFrom } from './transfer.js';
import { openWatch, recordsOf, type Watch } from './watch.js';

/** What the loop tells and asks while it runs; every part is optional. */
export interface TrainHooks {
  /** Polled after every step: a request saves and stops. */
  interrupt?: Interrupt;
  onStep?: (step: number, figures: StepFigures) => void;
  /** Pixels being decoded before the first step. */
  onDecode?: (done: number, total: number) => void;
  /** The doctor has found something. */
  onFinding?: (finding: Finding) => void;
  warn?: (message: string) => void;
}

/**
 * Trains a GAN to the end of its configuration, from where the run folder stands.
 *
 * A run that was stopped at any point, by a signal or by `kill -9`, ends bit-identical to one that never was, on
 * the same device and number of threads.
 *
 * @throws InterruptedError when `interrupt` asked for it (the state is saved), GraftError when a loss is not finite
 */
export async function trainGan(run: Run, config: GanConfig, hooks: TrainHooks = {}): Promise<GanSummary> {
  checkGanConfig(config);
  if (config.monitorEvery > 0) requireTrust(config.backbone);
  const warn = hooks.warn ?? (() => {});
  setThreads(settleThreads(config).threads);
  const device = config.device === 'auto' ? bestDevice() : requireDevice(config.device as Device);
  usePrecision(device, config.precision);
  const data = await openGanData(config, {
    hash: run.header.dataHash,
    onProgress: hooks.onDecode,
  });
  const state = makeState(config, device, data);
  let watch: Watch | null = null;
  let figures: StepFigures | null = null;

  try {
    let step = await begin(run, config, state, data, warn);
    writeRecord(run.dir, () => [data.fit, ...partsOf('gan', { ...config })]);
    noteConditions(run, step, { device, engine: engineInfo(), warn });
    watch = config.monitorEvery > 0 ? await openWatch(run, config, data, state) : null;
    if (step === 0) await writeSamples(run, state, config, 0);

    while (step < config.steps) {
      const started = performance.now();
      setConditioning(state, config, step);
      const batches = await takeBatches(state, config, data, step);
      const losses = adversarialStep(state, batches, {
        random: randomOf(state, config).fork(step),
        discriminatorSteps: state.discriminatorSteps,
      });
      dispose(batches);
      step++;
      state.discriminatorSteps += config.criticSteps;
      state.ema?.update(step - 1);
      state.controller?.observe(losses.realSign);

      // Reading a loss waits for the device: on a GPU only when it is logged.
      const ends = step === config.steps;
      const logs = ends || step % config.logEvery === 0;
      const watches = watch !== null && (ends || step % config.monitorEvery === 0);
      if (logs || watches || device === 'cpu') {
        figures = readFigures(losses);
        hooks.onStep?.(step, figures);
      }
      dispose(losses);
      // After the wait: steps that were only queued are paid for here.
      state.seconds += (performance.now() - started) / 1000;
      if (logs) logFigures(run, config, state, step, figures!);
      if (ends || step % config.sampleEvery === 0) await writeSamples(run, state, config, step);

      const broken = figures && brokenFigure(figures);
      const findings = watches && !broken ? watch!.measure(step, state, figures!) : [];
      for (const finding of findings) hooks.onFinding?.(finding);
      const reason = broken || findings.find(({ severity }) => severity === 'critical')?.kind;
      if (reason && canRollBack(state, config)) {
        step = rollBack(run, state, config, step, reason);
        watch?.forget(step);
        tidy(() => saveCheckpoint(run, step, stateDict(state)));
        continue;
      }
      if (broken) fail(run, step, broken);

      const isBest = watches && watch!.isBest(state);
      const isHealthy = watches && config.rollBacks > 0 && watch!.isHealthy;
      if (isHealthy) state.healthyStep = step;
      const stops = await (hooks.interrupt ?? neverInterrupted).poll();
      if (stops || ends || isBest || isHealthy || step % config.checkpointEvery === 0) {
        tidy(() => {
          const protect = state.healthyStep ?? undefined;
          saveCheckpoint(run, step, stateDict(state), { best: isBest, protect });
        });
      }
      if (stops && !ends)
        throw new InterruptedError(
          `stopped after step ${step} of ${config.steps}, state saved; go on with: ${commandLine`graft gan resume ${run.dir}`}`,
        );
    }
    const summary = summarise(run, config, state, data, figures);
    run.finish({ ...summary });
    return summary;
  } finally {
    watch?.dispose();
    releaseState(state);
    data.images.dispose();
  }
}

/** What may be changed in config.yaml of a run that was stopped: how long it goes on, where and how it is watched. */
const changeable = [...runConditions, 'steps'];
/** Of a run that knows its dataset's hash also where that lies. */
const changeableIn = ({ header }: Run): string[] =>
  header.dataHash === undefined ? changeable : [...changeable, 'data'];

/** Takes up the last checkpoint, or starts from fresh or another run's weights. Returns the steps done. */
async function begin(
  run: Run,
  config: GanConfig,
  state: TrainingState,
  data: GanData,
  warn: (message: string) => void,
): Promise<number> {
  const found = tidy(() => {
    const checkpoint = resumeCheckpoint(run, warn, { changeable: changeableIn(run) });
    if (checkpoint) loadState(state, checkpoint);
    return checkpoint?.step ?? null;
  });
  if (found !== null) return found;
  const advice = adviceForFew(config, data);
  if (advice) warn(advice);
  for (const caution of data.frames) warn(caution);
  const ancestor = await startFrom(config, state);
  run.event('started', 0, { ancestor: ancestor as unknown as Json });
  return 0;
}

/** Draws of a step: other ones after each roll-back, else the run would end where it ended before. */
const randomOf = (state: TrainingState, config: GanConfig): Random =>
  new Random(config.seed).fork(`roll-back ${state.rollBacks}`);

/** One batch a critic step. */
async function takeBatches(
  state: TrainingState,
  config: GanConfig,
  data: GanData,
  step: number,
): Promise<StepBatch[]> {
  const batches: StepBatch[] = [];
  const flips = config.flips ? new Random(config.seed).fork('flips') : null;
  for (let i = 0; i < config.criticSteps; i++) {
    const { images, indices } = await state.loader.next();
    const random = flips?.fork(step * config.criticSteps + i) ?? null;
    const labels = state.generator.classCount > 0 ? indices.map((row) => data.labels[row]!) : null;
    batches.push({
      images: toNetworkRange(images, state.device, random),
      labels: labels && toLabels(labels, state.device),
    });
    images.dispose();
  }
  return batches;
}

const readFigures = (losses: StepLosses): StepFigures => ({
  discriminatorLoss: losses.discriminatorLoss.item(),
  generatorLoss: losses.generatorLoss.item(),
  realScore: losses.realScore.item(),
  fakeScore: losses.fakeScore.item(),
});

function logFigures(
  run: Run,
  config: GanConfig,
  state: TrainingState,
  step: number,
  figures: StepFigures,
): void {
  const { seconds } = state;
  run.event('losses', step, { ...figures }, { seconds, imagesPerSecond: imagesSeen(config, step) / seconds });
}

const imagesSeen = (config: GanConfig, step: number): number => step * config.criticSteps * config.batchSize;

/** The first figure that is not finite, in words; '' where all are. */
function brokenFigure(figures: StepFigures): string {
  const found = Object.entries(figures).find(([, value]) => !Number.isFinite(value));
  return found ? `${found[0]} is ${found[1]}` : '';
}

function fail(run: Run, step: number, broken: string): never {
  run.event('failed', step, { reason: 'not finite', figure: broken });
  run.log(`step ${step}: ${broken}`);
  throw new GraftError(
    `${run.dir}: step ${step}: ${broken}; the training has diverged. Lower learningRate.discriminator or learningRate.generator (--set learningRate.discriminator=1e-4), or choose architecture=sngan, and start a new run`,
  );
}

/** The fixed-noise grid. */
async function writeSamples(run: Run, state: TrainingState, config: GanConfig, step: number): Promise<void> {
  const pixels = tidy(() => toPixels(generateWith(state, state.fixedNoise, state.fixedLabels)));
  const images = planar(pixels);
  pixels.dispose();
  await writeGridPng(images, run.samplePath(step), { columns: gridColumns(config) });
  run.event('samples', step, { file: `samples/step-${String(step).padStart(6, '0')}.png` });
}

function summarise(
  run: Run,
  config: GanConfig,
  state: TrainingState,
  data: GanData,
  figures: StepFigures | null,
): GanSummary {
  const events = readEvents(run.path(runFiles.events));
  const ancestor = (events.find(({ type }) => type === 'started')?.ancestor ?? null) as Ancestor | null;
  const groups = new Set([...data.groups, ...(ancestor?.trainingGroups ?? [])]);
  const findings = events.filter(({ type }) => type === 'finding');
  return {
    steps: config.steps,
    trainingImages: data.indices.length,
    trainingGroups: [...groups].sort(),
    dataset: data.dataset,
    fitted: readRecord({ dir: run.dir, summary: undefined }) ?? undefined,
    framing: data.framing,
    frames: data.frames,
    ancestor,
    class: classTitle(config),
    final: figures ?? lastFigures(events),
    best: state.best,
    findings: Object.fromEntries(findings.map(({ kind, step }) => [kind as string, step])),
    standing: standingOfRun(recordsOf(events), findings.length),
    rollBacks: state.rollBacks,
    generatorParameters: state.generator.parameterCount,
    discriminatorParameters: state.discriminator.parameterCount,
    seconds: state.seconds,
    imagesPerSecond: imagesSeen(config, config.steps) / state.seconds,
    device: state.device,
    conditions: conditionsOf(events),
  };
}

/** The figures of the last step, of a run that is resumed behind it. */
function lastFigures(events: RunEvent[]): StepFigures {
  const last = events.findLast((event) => event.type === 'losses') as unknown as StepFigures;
  const { discriminatorLoss, generatorLoss, realScore, fakeScore } = last;
  return { discriminatorLoss, generatorLoss, realScore, fakeScore };
}
