/** Everything that changes while a classifier trains: making it, saving it, taking it up again. */

import { type Device, Generator, manualSeed, type Tensor, tidy } from 'graft-torch';
import { DataError } from 'graft-torch/base';
import { Adam, AdamW, Ema, type Optimizer, ReduceOnPlateau } from 'graft-torch/optim';
import { balanced, Loader } from '../data/pixels/index.js';
import type { Json, Run } from '../run/index.js';
import { resumeCheckpoint, saveCheckpoint, underPrefix, withPrefix } from '../run/index.js';
import type { Choice } from './choice.js';
import type { ClassifierRecipe } from './config.js';
import { headOf } from './head-warmup.js';
import { layerRateFactors } from './layer-rates.js';
import { networkFor } from './network.js';
import type { ClassifierModule, OwnParts } from './own.js';
import type { TrainingSet } from './training-set.js';

/** Everything that changes while a classifier trains, besides the generators. */
export interface State {
  network: ClassifierModule;
  /** The network that is validated and kept: the moving average of the weights, or the network itself. */
  average: ClassifierModule;
  ema: Ema | null;
  optimizer: Optimizer;
  /** Of the first `headWarmupSteps`: the head's alone; null where there are none. */
  headOptimizer: Optimizer | null;
  plateau: ReduceOnPlateau;
  loader: Loader;
  step: number;
  progress: Progress;
}

/** The part of the state that is plain values; goes into checkpoints as it is. */
export interface Progress extends Choice {
  lastAuc: number | null;
  /** Sums of losses since the last line of the log, and since the last validation. */
  logged: { sum: number; count: number };
  validated: { sum: number; count: number };
  /** Wall-clock: everything, and training steps alone. */
  seconds: number;
  trainingSeconds: number;
}

/** What a run is trained on: a resumed one must find the same. */
export type Identity = { dataset: string } & TrainingSet['counts'];

/** A fresh state; the seed decides its weights. */
export function makeState(
  run: Run,
  recipe: ClassifierRecipe,
  {
    device,
    training,
    parts,
    warn,
  }: { device: Device; training: TrainingSet; parts: OwnParts; warn?: (message: string) => void },
): State {
  manualSeed(recipe.seed);
  const { network, loaded, caution } = networkFor(recipe, device, { parts });
  if (loaded !== null) run.log(`starting weights: ${loaded}`);
  if (caution !== null) {
    run.log(`warning: ${caution}`);
    warn?.(caution);
  }
  const trainable = network.parameters().filter((parameter) => parameter.requiresGrad);
  const { learningRate: lr, weightDecay, layerDecay, emaDecay } = recipe;
  const optimizerOf = (parameters: readonly Tensor[], rateFactors: readonly number[]): Optimizer => {
    const options = { lr, rateFactors, fused: true };
    return recipe.optimizer === 'adamw'
      ? new AdamW(parameters, { ...options, weightDecay })
      : new Adam(parameters, options);
  };
  const head = recipe.headWarmupSteps > 0 ? headOf(network).parameters : null;
  const average = emaDecay > 0 ? networkFor(recipe, device, { readWeights: false, parts }).network : network;
  const { images, indices, labels } = training;
  return {
    network,
    optimizer: optimizerOf(trainable, layerRateFactors(network, trainable, layerDecay)),
    headOptimizer:
      head &&
      optimizerOf(
        head,
        head.map(() => 1),
      ),
    average,
    ema: emaDecay > 0 ? new Ema(average, network, emaDecay) : null,
    plateau: new ReduceOnPlateau(recipe.plateau),
    loader: new Loader(images, indices, {
      batchSize: recipe.batchSize,
      seed: recipe.seed,
      shuffle: true,
      dropLast: true, // batch norm wants full batches
      ...(recipe.sampler === 'balanced' ? { sampler: balanced((row) => labels[row]!) } : {}),
    }),
    step: 0,
    progress: {
      best: null,
      recent: [],
      lastAuc: null,
      stale: 0,
      logged: { sum: 0, count: 0 },
      validated: { sum: 0, count: 0 },
      seconds: 0,
      trainingSeconds: 0,
    },
  };
}

