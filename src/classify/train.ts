/**
 * The one classifier loop: take a batch, augment, step, log, validate, save. Training sees real or
 * synthetic images, or both; validation and test are always real, whole and at their natural prevalence. The network
 * that counts is the one with the best validation score (`bestBy`, `choice.ts`); the test split is scored once, at the end, with that network.
 */
import { rmSync } from 'node:fs';
import { bestDevice, type Device, engineInfo, requireDevice, setThreads, tidy } from 'graft-torch';
import { ConfigError, DataError, GraftError } from 'graft-torch/base';
import { warmupCosine } from 'graft-torch/optim';
import { RAND_AUGMENT } from '../data/augment/index.js';
import type { Dataset } from '../data/dataset/index.js';
import type { PixelCache } from '../data/pixels/index.js';
import { OWN_CONVENTIONS, openWeightsFile } from '../models/index.js';
import {
  asSeenNow,
  bestCheckpointPath,
  createRun,
  type Interrupt,
  InterruptedError,
  listCheckpoints,
  loadCheckpoint,
  neverInterrupted,
  noteConditions,
  openRun,
  type Run,
  readRunConfig,
  requireSameConfig,
  runConditions,
  runStatus,
  settleThreads,
  wholePaths,
  withdrawRefused,
} from '../run/index.js';
import { type AssessedData, assess } from './assess.js';
import { choose, figureOf, signOf } from './choice.js';
import { concludeRun, noteLearned, warnOfFrames } from './conclude.js';
import { type ClassifierRecipe, checkRecipe } from './config.js';
import { FINE_TUNING_OFF } from './fine-tuning.js';
import {
  adoptConventions,
  networkMetadata,
  settleChannels,
  settleClasses,
  settleWeights,
} from './network.js';
import { type OwnParts, openModule, ownKeys } from './own.js';
import { hashWeights, trainProbe } from './probe/index.js';
import { PROBE_DEFAULTS } from './probe-settings.js';
import { type ClassifierResult, readClassifierResult } from './result.js';
import {
  type Identity,
  keptNetwork,
  makeState,
  optimizerNow,
  type Progress,
  restoreState,
  type State,
  saveState,
} from './state.js';
import { makeStep } from './step.js';
import { makeTrainingSet, type SyntheticImages, type TrainingSet } from './training-set.js';

