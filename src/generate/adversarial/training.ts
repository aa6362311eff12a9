/**
 * A GAN in training, as one value that travels: what is fixed (run folder, configuration, images, hooks) and what changes
 * (`state`). Making the state, saving it, taking it up again, letting it go.
 */

import { type Device, Generator, manualSeed, noGrad, randn, type Tensor, tidy } from 'graft-torch';
import { Ema, type GradScalerState } from 'graft-torch/optim';
import { balanced, Loader } from '../../data/pixels/index.js';
import type { GeneratorNetwork } from '../../models/index.js';
import {
  type Checkpoint,
  type Interrupt,
  type Json,
  type Run,
  underPrefix,
  withPrefix,
} from '../../run/index.js';
import { classesOf } from '../config.js';
import { type GeneratorData, toLabels } from '../data.js';
import type { Finding } from '../doctor.js';
import { AdaController, type AdaControllerState } from './augment/ada-controller.js';
import type { GanConfig } from './config.js';
import { makeAdversaries, makeGenerator } from './networks.js';
import type { GanParts } from './own.js';
import type { Adversaries } from './step.js';

export interface StepFigures {
  discriminatorLoss: number;
  generatorLoss: number;
  /** Mean of D(x) and D(G(z)): probabilities, or the scores of a critic. */
  realScore: number;
  fakeScore: number;
}

/** What the loop tells and asks while it runs; every part is optional. */
export interface TrainHooks {
  /** Polled after every step: a request saves and stops. */
  interrupt?: Interrupt;
  /** On the CPU after every step; on a GPU where figures are read: every `logEvery` and `monitorEvery` steps. */
  onStep?: (step: number, figures: StepFigures) => void;
  /** Pixels being decoded before the first step. */
  onDecode?: (done: number, total: number) => void;
  /** The doctor has found something. */
  onFinding?: (finding: Finding) => void;
  warn?: (message: string) => void;
}

export interface Training {
  readonly run: Run;
  readonly config: GanConfig;
  readonly data: GeneratorData;
  readonly parts: GanParts;
  readonly hooks: TrainHooks;
  readonly state: TrainingState;
}

/** The checkpoint that a declared measurement was best at. */
export interface Best {
  step: number;
  metric: string;
  value: number;
}

export interface TrainingState extends Adversaries {
  /** Steps done. */
  step: number;
  /** Of ADA's probability. */
  controller: AdaController | null;
  /** The generator that is sampled: the moving average of its weights, or the generator itself. */
  average: GeneratorNetwork;
  ema: Ema | null;
  loader: Loader;
  /** z of the sample grids `[sampleCount, latent]`, the same at every step, and their classes. */
  fixedNoise: Tensor;
  fixedLabels: Tensor | null;
  discriminatorSteps: number;
  /** How often the run has gone back to a healthy checkpoint, and the step of the last such one. */
  rollBacks: number;
  healthyStep: number | null;
  best: Best | null;
  /** Wall-clock seconds of all parts of the run together. */
  seconds: number;
}

/** A fresh state; its weights are decided by the seed. */
export function makeState(
  { config, data, parts }: Pick<Training, 'config' | 'data' | 'parts'>,
  device: Device,
): TrainingState {
  manualSeed(config.seed);
  const controller = config.ada
    ? new AdaController({ ...config.ada, batchSize: config.batchSize * config.criticSteps })
    : null;
  const adversaries = makeAdversaries(config, device, { ...parts, strength: controller ?? undefined });
  const { generator } = adversaries;
  const average = config.emaDecay > 0 ? makeGenerator(config, parts.networks).to({ device }) : generator;
  const noise = Generator.seeded(config.seed);
  return {
    ...adversaries,
    step: 0,
    controller,
    average,
    ema: config.emaDecay > 0 ? new Ema(average, generator, config.emaDecay) : null,
    loader: new Loader(data.images, data.indices, {
      batchSize: config.batchSize,
      seed: config.seed,
      dropLast: true,
      ...(config.classBalance > 0
        ? { sampler: balanced((row) => data.labels[row]!, config.classBalance) }
        : {}),
    }),
    fixedNoise: tidy(() =>
      randn([config.sampleCount, generator.latent], { generator: noise }).to({ device }),
    ),
    fixedLabels: generator.classCount > 0 ? toLabels(gridLabels(config), device) : null,
    discriminatorSteps: 0,
    rollBacks: 0,
    healthyStep: null,
    best: null,
    seconds: 0,
  };
}

/** Columns of a sample grid. */
export const gridColumns = (config: GanConfig): number => Math.ceil(Math.sqrt(config.sampleCount));

/** Classes of a sample grid: a row each, in turn. */
function gridLabels(config: GanConfig): number[] {
  const classCount = classesOf(config).length;
  return Array.from(
    { length: config.sampleCount },
    (_, i) => Math.floor(i / gridColumns(config)) % classCount,
  );
}

