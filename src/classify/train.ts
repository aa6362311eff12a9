/**
 * The one classifier loop: take a batch, augment, step, log, validate, save. Training sees real or
 * synthetic images, or both; validation and test are always real, whole and at their natural prevalence. The network
 * that counts is the one with the best validation AUC; the test split is scored once, at the end, with that network.
 */
import { rmSync } from 'node:fs';
import type { AugmentationName } from '../data/augment/index.js';
import type { PixelCache } from '../data/cache.js';
import type { Dataset } from '../data/dataset.js';
import { Loader } from '../data/loader.js';
import { balanced } from '../data/sampler.js';
import { DataError, GraftError } from '../errors.js';
import type { EfficientNet } from '../models/index.js';
import { bceWithLogits } from '../nn/index.js';
import { Adam, AdamW, type Optimizer, ReduceOnPlateau, warmupCosine } from '../optim/index.js';
import { Random } from '../random.js';
import {
  bestCheckpointPath,
  listCheckpoints,
  loadCheckpoint,
  resumeCheckpoint,
  saveCheckpoint,
  underPrefix,
  withPrefix,
} from '../run/checkpoint.js';
import { type Interrupt, InterruptedError, neverInterrupted } from '../run/interrupt.js';
import { createRun, type Json, openRun, type Run, readRunConfig, runStatus } from '../run/run-folder.js';
import { requireSameConfig, runConditions } from '../run/same-config.js';
import {
  backward,
  bestDevice,
  type Device,
  Generator,
  manualSeed,
  requireDevice,
  saveSafetensors,
  setThreads,
  type Tensor,
  tensor,
  tidy,
} from '../torch/index.js';
import { toNetworkInput } from './batch.js';
import { type ClassifierRecipe, checkRecipe } from './config.js';
import { scoreSplit } from './evaluate.js';
import { makeNetwork } from './network.js';
import {
  type ClassifierResult,
  type ClassifierSummary,
  readClassifierResult,
  scoresPath,
  weightsPath,
} from './result.js';
import {
  aucIntervalOf,
  aucOf,
  type EvaluationSplit,
  type ScoreRow,
  scoreSummary,
  writeScores,
} from './scores.js';
import { makeTrainingSet, type SyntheticImages, type TrainingSet } from './training-set.js';

export interface TrainClassifierOptions {
  config: ClassifierRecipe;
  runDir: string;
  dataset: Dataset;
  /** Pixels of the dataset at `config.imageSize`. */
  cache: PixelCache;
  /** Added to the training images. Whether they may be (lineage) is for the caller to check. */
  synthetic?: readonly SyntheticImages[];
  /** Instead of the config's. */
  augmentation?: AugmentationName;
  /**
   * What to do with a run folder that holds this very run already: 'refuse', or 'continue' it where it stopped
   * (and give back the results of a finished one). Default 'refuse'.
   */
  ifExists?: 'refuse' | 'continue';
  /** Either stops the run after the current step, its state saved. */
  signal?: AbortSignal;
  interrupt?: Interrupt;
  onStep?: (step: number, figures: StepFigures) => void;
  warn?: (message: string) => void;
}

export interface StepFigures {
  loss: number;
  /** Of the last validation; null before the first. */
  valAuc: number | null;
  bestAuc: number | null;
}

/**
 * What may change when a run goes on. The dataset may have moved: its hash is compared. `steps` may not: the
 * schedule of the learning rate spans them.
 */
const changeable = [...runConditions, 'data', 'evaluationBatchSize'];

/** Everything that changes while a classifier trains, besides the generators. */
interface State {
  network: EfficientNet;
  optimizer: Optimizer;
  plateau: ReduceOnPlateau;
  loader: Loader;
  step: number;
  progress: Progress;
}

/** The part of the state that is plain values; goes into checkpoints as it is. */
interface Progress {
  best: { auc: number; step: number } | null;
  lastAuc: number | null;
  /** Validations since the best one. */
  stale: number;
  /** Sums of losses since the last line of the log, and since the last validation. */
  logged: { sum: number; count: number };
  validated: { sum: number; count: number };
  /** Wall-clock: everything, and training steps alone. */
  seconds: number;
  trainingSeconds: number;
}

/**
 * Trains a classifier to the end of its budget (or until it has stopped improving), from where its run folder
 * stands. A run that was stopped at any point ends bit-identical to one that never was, on the same device and
 * number of threads.
 *
 * @throws InterruptedError when it was stopped (its state is saved); GraftError when the loss is not finite;
 * DataError when a split lacks a class
 */
