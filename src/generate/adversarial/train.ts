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
import { ConfigError, GraftError, Random } from 'graft-torch/base';
import { commandLine } from '../../base/index.js';
import { writeGridPng } from '../../image/index.js';
import { partsOf, writeRecord } from '../../lineage/index.js';
import { bringBackbone, requireTrust } from '../../metrics/backbone/index.js';
import {
  InterruptedError,
  type Json,
  neverInterrupted,
  noteConditions,
  type Run,
  readEvents,
  resumeCheckpoint,
  runConditions,
  runFiles,
  saveCheckpoint,
  settleThreads,
} from '../../run/index.js';
import { openGeneratorData, toLabels, toNetworkRange, toPixels } from '../data.js';
import { planar } from '../pictures/generate.js';
import { checkGanConfig, type GanConfig } from './config.js';
import { type GanParts, namesOf, openModule } from './own.js';
import { canRollBack, rollBack } from './roll-back.js';
import { adversarialStep, type StepBatch, type StepLosses } from './step.js';
import { type GanSummary, imagesSeen, summarise } from './summary.js';
import {
  generateWith,
  gridColumns,
  loadState,
  makeState,
  releaseState,
  type StepFigures,
  setConditioning,
  stateDict,
  type TrainHooks,
  type Training,
} from './training.js';
import { startFrom } from './transfer.js';
import { openWatch, type Watch } from './watch.js';

export interface TrainOptions extends TrainHooks, GanParts {}

/**
 * Trains a GAN to the end of its configuration, from where the run folder stands.
 *
 * A run that was stopped at any point, by a signal or by `kill -9`, ends bit-identical to one that never was, on
 * the same device and number of threads.
 *
 * @param options networks, an objective, a regulariser or an augmentation in place of the configuration's; hooks
 * @returns what the run's summary.json says
 * @throws InterruptedError when `interrupt` asked for it (the state is saved), GraftError when a loss is not finite,
 *   ConfigError where settings or parts do not go together
 */
export async function trainGan(run: Run, config: GanConfig, options: TrainOptions = {}): Promise<GanSummary> {
  const training = await openTraining(run, config, options);
  const { state, hooks, data } = training;
  const { device } = state;
  let watch: Watch | null = null;
  let figures: StepFigures | null = null;

  try {
    await begin(training);
    writeRecord(run.dir, () => [data.fit, ...partsOf('gan', { ...config })]);
    noteConditions(run, state.step, { device, engine: engineInfo(), warn: warnOf(training) });
    watch = config.monitorEvery > 0 ? await openWatch(training) : null;
    if (state.step === 0) await writeSamples(training);

    while (state.step < config.steps) {
      const started = performance.now();
      setConditioning(training);
      const batches = await takeBatches(training);
      const losses = adversarialStep(state, batches, {
        random: randomOf(training).fork(state.step),
        discriminatorSteps: state.discriminatorSteps,
      });
      dispose(batches);
      state.ema?.update(state.step);
      state.step++;
      state.discriminatorSteps += config.criticSteps;
      state.controller?.observe(losses.realSign);

      // Reading a loss waits for the device: on a GPU only when it is logged.
      const { step } = state;
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
      if (logs) logFigures(training, figures!);
      if (ends || step % config.sampleEvery === 0) await writeSamples(training);

      const broken = figures && brokenFigure(figures);
      const findings = watches && !broken ? watch!.measure(figures!) : [];
      for (const finding of findings) hooks.onFinding?.(finding);
      const reason = broken || findings.find(({ severity }) => severity === 'critical')?.kind;
      if (reason && canRollBack(training)) {
        rollBack(training, reason);
        watch?.forget();
        tidy(() => saveCheckpoint(run, state.step, stateDict(state)));
        continue;
      }
      if (broken) fail(training, broken);

      const isBest = watches && watch!.isBest();
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
          `stopped after step ${step} of ${config.steps}, state saved; go on with: ${resumeLine(run.dir, config)}`,
        );
    }
    const summary = summarise(training, figures);
    run.finish({ ...summary });
    return summary;
  } finally {
    watch?.dispose();
    releaseState(state);
    data.images.dispose();
  }
}

/** Checks the configuration, readies the engine, opens the images, makes networks of fresh weights. */
async function openTraining(run: Run, config: GanConfig, options: TrainOptions): Promise<Training> {
  const { networks, objective, regulariser, augment, ...hooks } = options;
  const given = { networks, objective, regulariser, augment };
  const parts = namesOf(given).length > 0 ? given : await openModule(config);
  checkGanConfig(config, parts);
  if (config.monitorEvery > 0) {
    requireTrust(config.backbone);
    if (config.backbone !== null) await bringBackbone(config.backbone);
  }
  setThreads(settleThreads(config).threads);
  const device = config.device === 'auto' ? bestDevice() : requireDevice(config.device as Device);
  usePrecision(device, config.precision);
  const data = await openGeneratorData(config, {
    hash: run.header.dataHash,
    // The doctor looks at held-out images; what it says decides something only where the run may go back.
    decidedBy: config.rollBacks > 0 && config.monitorEvery > 0 ? ['train', 'val'] : ['train'],
    onProgress: hooks.onDecode,
  });
  const fixed = { run, config, data, parts, hooks };
  return { ...fixed, state: makeState(fixed, device) };
}