/** What a checkpoint holds beside its tensors. */
interface StateMeta {
  loader: ReturnType<Loader['state']>;
  generatorOptimizer: { step: number; lr: number };
  discriminatorOptimizer: { step: number; lr: number };
  controller: AdaControllerState | null;
  scaler: GradScalerState | null;
  discriminatorSteps: number;
  rollBacks: number;
  healthyStep: number | null;
  best: Best | null;
  seconds: number;
}

/** Random generators whose state belongs into a checkpoint. */
const generators = (device: Device): [string, Generator][] =>
  device === 'cpu'
    ? [['cpu', Generator.default()]]
    : [
        ['cpu', Generator.default()],
        ['device', Generator.default(device)],
      ];

/** The state as a checkpoint takes it; the tensors are the state's own, or belong to the scope. */
export function stateDict(state: TrainingState): { tensors: Record<string, Tensor>; meta: Json } {
  const optimizers = {
    generator: state.generatorOptimizer.stateDict(),
    discriminator: state.discriminatorOptimizer.stateDict(),
  };
  const random = generators(state.device).map(([name, { state }]) => [name, state] as const);
  const numbers = ({ step, lr }: { step: number; lr: number }) => ({ step, lr });
  const meta: StateMeta = {
    loader: state.loader.state(),
    generatorOptimizer: numbers(optimizers.generator),
    discriminatorOptimizer: numbers(optimizers.discriminator),
    controller: state.controller?.state() ?? null,
    scaler: state.scaler?.state() ?? null,
    discriminatorSteps: state.discriminatorSteps,
    rollBacks: state.rollBacks,
    healthyStep: state.healthyStep,
    best: state.best,
    seconds: state.seconds,
  };
  return {
    tensors: {
      ...withPrefix('generator', state.generator.stateDict()),
      ...withPrefix('discriminator', state.discriminator.stateDict()),
      ...(state.ema ? withPrefix('ema', state.average.stateDict()) : {}),
      ...withPrefix('generatorOptimizer', optimizers.generator.tensors),
      ...withPrefix('discriminatorOptimizer', optimizers.discriminator.tensors),
      ...withPrefix('random', Object.fromEntries(random)),
    },
    meta: meta as unknown as Json,
  };
}

/** Puts a checkpoint into the state. */
export function loadState(state: TrainingState, checkpoint: Checkpoint): void {
  const { tensors, step } = checkpoint;
  state.step = step;
  const meta = checkpoint.meta as unknown as StateMeta;
  state.generator.loadStateDict(underPrefix('generator', tensors));
  state.discriminator.loadStateDict(underPrefix('discriminator', tensors));
  if (state.ema) state.average.loadStateDict(underPrefix('ema', tensors));
  for (const key of ['generatorOptimizer', 'discriminatorOptimizer'] as const) {
    state[key].loadStateDict({ tensors: underPrefix(key, tensors), ...meta[key] });
  }
  for (const [name, generator] of generators(state.device)) {
    const saved = tensors[`random.${name}`];
    if (saved) generator.state = saved;
  }
  state.loader.restore(meta.loader);
  if (meta.controller) state.controller?.restore(meta.controller, state.device);
  if (meta.scaler) state.scaler?.restore(meta.scaler);
  state.discriminatorSteps = meta.discriminatorSteps;
  state.rollBacks = meta.rollBacks;
  state.healthyStep = meta.healthyStep;
  state.best = meta.best;
  state.seconds = meta.seconds;
}

/** How far conditioning has been faded in before the next step. */
export function setConditioning({ state, config }: Training): void {
  const { conditioningTransition: transition } = config;
  if (!transition) return;
  const { from, to } = transition;
  const strength = Math.min(1, Math.max(0, (state.step - from) / (to - from)));
  for (const network of [state.generator, state.discriminator, state.average]) {
    network.conditioningStrength = strength;
  }
}

/** Images `[N, 3, H, W]` of the sampled generator in evaluation mode: batch statistics do not leak between images. */
export function generateWith(state: TrainingState, z: Tensor, labels: Tensor | null): Tensor {
  return tidy(() =>
    noGrad(() => {
      state.average.eval();
      const images = state.average.forward(z, labels);
      state.average.train();
      return images;
    }),
  );
}

export function releaseState(state: TrainingState): void {
  state.generator.dispose();
  state.discriminator.dispose();
  if (state.ema) state.average.dispose();
  state.generatorOptimizer.dispose();
  state.discriminatorOptimizer.dispose();
  state.controller?.dispose();
  state.fixedNoise.dispose();
  state.fixedLabels?.dispose();
  state.loader.dispose();
}
