/**
 * The one adversarial loop. It walks phases: take batches, make a step, average, log, sample, save. What a GAN is
 * lies in `objectives/` and `models/`, what a step is in `step.ts`.
 */
import { Loader } from '../data/loader.js';
import { GraftError } from '../errors.js';
import { writeGridPng } from '../image/grid.js';
import type { Module } from '../nn/index.js';
import { Ema } from '../optim/index.js';
import { Random } from '../random.js';
import { resumeCheckpoint, saveCheckpoint, underPrefix, withPrefix } from '../run/checkpoint.js';
import { type Interrupt, InterruptedError, neverInterrupted } from '../run/interrupt.js';
import { type Run, readEvents, runFiles } from '../run/run-folder.js';
import {
  bestDevice,
  type Device,
  dispose,
  Generator,
  manualSeed,
  noGrad,
  randn,
  requireDevice,
  setThreads,
  type Tensor,
  tidy,
} from '../torch/index.js';
import type { GanConfig } from './config.js';
import { openGanData, toNetworkRange, toPixels } from './data.js';
import { makeAdversaries, makeGenerator } from './networks.js';
import { type Adversaries, adversarialStep } from './step.js';

/** What the loop tells and asks while it runs; every part is optional. */
export interface TrainHooks {
  /** Polled after every step: a request saves and stops. */
  interrupt?: Interrupt;
  onStep?: (step: number, figures: StepFigures) => void;
  /** Pixels being decoded before the first step. */
  onDecode?: (done: number, total: number) => void;
  warn?: (message: string) => void;
}

export interface StepFigures {
  discriminatorLoss: number;
  generatorLoss: number;
  /** Mean of D(x) and D(G(z)) as probabilities. */
  realScore: number;
  fakeScore: number;
}

export interface GanSummary {
  steps: number;
  trainingImages: number;
  trainingGroups: string[];
  dataset: { name: string; hash: string };
  class: string;
  final: StepFigures;
  generatorParameters: number;
  discriminatorParameters: number;
  /** Wall-clock seconds of all parts of the run together. */
  seconds: number;
  /** Real images seen a second. */
  imagesPerSecond: number;
  device: string;
}

/** Everything that changes while a GAN trains. */
interface State extends Adversaries {
  average: Module;
  ema: Ema | null;
  loader: Loader;
  /** z of the sample grids, the same at every step. */
  fixedNoise: Tensor;
  seconds: number;
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
  setThreads(config.threads || undefined);
  const device = config.device === 'auto' ? bestDevice() : requireDevice(config.device as Device);
  const data = await openGanData(config, hooks.onDecode);
  const state = makeState(config, device, data);
  const flips = config.flips ? new Random(config.seed).fork('flips') : null;
  let step = restore(run, state, hooks.warn ?? (() => {}));
  let figures: StepFigures | null = null;

  try {
    if (step === 0) await writeSamples(run, state, config, 0);
    while (step < config.steps) {
      const started = performance.now();
      const batches: Tensor[] = [];
      for (let i = 0; i < config.criticSteps; i++) {
        const { images } = await state.loader.next();
        batches.push(toNetworkRange(images, device, flips?.fork(step * config.criticSteps + i) ?? null));
        images.dispose();
      }
      const losses = adversarialStep(state, batches);
      dispose(batches);
      step++;
      state.ema?.update(step - 1);
      state.seconds += (performance.now() - started) / 1000;

      // Reading a loss waits for the device: on a GPU only when it is logged.
      const logs = step % config.logEvery === 0 || step === config.steps;
      if (logs || device === 'cpu') {
        figures = readFigures(losses, step, run);
        hooks.onStep?.(step, figures);
      }
      dispose(losses);
      if (logs) {
        const rate = (step * config.criticSteps * config.batchSize) / state.seconds;
        run.event('losses', step, { ...figures }, { seconds: state.seconds, imagesPerSecond: rate });
      }
      if (step % config.sampleEvery === 0 || step === config.steps)
        await writeSamples(run, state, config, step);
      const stops = await (hooks.interrupt ?? neverInterrupted).poll();
      if (stops || step % config.checkpointEvery === 0 || step === config.steps) save(run, state, step);
      if (stops && step < config.steps)
        throw new InterruptedError(
          `stopped after step ${step} of ${config.steps}, state saved; go on with: graft gan resume ${run.dir}`,
        );
    }
    figures ??= lastFigures(run);
    const summary: GanSummary = {
      steps: step,
      trainingImages: data.indices.length,
      trainingGroups: data.groups,
      dataset: data.dataset,
      class: config.class,
      final: figures,
      generatorParameters: state.generator.parameterCount,
      discriminatorParameters: state.discriminator.parameterCount,
      seconds: state.seconds,
      imagesPerSecond: (step * config.criticSteps * config.batchSize) / state.seconds,
      device,
    };
    run.finish({ ...summary });
    return summary;
  } finally {
    release(state);
    data.images.dispose();
  }
}

function makeState(config: GanConfig, device: Device, data: { images: Tensor; indices: number[] }): State {
  manualSeed(config.seed);
  const adversaries = makeAdversaries(config, device);
  const average = config.emaDecay > 0 ? makeGenerator(config).to({ device }) : adversaries.generator;
  const noise = Generator.seeded(config.seed);
  return {
    ...adversaries,
    average,
    ema: config.emaDecay > 0 ? new Ema(average, adversaries.generator, config.emaDecay) : null,
    loader: new Loader(data.images, data.indices, {
      batchSize: config.batchSize,
      seed: config.seed,
      shuffle: true,
      dropLast: true,
    }),
    fixedNoise: tidy(() =>
      randn([config.sampleCount, config.latentSize], { generator: noise }).to({ device }),
    ),
    seconds: 0,
  };
}