export async function trainClassifier(options: TrainClassifierOptions): Promise<ClassifierResult> {
  const recipe = { ...options.config, augmentation: options.augmentation ?? options.config.augmentation };
  checkRecipe(recipe);
  checkData(options, recipe);
  const config = {
    data: options.dataset.dir,
    synthetic: (options.synthetic ?? []).map(({ source }) => source),
    ...recipe,
  };
  if ((options.ifExists ?? 'refuse') === 'continue') {
    const status = runStatus(options.runDir);
    if (status !== 'empty') requireSameRun(options.runDir, config);
    if (status === 'finished') return readClassifierResult(options.runDir);
    if (status === 'resumable') return await trainInto(openRun(options.runDir), recipe, options);
  }
  return await trainInto(createRun(options.runDir, { kind: 'classifier', config }), recipe, options);
}

async function trainInto(
  run: Run,
  recipe: ClassifierRecipe,
  options: TrainClassifierOptions,
): Promise<ClassifierResult> {
  const { cache, dataset } = options;
  const data = { images: cache.images, rows: cache.rows, positive: dataset.positive };
  let state: State | undefined;
  let training: TrainingSet | undefined;
  try {
    setThreads(recipe.threads || undefined);
    const device = recipe.device === 'auto' ? bestDevice() : requireDevice(recipe.device as Device);
    training = await makeTrainingSet(cache, dataset.positive, {
      synthetic: options.synthetic,
      real: recipe.real,
    });
    if (training.indices.length < recipe.batchSize) {
      throw new DataError(
        `${dataset.dir}: ${training.indices.length} training images are fewer than a batch of ${recipe.batchSize}; use --set batchSize=${Math.max(2, training.indices.length)} or more images`,
      );
    }
    const identity = { dataset: dataset.hash, ...training.counts };
    state = makeState(run, recipe, device, training);
    restore(run, state, device, identity, options.warn ?? (() => {}));
    await loop(run, recipe, device, { data, training, identity }, state, options);
    return await conclude(run, recipe, device, { data, training, dataset }, state);
  } finally {
    state?.loader.dispose();
    state?.network.dispose();
    state?.optimizer.dispose();
    training?.dispose();
    run.close();
  }
}

type Identity = { dataset: string } & TrainingSet['counts'];

interface LoopData {
  data: { images: Tensor; rows: PixelCache['rows']; positive: string };
  training: TrainingSet;
  identity: Identity;
}

async function loop(
  run: Run,
  recipe: ClassifierRecipe,
  device: Device,
  { data, training, identity }: LoopData,
  state: State,
  options: TrainClassifierOptions,
): Promise<void> {
  const { network, optimizer, progress } = state;
  const interrupt = options.interrupt ?? neverInterrupted;
  const augmentation = new Random(recipe.seed).fork('augmentation');
  const cosine = warmupCosine(recipe.steps, recipe.warmupSteps);

  while (state.step < recipe.steps && !isStale(recipe, progress)) {
    const started = performance.now();
    const { images, indices } = await state.loader.next();
    optimizer.lr = recipe.learningRate * rateFactor(recipe, cosine, state);
    const loss = tidy(() => {
      // A sample's augmentation depends on its number in the run, which no resume changes.
      const first = state.step * recipe.batchSize;
      const input = toNetworkInput(images, device, {
        augmentation: recipe.augmentation,
        randoms: indices.map((_, i) => augmentation.fork(first + i)),
      });
      const targets = tensor(
        Float32Array.from(indices, (index) => training.labels[index]!),
        [indices.length, 1],
        { device },
      );
      network.zeroGrad();
      const value = bceWithLogits(network.forward(input), targets);
      backward(value);
      optimizer.step();
      return value.item();
    });
    images.dispose();
    state.step++;
    const { step } = state;
    const stepSeconds = (performance.now() - started) / 1000;
    progress.seconds += stepSeconds;
    progress.trainingSeconds += stepSeconds;
    for (const window of [progress.logged, progress.validated]) {
      window.sum += loss;
      window.count += 1;
    }
    if (!Number.isFinite(loss)) diverged(run, recipe, step, loss);
    options.onStep?.(step, { loss, valAuc: progress.lastAuc, bestAuc: progress.best?.auc ?? null });

    const ends = step === recipe.steps;
    if (step % recipe.logEvery === 0 || ends) {
      const mean = progress.logged.sum / progress.logged.count;
      const imagesPerSecond = (step * recipe.batchSize) / progress.trainingSeconds;
      run.event(
        'losses',
        step,
        { loss: mean, learningRate: optimizer.lr },
        { seconds: progress.seconds, imagesPerSecond },
      );
      progress.logged = { sum: 0, count: 0 };
    }
    const validates = step % recipe.evaluateEvery === 0 || ends;
    const isBest = validates && (await validate(run, recipe, device, data, state));
    const stops = (await interrupt.poll()) || options.signal?.aborted === true;
    if (validates || stops) save(run, state, device, identity, isBest);
    if (stops && !ends)
      throw new InterruptedError(`${run.dir}: stopped after step ${step} of ${recipe.steps}`);
  }
}