const warnOf = ({ hooks }: Training): ((message: string) => void) => hooks.warn ?? (() => {});

/** The command that goes on with a run. Naming its module says that its code may run. */
const resumeLine = (dir: string, { module }: GanConfig): string =>
  module === undefined
    ? commandLine`graft generator resume ${dir}`
    : commandLine`graft generator resume ${dir} --module ${module}`;

/** What may be changed in config.yaml of a run that was stopped: how long it goes on, where and how it is watched. */
const changeableIn = ({ header, config }: Run): string[] => [
  ...runConditions,
  'steps',
  // Of a run that knows its dataset's hash also where that lies.
  ...(header.dataHash === undefined ? [] : ['data']),
  // Where the module lies; another one has been asked about.
  ...('module' in config ? ['module', 'moduleSha256'] : []),
];

/** Takes up the last checkpoint, or starts from fresh or another run's weights. */
async function begin(training: Training): Promise<void> {
  const { run, config, state, data, parts } = training;
  const warn = warnOf(training);
  const isResumed = tidy(() => {
    const checkpoint = resumeCheckpoint(run, warn, { changeable: changeableIn(run) });
    if (checkpoint) loadState(state, checkpoint);
    return checkpoint !== undefined;
  });
  if (isResumed) return requireSameParts(training);
  const advice = adviceForFew(config, data.indices.length);
  if (advice) warn(advice);
  for (const caution of data.frames) warn(caution);
  const ancestor = await startFrom(training);
  const own = namesOf(parts);
  run.event('started', 0, { ancestor: ancestor as unknown as Json, ...(own.length > 0 && { own }) });
}

/** @throws ConfigError where a run goes on without what it was begun with, or with something else */
function requireSameParts({ run, parts }: Training): void {
  const started = readEvents(run.path(runFiles.events)).find(({ type }) => type === 'started');
  const was = ((started?.own as string[] | undefined) ?? []).join(', ') || 'none';
  const now = namesOf(parts).join(', ') || 'none';
  if (was !== now)
    throw new ConfigError(
      `${run.dir}: was begun with parts of its own code: ${was}; it cannot go on with ${now}: give it the same`,
    );
}

/** Fewer images than this get a word of advice; Karras et al. (2020) and Zhao et al. (2020) begin at 100. */
const FEW_IMAGES = 500;

/** What to consider where images are few; null where nothing is to be said. */
function adviceForFew({ ada, diffAugment }: GanConfig, count: number): string | null {
  if (count >= FEW_IMAGES || ada || diffAugment.length > 0) return null;
  return `${count} training images are few: the discriminator may learn them by heart; consider --set diffAugment=[colour,translation,cutout] or --set ada.target=0.6`;
}

/** Draws of a step: other ones after each roll-back, else the run would end where it ended before. */
const randomOf = ({ config, state }: Training): Random =>
  new Random(config.seed).fork(`roll-back ${state.rollBacks}`);

/** One batch a critic step. */
async function takeBatches({ state, config, data }: Training): Promise<StepBatch[]> {
  const batches: StepBatch[] = [];
  const flips = config.flips ? new Random(config.seed).fork('flips') : null;
  for (let i = 0; i < config.criticSteps; i++) {
    const { images, indices } = await state.loader.next();
    const random = flips?.fork(state.step * config.criticSteps + i) ?? null;
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

function logFigures(training: Training, figures: StepFigures): void {
  const { step, seconds } = training.state;
  const imagesPerSecond = imagesSeen(training) / seconds;
  training.run.event('losses', step, { ...figures }, { seconds, imagesPerSecond });
}

/** The first figure that is not finite, in words; '' where all are. */
function brokenFigure(figures: StepFigures): string {
  const found = Object.entries(figures).find(([, value]) => !Number.isFinite(value));
  return found ? `${found[0]} is ${found[1]}` : '';
}

function fail({ run, state: { step } }: Training, broken: string): never {
  run.event('failed', step, { reason: 'not finite', figure: broken });
  run.log(`step ${step}: ${broken}`);
  throw new GraftError(
    `${run.dir}: step ${step}: ${broken}; the training has diverged. Lower learningRate.discriminator or learningRate.generator (--set learningRate.discriminator=1e-4), or choose architecture=sngan, and start a new run`,
  );
}

/** The fixed-noise grid. */
async function writeSamples({ run, state, config }: Training): Promise<void> {
  const { step } = state;
  const pixels = tidy(() => toPixels(generateWith(state, state.fixedNoise, state.fixedLabels)));
  const images = planar(pixels);
  pixels.dispose();
  await writeGridPng(images, run.samplePath(step), { columns: gridColumns(config) });
  run.event('samples', step, { file: `samples/step-${String(step).padStart(6, '0')}.png` });
}