/** Random generators whose state belongs into a checkpoint. */
function generators(device: Device): Record<string, Generator> {
  return device === 'cpu'
    ? { cpu: Generator.default() }
    : { cpu: Generator.default(), device: Generator.default(device) };
}

function save(run: Run, state: State, step: number): void {
  tidy(() => {
    const optimizers = {
      generator: state.generatorOptimizer.stateDict(),
      discriminator: state.discriminatorOptimizer.stateDict(),
    };
    const random = Object.entries(generators(state.device)).map(([name, generator]): [string, Tensor] => [
      name,
      generator.state,
    ]);
    saveCheckpoint(run, step, {
      tensors: {
        ...withPrefix('generator', state.generator.stateDict()),
        ...withPrefix('discriminator', state.discriminator.stateDict()),
        ...(state.ema ? withPrefix('ema', state.average.stateDict()) : {}),
        ...withPrefix('generatorOptimizer', optimizers.generator.tensors),
        ...withPrefix('discriminatorOptimizer', optimizers.discriminator.tensors),
        ...withPrefix('random', Object.fromEntries(random)),
      },
      meta: {
        loader: state.loader.state(),
        generatorOptimizer: { step: optimizers.generator.step, lr: optimizers.generator.lr },
        discriminatorOptimizer: { step: optimizers.discriminator.step, lr: optimizers.discriminator.lr },
        seconds: state.seconds,
      },
    });
  });
}

interface CheckpointMeta {
  loader: ReturnType<Loader['state']>;
  generatorOptimizer: { step: number; lr: number };
  discriminatorOptimizer: { step: number; lr: number };
  seconds: number;
}

/** Puts the last checkpoint into the state; returns its step, 0 when there is none. */
function restore(run: Run, state: State, warn: (message: string) => void): number {
  return tidy(() => {
    const checkpoint = resumeCheckpoint(run, warn);
    if (!checkpoint) return 0;
    const { tensors } = checkpoint;
    const meta = checkpoint.meta as unknown as CheckpointMeta;
    state.generator.loadStateDict(underPrefix('generator', tensors));
    state.discriminator.loadStateDict(underPrefix('discriminator', tensors));
    if (state.ema) state.average.loadStateDict(underPrefix('ema', tensors));
    for (const key of ['generatorOptimizer', 'discriminatorOptimizer'] as const) {
      state[key].loadStateDict({ tensors: underPrefix(key, tensors), ...meta[key] });
    }
    for (const [name, generator] of Object.entries(generators(state.device))) {
      const saved = tensors[`random.${name}`];
      if (saved) generator.state = saved;
    }
    state.loader.restore(meta.loader);
    state.seconds = meta.seconds;
    return checkpoint.step;
  });
}

function readFigures(losses: ReturnType<typeof adversarialStep>, step: number, run: Run): StepFigures {
  const figures = {
    discriminatorLoss: losses.discriminatorLoss.item(),
    generatorLoss: losses.generatorLoss.item(),
    realScore: losses.realScore.item(),
    fakeScore: losses.fakeScore.item(),
  };
  for (const [name, value] of Object.entries(figures)) {
    if (Number.isFinite(value)) continue;
    run.event('failed', step, { reason: 'not finite', figure: name, value: String(value) });
    run.log(`step ${step}: ${name} is ${value}`);
    throw new GraftError(
      `${run.dir}: step ${step}: ${name} is ${value}; the training has diverged. Lower learningRate.discriminator or learningRate.generator (--set learningRate.discriminator=1e-4), or choose architecture=sngan, and start a new run`,
    );
  }
  return figures;
}

/** The figures of the last step, of a run that is resumed behind it. */
function lastFigures(run: Run): StepFigures {
  const last = readEvents(run.path(runFiles.events)).findLast(
    (event) => event.type === 'losses',
  ) as unknown as StepFigures;
  const { discriminatorLoss, generatorLoss, realScore, fakeScore } = last;
  return { discriminatorLoss, generatorLoss, realScore, fakeScore };
}

/** The fixed-noise grid. The generator that is sampled is in evaluation mode: batch statistics do not leak between images. */
async function writeSamples(run: Run, state: State, config: GanConfig, step: number): Promise<void> {
  const pixels = tidy(() =>
    noGrad(() => {
      state.average.eval();
      const images = toPixels(state.average.forward(state.fixedNoise));
      state.average.train();
      return images;
    }),
  );
  const [n, , height, width] = pixels.shape as [number, number, number, number];
  const data = pixels.toArray() as Uint8Array;
  pixels.dispose();
  await writeGridPng({ data, n, height, width }, run.samplePath(step), {
    columns: Math.ceil(Math.sqrt(config.sampleCount)),
  });
  run.event('samples', step, { file: `samples/step-${String(step).padStart(6, '0')}.png` });
}

function release(state: State): void {
  state.generator.dispose();
  state.discriminator.dispose();
  if (state.ema) state.average.dispose();
  state.generatorOptimizer.dispose();
  state.discriminatorOptimizer.dispose();
  state.fixedNoise.dispose();
  state.loader.dispose();
}