const isStale = (recipe: ClassifierRecipe, progress: Progress): boolean =>
  recipe.patience > 0 && progress.stale >= recipe.patience;

/** Factor of the base learning rate for the next step. */
function rateFactor(recipe: ClassifierRecipe, cosine: (step: number) => number, state: State): number {
  if (recipe.schedule === 'cosine') return cosine(state.step);
  const warmup = recipe.warmupSteps > 0 ? Math.min(1, (state.step + 1) / recipe.warmupSteps) : 1;
  return warmup * (recipe.schedule === 'plateau' ? state.plateau.state.scale : 1);
}

/** Scores the validation split; returns whether it is the best so far. */
async function validate(
  run: Run,
  recipe: ClassifierRecipe,
  device: Device,
  data: LoopData['data'],
  state: State,
): Promise<boolean> {
  const started = performance.now();
  const { progress, plateau } = state;
  const rows = await scoreSplit(state.network, data, 'val', {
    device,
    batchSize: recipe.evaluationBatchSize,
  });
  if (rows.some(({ score }) => Number.isNaN(score))) diverged(run, recipe, state.step, Number.NaN);
  const { auc, logLoss } = scoreSummary(rows, 0.5);
  const isBest = progress.best === null || auc > progress.best.auc;
  if (isBest) progress.best = { auc, step: state.step };
  progress.stale = isBest ? 0 : progress.stale + 1;
  progress.lastAuc = auc;
  if (recipe.schedule === 'plateau') plateau.report(auc);
  const fields = {
    trainLoss: progress.validated.sum / progress.validated.count,
    valAuc: auc,
    valLoss: logLoss,
    learningRate: state.optimizer.lr,
    best: isBest,
  };
  progress.validated = { sum: 0, count: 0 };
  progress.seconds += (performance.now() - started) / 1000;
  run.event('validation', state.step, fields, { seconds: progress.seconds });
  return isBest;
}

/** Scores validation and test with the best network, writes everything, finishes the run. */
async function conclude(
  run: Run,
  recipe: ClassifierRecipe,
  device: Device,
  { data, training, dataset }: { data: LoopData['data']; training: TrainingSet; dataset: Dataset },
  state: State,
): Promise<ClassifierResult> {
  const started = performance.now();
  const { network, progress } = state;
  tidy(() => {
    network.loadStateDict(underPrefix('network', loadCheckpoint(bestCheckpointPath(run.dir)).tensors));
  });
  const scores = {} as Record<EvaluationSplit, ScoreRow[]>;
  for (const split of ['val', 'test'] as const) {
    scores[split] = await scoreSplit(network, data, split, { device, batchSize: recipe.evaluationBatchSize });
    writeScores(scoresPath(run.dir, split), scores[split]);
  }
  saveSafetensors(weightsPath(run.dir), network.stateDict(), { architecture: recipe.architecture });
  progress.seconds += (performance.now() - started) / 1000;
  const { threshold } = scoreSummary(scores.val);
  const summary: ClassifierSummary = {
    valAuc: aucOf(scores.val),
    testAuc: aucOf(scores.test),
    testAucInterval: aucIntervalOf(scores.test),
    test: scoreSummary(scores.test, threshold),
    bestStep: progress.best!.step,
    steps: state.step,
    stoppedEarly: state.step < recipe.steps,
    images: training.counts,
    dataset: { name: dataset.name, hash: dataset.hash, positive: dataset.positive },
    parameters: network.parameterCount,
    device,
    seconds: progress.seconds,
    imagesPerSecond: (state.step * recipe.batchSize) / progress.trainingSeconds,
  };
  run.finish({ ...summary });
  // weights.safetensors holds the network; the optimiser's moments (two more networks a file) are of no use now.
  for (const { path } of listCheckpoints(run.dir)) rmSync(path, { force: true });
  rmSync(bestCheckpointPath(run.dir), { force: true });
  return readClassifierResult(run.dir);
}