/** `network` and `augmentation`: of one's own, instead of what the config says or its module holds (./own.ts). */
export interface TrainClassifierOptions extends OwnParts {
  config: ClassifierRecipe;
  runDir: string;
  dataset: Dataset;
  /** Pixels of the dataset at `config.imageSize`. */
  cache: PixelCache;
  /** Added to the training images. Whether they may be (lineage) is for the caller to check. */
  synthetic?: readonly SyntheticImages[];
  /**
   * What to do with a run folder that holds this very run already: 'refuse', or 'continue' it where it stopped
   * (and give back the results of a finished one). Default 'refuse'.
   */
  ifExists?: 'refuse' | 'continue';
  /** Either stops the run after the current step, its state saved. */
  signal?: AbortSignal;
  interrupt?: Interrupt;
  onStep?: (step: number, figures: StepFigures) => void;
  /** Of a probe: views that the network has looked at, of those that it has to at most. */
  onFeatures?: (done: number, total: number) => void;
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
 * DataError when a split lacks a class; ConfigError where a network of one's own does not fit
 */
export async function trainClassifier(options: TrainClassifierOptions): Promise<ClassifierResult> {
  const { dataset, runDir } = options;
  const status = options.ifExists === 'continue' ? runStatus(runDir) : 'empty';
  const was: Partial<ClassifierRecipe> = status === 'empty' ? {} : readRunConfig(runDir).config;
  const { parts, keys } = await ownPartsOf(options, { was, isFinished: status === 'finished' });
  const own = { ...options.config, ...keys };
  checkRecipe(own, { isNew: status === 'empty' });
  const asked = settleChannels(settleClasses(settleThreads(own), dataset), options.cache);
  checkData(options, asked);
  // Before the configuration is written: whoever opens the run later need not have the weights it began with.
  const recipe = await withWeightsHash(
    status === 'empty' ? await settleWeights(asked) : adoptConventions(asked, was),
    { known: status === 'finished' ? was.weightsHash : undefined },
  );
  const config = wholePaths('classifier', {
    data: dataset.dir,
    synthetic: (options.synthetic ?? []).map(({ source }) => source),
    ...recipe,
  });
  if (status !== 'empty') requireSameRun(runDir, config);
  if (status === 'finished') return readClassifierResult(runDir);
  const run =
    status === 'resumable'
      ? openRun(runDir, { data: config.data })
      : createRun(runDir, { kind: 'classifier', config, dataHash: dataset.hash });
  try {
    if (recipe.method === 'fine-tuning') return await trainInto(run, recipe, { ...options, ...parts });
    return await trainProbe(run, recipe, {
      ...options,
      augmentation: parts.augmentation,
      onStep: (step) => options.onStep?.(step, { loss: Number.NaN, valAuc: null, bestAuc: null }),
    });
  } catch (error) {
    run.close();
    if (status === 'empty') withdrawRefused(runDir, error);
    throw error;
  }
}

/** A probe is as good as the file that it looks through: the run names it by its content. */
async function withWeightsHash(
  recipe: ClassifierRecipe,
  { known }: { known: string | undefined },
): Promise<ClassifierRecipe> {
  if (recipe.method !== 'probe') return recipe;
  if (known !== undefined) return { ...recipe, weightsHash: known };
  await openWeightsFile(recipe.weights!);
  return { ...recipe, weightsHash: await hashWeights(recipe.weights!) };
}

/** What comes from outside: from the caller, else from the recipe's module, which must be the one that the run began with. */
async function ownPartsOf(
  { config, network, augmentation }: TrainClassifierOptions,
  { was, isFinished }: { was: Partial<ClassifierRecipe>; isFinished: boolean },
): Promise<Awaited<ReturnType<typeof openModule>>> {
  const given = { network, augmentation };
  if (config.module === undefined) return { parts: given, keys: ownKeys(given) };
  if (network ?? augmentation)
    throw new ConfigError(
      'module: a network or augmentation is given by the program as well; leave one of them out',
    );
  // Nothing is made with it any more: it may be gone.
  const { moduleHash, moduleFitted, own } = was;
  if (isFinished) return { parts: {}, keys: { moduleHash, moduleFitted, own } };
  return await openModule({ module: config.module, moduleHash: config.moduleHash ?? moduleHash });
}

/** A run with all that its training walks through. */
interface Training extends LoopData {
  run: Run;
  recipe: ClassifierRecipe;
  device: Device;
  state: State;
  options: TrainClassifierOptions;
}

interface LoopData {
  data: AssessedData;
  training: TrainingSet;
  identity: Identity;
}

async function trainInto(
  run: Run,
  recipe: ClassifierRecipe,
  options: TrainClassifierOptions,
): Promise<ClassifierResult> {
  const { cache, dataset, warn } = options;
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
    state = makeState(run, recipe, { device, training, parts: options, warn });
    restoreState(run, state, { recipe, identity, device, changeable, warn });
    noteLearned(run, recipe, dataset);
    if (state.step === 0) warnOfFrames(options);
    noteConditions(run, state.step, { device, engine: engineInfo(), warn });
    const whole = { run, recipe, device, data, training, identity, state, options };
    await loop(whole);
    return await conclude(whole);
  } finally {
    state?.loader.dispose();
    state?.network.dispose();
    state?.ema?.average.dispose();
    state?.optimizer.dispose();
    state?.headOptimizer?.dispose();
    training?.dispose();
    run.close();
  }
}

async function loop(whole: Training): Promise<void> {
  const { run, recipe, device, training, identity, state, options } = whole;
  const { progress } = state;
  const interrupt = options.interrupt ?? neverInterrupted;
  const step = makeStep(recipe, { ...state, training, device, augmentation: options.augmentation });
  const cosine = warmupCosine(recipe.steps - recipe.headWarmupSteps, recipe.warmupSteps);

  while (state.step < recipe.steps && !isStale(recipe, progress)) {
    const started = performance.now();
    const { images, indices } = await state.loader.next();
    const learningRate = rateOf(recipe, cosine, state);
    optimizerNow(state, recipe).lr = learningRate;
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
    if (!Number.isFinite(loss)) diverged(whole, loss);
    options.onStep?.(done, { loss, valAuc: progress.lastAuc, bestAuc: progress.best?.auc ?? null });

    const ends = done === recipe.steps;
    if (done % recipe.logEvery === 0 || ends) {
      const mean = progress.logged.sum / progress.logged.count;
      const imagesPerSecond = (done * recipe.batchSize) / progress.trainingSeconds;
      run.event('losses', done, { loss: mean, learningRate }, { seconds: progress.seconds, imagesPerSecond });
      progress.logged = { sum: 0, count: 0 };
    }
    const validates = done % recipe.evaluateEvery === 0 || ends;
    const isBest = validates && (await validate(whole, learningRate));
    const stops = (await interrupt.poll()) || options.signal?.aborted === true;
    if (validates || stops) saveState(run, state, { recipe, identity, device, best: isBest });
    if (stops && !ends)
      throw new InterruptedError(`${run.dir}: stopped after step ${done} of ${recipe.steps}`);
  }
}

const isStale = (recipe: ClassifierRecipe, progress: Progress): boolean =>
  recipe.patience > 0 && progress.stale >= recipe.patience;

