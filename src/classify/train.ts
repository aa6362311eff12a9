/**
 * The one classifier loop: take a batch, augment, step, log, validate, save. Training sees real or
 * synthetic images, or both; validation and test are always real, whole and at their natural prevalence. The network
 * that counts is the one with the best validation AUC; the test split is scored once, at the end, with that network.
 */
import { rmSync } from 'node:fs';
import {
  bestDevice,
  type Device,
  engineInfo,
  requireDevice,
  saveSafetensors,
  setThreads,
  tidy,
} from 'graft-torch';
import { DataError, GraftError } from 'graft-torch/base';
import { warmupCosine } from 'graft-torch/optim';
import { type AugmentationName, RAND_AUGMENT } from '../data/augment/index.js';
import { type Dataset, frameCautions, framingOf, photographSize } from '../data/dataset/index.js';
import type { Fit } from '../data/lineage/index.js';
import type { PixelCache } from '../data/pixels/index.js';
import type { Framing } from '../image/index.js';
import { fittedMetadata, ownFit, partsOf, readRecord, writeLearned, writeRecord } from '../lineage/index.js';
import { encodeConventions, OWN_CONVENTIONS, openWeightsFile, SIDE_KEY } from '../models/index.js';
import {
  asSeenNow,
  bestCheckpointPath,
  conditionsOf,
  createRun,
  type Interrupt,
  InterruptedError,
  listCheckpoints,
  loadCheckpoint,
  neverInterrupted,
  noteConditions,
  openRun,
  type Run,
  readEvents,
  readRunConfig,
  requireSameConfig,
  runConditions,
  runFiles,
  runStatus,
  settleThreads,
  wholePaths,
} from '../run/index.js';
import { type AssessedData, assess } from './assess.js';
import { type ClassSummary, writeClassScores } from './class-scores.js';
import { type ClassifierRecipe, checkRecipe } from './config.js';
import { FINE_TUNING_OFF } from './fine-tuning.js';
import { adoptConventions, settleChannels, settleClasses, settleWeights } from './network.js';
import {
  type ClassifierResult,
  type ClassifierSummary,
  classScoresPath,
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
import {
  type Identity,
  keptNetwork,
  makeState,
  type Progress,
  restoreState,
  type State,
  saveState,
} from './state.js';
import { makeStep } from './step.js';
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

/**
 * Trains a classifier to the end of its budget (or until it has stopped improving), from where its run folder
 * stands. A run that was stopped at any point ends bit-identical to one that never was, on the same device and
 * number of threads.
 *
 * @throws InterruptedError when it was stopped (its state is saved); GraftError when the loss is not finite;
 * DataError when a split lacks a class
 */
export async function trainClassifier(options: TrainClassifierOptions): Promise<ClassifierResult> {
  const augmentation = options.augmentation ?? options.config.augmentation;
  checkRecipe(options.config);
  const asked = settleChannels(
    settleClasses(settleThreads({ ...options.config, augmentation }), options.dataset),
    options.cache,
  );
  checkData(options, asked);
  const status = options.ifExists === 'continue' ? runStatus(options.runDir) : 'empty';
  // Before the configuration is written: whoever opens the run later need not have the weights it began with.
  const recipe =
    status === 'empty'
      ? await settleWeights(asked)
      : adoptConventions(asked, readRunConfig(options.runDir).config);
  const config = wholePaths('classifier', {
    data: options.dataset.dir,
    synthetic: (options.synthetic ?? []).map(({ source }) => source),
    ...recipe,
  });
  if (status !== 'empty') requireSameRun(options.runDir, config);
  if (status === 'finished') return readClassifierResult(options.runDir);
  if (status === 'resumable')
    return await trainInto(openRun(options.runDir, { data: config.data }), recipe, options);
  const dataHash = options.dataset.hash;
  return await trainInto(
    createRun(options.runDir, { kind: 'classifier', config, dataHash }),
    recipe,
    options,
  );
}

async function trainInto(
  run: Run,
  recipe: ClassifierRecipe,
  options: TrainClassifierOptions,
): Promise<ClassifierResult> {
  const { cache, dataset } = options;
  const { images, rows } = cache;
  const { classes } = recipe;
  const data = { images, rows, positive: dataset.positive, classes };
  let state: State | undefined;
  let training: TrainingSet | undefined;
  try {
    setThreads(recipe.threads);
    const device = recipe.device === 'auto' ? bestDevice() : requireDevice(recipe.device as Device);
    training = await makeTrainingSet(cache, dataset.positive, {
      synthetic: options.synthetic,
      real: recipe.real,
      classes,
    });
    if (training.indices.length < recipe.batchSize) {
      throw new DataError(
        `${dataset.dir}: ${training.indices.length} training images are fewer than a batch of ${recipe.batchSize}; use --set batchSize=${Math.max(2, training.indices.length)} or more images`,
      );
    }
    if (recipe.weights !== null) await openWeightsFile(recipe.weights);
    const identity = { dataset: dataset.hash, ...training.counts };
    state = makeState(run, recipe, { device, training, warn: options.warn });
    restoreState(run, state, identity, { device, changeable, warn: options.warn });
    writeLearned(run.dir, dataset);
    writeRecord(run.dir, () => recordOf(run, recipe, dataset));
    if (state.step === 0) warnOfFrames(options);
    noteConditions(run, state.step, { device, engine: engineInfo(), warn: options.warn });
    await loop(run, recipe, device, { data, training, identity }, state, options);
    return await conclude(run, recipe, device, { data, training, dataset, framing: cache.framing }, state);
  } finally {
    state?.loader.dispose();
    state?.network.dispose();
    state?.ema?.average.dispose();
    state?.optimizer.dispose();
    training?.dispose();
    run.close();
  }
}

/** What the run will have been fitted to. */
const recordOf = (run: Run, { real }: ClassifierRecipe, { rows, ...dataset }: Dataset): Fit[] => [
  ownFit('classifier', dataset, {
    train: rows.filter(
      ({ split, label }) =>
        split === 'train' && (real === 'all' || (real === 'negatives' && label !== dataset.positive)),
    ),
    val: rows.filter(({ split }) => split === 'val'),
  }),
  ...partsOf('classifier', run.config),
];

interface LoopData {
  data: AssessedData;
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
  const { optimizer, progress } = state;
  const interrupt = options.interrupt ?? neverInterrupted;
  const step = makeStep(recipe, { ...state, training, device });
  const cosine = warmupCosine(recipe.steps, recipe.warmupSteps);

  while (state.step < recipe.steps && !isStale(recipe, progress)) {
    const started = performance.now();
    const { images, indices } = await state.loader.next();
    optimizer.lr = recipe.learningRate * rateFactor(recipe, cosine, state);
    const loss = step(images, indices, state.step);
    images.dispose();
    state.step++;
    const done = state.step;
    const stepSeconds = (performance.now() - started) / 1000;
    progress.seconds += stepSeconds;
    progress.trainingSeconds += stepSeconds;
    for (const window of [progress.logged, progress.validated]) {
      window.sum += loss;
      window.count += 1;
    }
    if (!Number.isFinite(loss)) diverged(run, recipe, done, loss);
    options.onStep?.(done, { loss, valAuc: progress.lastAuc, bestAuc: progress.best?.auc ?? null });

    const ends = done === recipe.steps;
    if (done % recipe.logEvery === 0 || ends) {
      const mean = progress.logged.sum / progress.logged.count;
      const imagesPerSecond = (done * recipe.batchSize) / progress.trainingSeconds;
      run.event(
        'losses',
        done,
        { loss: mean, learningRate: optimizer.lr },
        { seconds: progress.seconds, imagesPerSecond },
      );
      progress.logged = { sum: 0, count: 0 };
    }
    const validates = done % recipe.evaluateEvery === 0 || ends;
    const isBest = validates && (await validate(run, recipe, device, data, state));
    const stops = (await interrupt.poll()) || options.signal?.aborted === true;
    if (validates || stops) saveState(run, state, identity, { device, best: isBest });
    if (stops && !ends)
      throw new InterruptedError(`${run.dir}: stopped after step ${done} of ${recipe.steps}`);
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
  const { auc, logLoss } = await assess(state.average, data, 'val', {
    device,
    batchSize: recipe.evaluationBatchSize,
  });
  if (Number.isNaN(auc)) diverged(run, recipe, state.step, auc);
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

/** Says what becomes of training images on the way to squares. */
function warnOfFrames({ dataset, cache, warn }: TrainClassifierOptions): void {
  const { fit } = framingOf(dataset, cache.framing);
  const learned = dataset.rows.filter(({ split }) => split === 'train');
  for (const caution of frameCautions(learned.map(photographSize), { sizePx: cache.sizePx, fit }))
    warn?.(caution);
}

/** Scores validation and test with the best network, writes everything, finishes the run. */
async function conclude(
  run: Run,
  recipe: ClassifierRecipe,
  device: Device,
  {
    data,
    training,
    dataset,
    framing,
  }: { data: LoopData['data']; training: TrainingSet; dataset: Dataset; framing: Framing },
  state: State,
): Promise<ClassifierResult> {
  const started = performance.now();
  const { average: network, progress } = state;
  tidy(() => {
    network.loadStateDict(keptNetwork(recipe, loadCheckpoint(bestCheckpointPath(run.dir)).tensors));
  });
  const scores = {} as Record<EvaluationSplit, ScoreRow[]>;
  const byClass = {} as Record<EvaluationSplit, ClassSummary>;
  for (const split of ['val', 'test'] as const) {
    const assessed = await assess(network, data, split, {
      device,
      batchSize: recipe.evaluationBatchSize,
      tta: recipe.tta,
    });
    scores[split] = assessed.rows;
    writeScores(scoresPath(run.dir, split), assessed.rows);
    if (!assessed.byClass) continue;
    byClass[split] = assessed.byClass.summary;
    writeClassScores(classScoresPath(run.dir, split), assessed.byClass.rows, data.classes);
  }
  const fitted = readRecord({ dir: run.dir, summary: undefined });
  saveSafetensors(weightsPath(run.dir), network.stateDict(), {
    architecture: recipe.architecture,
    [SIDE_KEY]: String(recipe.imageSize),
    ...encodeConventions(network.conventions),
    ...fittedMetadata(fitted),
  });
  progress.seconds += (performance.now() - started) / 1000;
  const { threshold } = scoreSummary(scores.val);
  const summary: ClassifierSummary = {
    valAuc: aucOf(scores.val),
    testAuc: aucOf(scores.test),
    testAucInterval: aucIntervalOf(scores.test),
    test: scoreSummary(scores.test, threshold),
    ...(data.classes.length > 0 ? { byClass } : {}),
    bestStep: progress.best!.step,
    steps: state.step,
    stoppedEarly: state.step < recipe.steps,
    images: training.counts,
    dataset: { name: dataset.name, hash: dataset.hash, positive: dataset.positive },
    ...(fitted ? { fitted } : {}),
    framing: framingOf(dataset, framing),
    ...(dataset.intensity ? { intensity: dataset.intensity } : {}),
    parameters: network.parameterCount,
    device,
    conditions: conditionsOf(readEvents(run.path(runFiles.events))),
    seconds: progress.seconds,
    imagesPerSecond: (state.step * recipe.batchSize) / progress.trainingSeconds,
  };
  run.finish({ ...summary });
  // weights.safetensors holds the network; the optimiser's moments (two more networks a file) are of no use now.
  for (const { path } of listCheckpoints(run.dir)) rmSync(path, { force: true });
  rmSync(bestCheckpointPath(run.dir), { force: true });
  return readClassifierResult(run.dir);
}

function diverged(run: Run, recipe: ClassifierRecipe, step: number, loss: number): never {
  run.event('failed', step, { reason: 'not finite', figure: 'loss', value: String(loss) });
  run.log(`step ${step}: the loss is ${loss}`);
  throw new GraftError(
    `${run.dir}: step ${step}: the loss is ${loss}; the training has diverged. Lower the learning rate (--set learningRate=${recipe.learningRate / 3}) or lengthen the warm-up (--set warmupSteps=${Math.max(100, 2 * recipe.warmupSteps)}), and start a new run`,
  );
}

/** Both evaluation splits need every class, and the pixels must be the recipe's. */
function checkData({ cache, dataset }: TrainClassifierOptions, recipe: ClassifierRecipe): void {
  if (cache.sizePx !== recipe.imageSize) {
    throw new DataError(
      `the pixel cache holds images of ${cache.sizePx} px, but imageSize is ${recipe.imageSize}`,
    );
  }
  for (const split of ['val', 'test'] as const) {
    const rows = cache.rows.filter((row) => row.split === split);
    const missing = recipe.classes.find((name) => !rows.some(({ label }) => label === name));
    if (missing !== undefined) {
      throw new DataError(
        `${dataset.dir}: the ${split} split has no image of '${missing}'; target classes needs every class in it. Prepare the data with a larger ${split} split`,
      );
    }
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
  const { kind, config: was, folder } = readRunConfig(dir);
  if (kind !== 'classifier') throw new GraftError(`${dir}: holds a run of a ${kind}; choose another folder`);
  // What runs did before these keys were there: all real images, the authors' conventions, a plain step.
  const { inputStatistics, padding, batchNormEps } = OWN_CONVENTIONS;
  const before = {
    ...{ target: 'binary', classes: [], channels: 3 },
    ...{ real: 'all', randAugment: RAND_AUGMENT, tta: 'none' },
    ...{ inputStatistics, padding, batchNormEps, ...FINE_TUNING_OFF },
  };
  requireSameConfig(dir, {
    was: { ...before, ...asSeenNow('classifier', { was, now: config }, { dir, folder }) },
    now: config,
    changeable,
  });
}