function makeState(run: Run, recipe: ClassifierRecipe, device: Device, training: TrainingSet): State {
  manualSeed(recipe.seed);
  const { network, loaded } = makeNetwork(recipe, device);
  if (loaded !== null) run.log(`starting weights: ${loaded}`);
  const trainable = network.parameters().filter((parameter) => parameter.requiresGrad);
  const { learningRate: lr, weightDecay } = recipe;
  const { images, indices, labels } = training;
  return {
    network,
    optimizer:
      recipe.optimizer === 'adamw'
        ? new AdamW(trainable, { lr, weightDecay, fused: true })
        : new Adam(trainable, { lr, fused: true }),
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
      lastAuc: null,
      stale: 0,
      logged: { sum: 0, count: 0 },
      validated: { sum: 0, count: 0 },
      seconds: 0,
      trainingSeconds: 0,
    },
  };
}

/** Random generators whose state belongs into a checkpoint. */
function generators(device: Device): Record<string, Generator> {
  return device === 'cpu'
    ? { cpu: Generator.default() }
    : { cpu: Generator.default(), device: Generator.default(device) };
}

function save(run: Run, state: State, device: Device, identity: Identity, best: boolean): void {
  tidy(() => {
    const { tensors, step, lr } = state.optimizer.stateDict();
    const random = Object.entries(generators(device)).map(([name, generator]) => [name, generator.state]);
    saveCheckpoint(
      run,
      state.step,
      {
        tensors: {
          ...withPrefix('network', state.network.stateDict()),
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
function restore(
  run: Run,
  state: State,
  device: Device,
  identity: Identity,
  warn: (message: string) => void,
): void {
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
    state.optimizer.loadStateDict({ tensors: underPrefix('optimizer', tensors), ...meta.optimizer });
    for (const [name, generator] of Object.entries(generators(device))) {
      const saved = tensors[`random.${name}`];
      if (saved) generator.state = saved;
    }
    state.loader.restore(meta.loader);
    state.plateau.state = { ...meta.plateau };
    Object.assign(state.progress, meta.progress);
    state.step = checkpoint.step;
  });
}

function diverged(run: Run, recipe: ClassifierRecipe, step: number, loss: number): never {
  run.event('failed', step, { reason: 'not finite', figure: 'loss', value: String(loss) });
  run.log(`step ${step}: the loss is ${loss}`);
  throw new GraftError(
    `${run.dir}: step ${step}: the loss is ${loss}; the training has diverged. Lower the learning rate (--set learningRate=${recipe.learningRate / 3}) or lengthen the warm-up (--set warmupSteps=${Math.max(100, 2 * recipe.warmupSteps)}), and start a new run`,
  );
}

/** Both evaluation splits need both classes, and the pixels must be the recipe's. */
function checkData({ cache, dataset }: TrainClassifierOptions, recipe: ClassifierRecipe): void {
  if (cache.sizePx !== recipe.imageSize) {
    throw new DataError(
      `the pixel cache holds images of ${cache.sizePx} px, but imageSize is ${recipe.imageSize}`,
    );
  }
  for (const split of ['val', 'test'] as const) {
    const rows = cache.rows.filter((row) => row.split === split);
    const positives = rows.filter((row) => row.label === dataset.positive).length;
    if (positives === 0 || positives === rows.length) {
      throw new DataError(
        `${dataset.dir}: the ${split} split has ${rows.length} images, ${positives} of them '${dataset.positive}'; an AUC needs both classes. Prepare the data with a larger ${split} split`,
      );
    }
  }
}

/** @throws ConfigError naming the keys that differ from the run's; GraftError when it is no classifier's. */
function requireSameRun(dir: string, config: object): void {
  const { kind, config: was } = readRunConfig(dir);
  if (kind !== 'classifier') throw new GraftError(`${dir}: holds a run of a ${kind}; choose another folder`);
  // A run of before the key `real` used all real images.
  requireSameConfig(dir, { was: { real: 'all', ...was }, now: config, changeable });
}