/** Learning rate of the next step. */
function rateOf(recipe: ClassifierRecipe, cosine: (step: number) => number, state: State): number {
  const step = state.step - recipe.headWarmupSteps;
  if (step < 0) return recipe.headLearningRate;
  return recipe.learningRate * rateFactor(recipe, cosine, { ...state, step });
}

/** Factor of the base learning rate. @param state.step steps made behind the head's */
function rateFactor(
  recipe: ClassifierRecipe,
  cosine: (step: number) => number,
  { step, plateau }: Pick<State, 'step' | 'plateau'>,
): number {
  if (recipe.schedule === 'cosine') return cosine(step);
  const warmup = recipe.warmupSteps > 0 ? Math.min(1, (step + 1) / recipe.warmupSteps) : 1;
  return warmup * (recipe.schedule === 'plateau' ? plateau.state.scale : 1);
}

/** Scores the validation split; returns whether it is the best so far. */
async function validate(whole: Training, learningRate: number): Promise<boolean> {
  const { run, recipe, device, data, state } = whole;
  const started = performance.now();
  const { progress, plateau } = state;
  const assessment = await assess(state.average, data, {
    split: 'val',
    device,
    batchSize: recipe.evaluationBatchSize,
  });
  const { auc, logLoss } = assessment;
  if (Number.isNaN(auc)) diverged(whole, auc);
  const { bestBy, validationWindow: window } = recipe;
  const [figure, sign] = [figureOf(assessment, bestBy), signOf(bestBy)];
  const {
    isBest,
    smoothed,
    whole: isWhole,
  } = choose(progress, { auc, score: sign * figure, step: state.step }, { window });
  // While the head alone learns, a stall says nothing of what fine-tuning will give.
  const isWarmup = state.step <= recipe.headWarmupSteps;
  if (isWarmup) progress.stale = 0;
  progress.lastAuc = auc;
  if (recipe.schedule === 'plateau' && isWhole && !isWarmup) plateau.report(smoothed);
  const fields = {
    trainLoss: progress.validated.sum / progress.validated.count,
    valAuc: auc,
    valLoss: logLoss,
    learningRate,
    best: isBest,
    // Left out where the AUC above is all that there is to say.
    ...(bestBy === 'auc' && window === 1 ? {} : { chosenBy: bestBy, figure, smoothed: sign * smoothed }),
  };
  progress.validated = { sum: 0, count: 0 };
  progress.seconds += (performance.now() - started) / 1000;
  run.event('validation', state.step, fields, { seconds: progress.seconds });
  return isBest;
}

/** Scores validation and test with the best network, writes everything, finishes the run. */
async function conclude({
  run,
  recipe,
  device,
  data,
  training,
  state,
  options,
}: Training): Promise<ClassifierResult> {
  const started = performance.now();
  const { average: network, progress } = state;
  tidy(() => {
    network.loadStateDict(keptNetwork(recipe, loadCheckpoint(bestCheckpointPath(run.dir)).tensors));
  });
  const { evaluationBatchSize: batchSize, tta } = recipe;
  const assessed = {
    val: await assess(network, data, { split: 'val', device, batchSize, tta }),
    test: await assess(network, data, { split: 'test', device, batchSize, tta }),
  };
  progress.seconds += (performance.now() - started) / 1000;
  const result = concludeRun(run, {
    ...{ recipe, assessed, options, device },
    weights: { tensors: network.stateDict(), metadata: networkMetadata(network) },
    counts: training.counts,
    parameters: network.parameterCount,
    course: {
      bestStep: progress.best!.step,
      ...(recipe.bestBy === 'auc' && recipe.validationWindow === 1
        ? {}
        : {
            choice: {
              by: recipe.bestBy,
              window: recipe.validationWindow,
              figure: signOf(recipe.bestBy) * progress.best!.score,
              auc: progress.best!.auc,
            },
          }),
      steps: state.step,
      stoppedEarly: state.step < recipe.steps,
      seconds: progress.seconds,
      imagesPerSecond: (state.step * recipe.batchSize) / progress.trainingSeconds,
    },
  });
  // weights.safetensors holds the network; the optimiser's moments (two more networks a file) are of no use now.
  for (const { path } of listCheckpoints(run.dir)) rmSync(path, { force: true });
  rmSync(bestCheckpointPath(run.dir), { force: true });
  return result;
}

function diverged({ run, recipe, state: { step } }: Training, loss: number): never {
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
    ...{ method: 'fine-tuning', probe: PROBE_DEFAULTS },
  };
  requireSameConfig(dir, {
    was: { ...before, ...asSeenNow('classifier', { was, now: config }, { dir, folder }) },
    now: config,
    changeable,
  });
}