/** The optimiser that makes the next step. */
export const optimizerNow = (
  { headOptimizer, optimizer, step }: State,
  { headWarmupSteps }: ClassifierRecipe,
): Optimizer => (headOptimizer && step < headWarmupSteps ? headOptimizer : optimizer);

/** Random generators whose state belongs into a checkpoint. */
function generators(device: Device): Record<string, Generator> {
  return device === 'cpu'
    ? { cpu: Generator.default() }
    : { cpu: Generator.default(), device: Generator.default(device) };
}

export function saveState(
  run: Run,
  state: State,
  {
    recipe,
    identity,
    device,
    best,
  }: { recipe: ClassifierRecipe; identity: Identity; device: Device; best: boolean },
): void {
  tidy(() => {
    // Fine-tuning begins with a fresh one, so that the head's is of no use behind its last step.
    const { tensors, step, lr } = optimizerNow(state, recipe).stateDict();
    const random = Object.entries(generators(device)).map(([name, generator]) => [name, generator.state]);
    saveCheckpoint(
      run,
      state.step,
      {
        tensors: {
          ...withPrefix('network', state.network.stateDict()),
          ...(state.ema ? withPrefix('average', state.average.stateDict()) : {}),
          ...withPrefix('optimizer', tensors),
          ...withPrefix('random', Object.fromEntries(random) as Record<string, Tensor>),
        },
        meta: {
          identity,
          progress: state.progress,
          plateau: state.plateau.state,
          optimizer: { step, lr },
          loader: state.loader.state(),
        } as unknown as Json,
      },
      { best },
    );
  });
}

interface CheckpointMeta {
  identity: Identity;
  progress: Progress;
  plateau: ReduceOnPlateau['state'];
  optimizer: { step: number; lr: number };
  loader: ReturnType<Loader['state']>;
}

/** Puts the last checkpoint into the state. @throws DataError when the data are not those it was trained on */
export function restoreState(
  run: Run,
  state: State,
  options: {
    recipe: ClassifierRecipe;
    identity: Identity;
    device: Device;
    changeable: readonly string[];
    warn?: (message: string) => void;
  },
): void {
  const { recipe, identity, device, changeable, warn = () => {} } = options;
  tidy(() => {
    const checkpoint = resumeCheckpoint(run, warn, { changeable });
    if (!checkpoint) return;
    const { tensors } = checkpoint;
    const meta = checkpoint.meta as unknown as CheckpointMeta;
    for (const [key, value] of Object.entries(meta.identity)) {
      const now = identity[key as keyof Identity];
      if (now !== value) {
        throw new DataError(
          `${run.dir}: the data have changed since this run began (${key}: ${value}, now ${now}); start a new run`,
        );
      }
    }
    state.network.loadStateDict(underPrefix('network', tensors));
    if (state.ema) state.average.loadStateDict(underPrefix('average', tensors));
    state.step = checkpoint.step;
    optimizerNow(state, recipe).loadStateDict({
      tensors: underPrefix('optimizer', tensors),
      ...meta.optimizer,
    });
    for (const [name, generator] of Object.entries(generators(device))) {
      const saved = tensors[`random.${name}`];
      if (saved) generator.state = saved;
    }
    state.loader.restore(meta.loader);
    state.plateau.state = { ...meta.plateau };
    Object.assign(state.progress, meta.progress);
    const { best } = state.progress;
    // Runs of before there were windows chose by the AUC of each validation.
    if (best) state.progress.best = { ...best, score: best.score ?? best.auc, whole: best.whole ?? true };
  });
}

/** Of a checkpoint's tensors, those of the network that counts. */
export const keptNetwork = (
  recipe: { emaDecay: number },
  tensors: Record<string, Tensor>,
): Record<string, Tensor> => underPrefix(recipe.emaDecay > 0 ? 'average' : 'network', tensors);
