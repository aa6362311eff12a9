/** Does one job of a trial, in this process, from where its folder stands. */
import { existsSync, rmdirSync } from 'node:fs';
import { bestDevice, type Device, requireDevice, setThreads, type Tensor, tensor } from 'graft-torch';
import { DataError, ensureFolder, writeJson } from 'graft-torch/base';
import { LockedError, takeLock } from '../base/index.js';
import type { SyntheticImages } from '../classify/index.js';
import {
  type StepFigures as ClassifierFigures,
  logitsOf,
  openClassifier,
  probability,
  trainClassifier,
  writeScores,
} from '../classify/index.js';
import type { Dataset } from '../data/dataset/index.js';
import { enlargedWords, LINEAGE_FILE, readLineage } from '../data/lineage/index.js';
import { openPixelCache, type PixelCache } from '../data/pixels/index.js';
import type { GanConfig, StepFigures } from '../generate/index.js';
import {
  needsDiscriminator,
  openGenerator,
  sampleToFolder,
  settleChannels,
  settleModule,
  trainGan,
} from '../generate/index.js';
import { loadFolder } from '../image/index.js';
import type { Interrupt } from '../run/index.js';
import {
  asSeenNow,
  createRun,
  openRun,
  requireSameConfig,
  runConditions,
  runStatus,
  wholePaths,
} from '../run/index.js';
import { checkLineage, learnedFrom, openExternal } from './check.js';
import { checkIngredientsOf } from './ingredients.js';
import { externalScoresPath, lockDir, READY_FILE, readSchedule } from './jobs.js';
import { judgeImages } from './judge.js';
import {
  type ClassifierJob,
  classifierConfig,
  type DataJob,
  type GanJob,
  ganConfig,
  jobDir,
  type SyntheticJob,
  type TrialJob,
} from './plan.js';
import type { TrialFolder } from './trial.js';
import { openVariant, variantName } from './variants.js';

export interface JobHooks {
  interrupt?: Interrupt;
  onDecode?: (done: number, total: number) => void;
  onGanStep?: (step: number, total: number, figures: StepFigures) => void;
  onSample?: (done: number, total: number) => void;
  onClassifierStep?: (step: number, total: number, figures: ClassifierFigures) => void;
  warn?: (message: string) => void;
}

/** The trial, as far as a job needs it, and how many threads each has. */
export interface JobTrial extends Pick<TrialFolder, 'dir' | 'config' | 'dataset'> {
  threads: number;
}

/**
 * @throws InterruptedError with the state saved; LockedError when another process is at it; DataError when the GAN saw
 * an evaluation group, or an external test set does not fit
 */
export async function runJob(trial: JobTrial, job: TrialJob, hooks: JobHooks = {}): Promise<void> {
  setThreads(trial.threads);
  switch (job.kind) {
    case 'data':
      return await withLock(trial, job, () => prepareData(trial, job, hooks));
    case 'gan':
      return await trainJobGan(trial, job, hooks);
    case 'synthetic':
      return await withLock(trial, job, () => makeSynthetic(trial, job, hooks));
    case 'judge':
      return await withLock(trial, job, () =>
        judgeImages(jobDataset(trial, job), jobDir(trial.dir, job.synthetic), jobDir(trial.dir, job.id)),
      );
    case 'classifier':
      return await trainJobClassifier(trial, job, hooks);
  }
}

/**
 * One job of a trial by its id, with the threads that the trial was begun with.
 * @returns 'busy' when another process is at it
 * @throws DataError where the trial has no such job; else as `runJob`
 */
export async function runJobHere(
  trial: TrialFolder,
  id: string,
  hooks: JobHooks = {},
): Promise<'done' | 'busy'> {
  const schedule = readSchedule(trial.dir);
  const job = trial.jobs(schedule?.seeds).find((one) => one.id === id);
  if (!job) throw new DataError(`${trial.dir}: has no job '${id}'`);
  try {
    await runJob({ ...trial, threads: schedule?.threads ?? 1 }, job, hooks);
    return 'done';
  } catch (error) {
    if (error instanceof LockedError) return 'busy';
    throw error;
  }
}

/** For folders that are no runs, whose lock nobody else takes. */
async function withLock(trial: JobTrial, job: TrialJob, work: () => Promise<void>): Promise<void> {
  const dir = lockDir(trial.dir, job);
  ensureFolder(dir);
  const release = takeLock(dir);
  try {
    await work();
  } finally {
    release();
    if (job.kind === 'synthetic') removeEmpty(dir);
  }
}

/** Unless another process has taken the lock meanwhile. */
function removeEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {}
}

/** The dataset variant that a job works on. */
export function jobDataset({ dir, config, dataset }: JobTrial, job: TrialJob): Dataset {
  const path = jobDir(dir, `data/${variantName(job.variant)}`);
  return openVariant({ dataset, folds: config.folds }, job.variant, path);
}

async function prepareData(trial: JobTrial, job: DataJob, hooks: JobHooks): Promise<void> {
  const dataset = jobDataset(trial, job);
  for (const size of job.sizes)
    (await openPixelCache(dataset, size, { onProgress: hooks.onDecode })).images.dispose();
  for (const [name, dir] of Object.entries(trial.config.external)) {
    const external = openExternal(name, dir, learnedFrom(dataset));
    (await openPixelCache(external, job.sizes[0]!, { onProgress: hooks.onDecode })).images.dispose();
  }
  const { name, hash } = dataset;
  writeJson(`${jobDir(trial.dir, job.id)}/${READY_FILE}`, { dataset: dataset.dir, name, hash });
}

/** Trains or resumes a GAN. */
async function trainJobGan(trial: JobTrial, job: GanJob, hooks: JobHooks): Promise<void> {
  const dataset = jobDataset(trial, job);
  const given = jobGanConfig(trial, job, dataset);
  // The trial's, where it names one: all folds train the same program.
  const config = given.moduleSha256 === undefined ? await settleModule(given) : given;
  const dir = jobDir(trial.dir, job.id);
  const status = runStatus(dir);
  if (status === 'finished') return;
  checkIngredientsOf(trial.config, job.gan, dataset);
  const run =
    status === 'empty'
      ? createRun(dir, { kind: 'gan', config, dataHash: dataset.hash })
      : openRun(dir, { kind: 'gan', data: dataset.dir });
  try {
    const now = wholePaths('gan', config);
    // The trial may have been edited, or moved, since its GAN was begun.
    requireSameConfig(run.path('config.yaml'), {
      // GANs of before the dataset was asked have three.
      was: { channels: 3, ...asSeenNow('gan', { was: run.config, now }, { dir, folder: run.header.folder }) },
      now,
      changeable: [...runConditions, 'data'],
    });
    await trainGan(run, config, {
      interrupt: hooks.interrupt,
      onDecode: hooks.onDecode,
      onStep: (step, figures) => hooks.onGanStep?.(step, config.steps, figures),
      warn: hooks.warn,
    });
  } finally {
    run.close();
  }
}

function jobGanConfig(trial: JobTrial, job: GanJob, dataset: Dataset): GanConfig {
  const config = ganConfig(trial.config, job.gan, {
    data: dataset.dir,
    positive: dataset.positive,
    seed: job.seed,
    fold: job.variant.fold,
    threads: trial.threads,
  });
  return settleChannels(config, dataset);
}

/** Folder of the GAN that a synthetic set comes from. */
export const ganDirOf = (trialDir: string, { from }: SyntheticJob): string =>
  'job' in from ? jobDir(trialDir, from.job) : from.run;

async function makeSynthetic(trial: JobTrial, job: SyntheticJob, hooks: JobHooks): Promise<void> {
  const { config } = trial;
  const dataset = jobDataset(trial, job);
  const ganDir = ganDirOf(trial.dir, job);
  const out = jobDir(trial.dir, job.id);
  if (existsSync(`${out}/${LINEAGE_FILE}`)) return;
  const policies = job.choice.split(',');
  const generator = await openGenerator(ganDir, {
    withDiscriminator: needsDiscriminator(policies),
    device: config.device === 'auto' ? undefined : (config.device as Device),
    threads: trial.threads,
  });
  const { origin, network } = generator;
  try {
    // Before anything is made from it.
    checkLineage(
      { ...origin, class: network.classCount > 0 ? dataset.positive : origin.class },
      dataset,
      ganDir,
    );
    await sampleToFolder(generator, {
      count: job.count,
      seed: job.seed,
      class: network.classCount > 0 ? dataset.positive : undefined,
      out,
      // The first ones of a seed are the random ones: no pool needs to be drawn for them.
      ...(job.choice !== 'random' && {
        choice: { policies, pool: config.synthetic.pool, data: dataset.dir },
        sheet: `${out}-choice.png`,
      }),
      onProgress: (done) => hooks.onSample?.(done, job.count),
      warn: hooks.warn,
    });
  } finally {
    network.dispose();
    generator.discriminator?.dispose();
  }
}

async function trainJobClassifier(trial: JobTrial, job: ClassifierJob, hooks: JobHooks): Promise<void> {
  const dataset = jobDataset(trial, job);
  const { arm, seed } = job;
  const {
    data: _data,
    synthetic: _synthetic,
    ...recipe
  } = classifierConfig(trial.config, {
    arm,
    seed,
    fold: job.variant.fold,
    data: dataset.dir,
    threads: trial.threads,
  });
  const runDir = jobDir(trial.dir, job.id);
  if (runStatus(runDir) !== 'finished') checkIngredientsOf(trial.config, null, dataset);
  const cache = await openPixelCache(dataset, recipe.imageSize, {
    channels: recipe.channels ?? undefined,
    onProgress: hooks.onDecode,
  });
  const synthetic: SyntheticImages[] = [];
  try {
    if (job.synthetic !== null) {
      const source = jobDir(trial.dir, job.synthetic);
      // Again, for the images may have been put there by hand.
      const lineage = readLineage(source);
      checkLineage(lineage, dataset, source);
      const enlarged = enlargedWords(lineage, recipe.imageSize, source);
      if (enlarged) hooks.warn?.(enlarged);
      synthetic.push({ images: await readSynthetic(source, cache), label: 1, source });
    }
    await trainClassifier({
      config: recipe,
      runDir,
      ifExists: 'continue',
      dataset,
      cache,
      synthetic,
      interrupt: hooks.interrupt,
      onStep: (step, figures) => hooks.onClassifierStep?.(step, recipe.steps, figures),
      warn: hooks.warn,
    });
  } finally {
    for (const { images } of synthetic) images.dispose();
    cache.images.dispose();
  }
  const device = recipe.device === 'auto' ? bestDevice() : requireDevice(recipe.device as Device);
  for (const [name, dir] of Object.entries(trial.config.external)) {
    const path = externalScoresPath(runDir, name);
    if (!existsSync(path))
      await scoreExternal(openExternal(name, dir, learnedFrom(dataset)), path, { runDir, device });
  }
}

/** uint8 `[M, C, sizePx, sizePx]`, as the real ones. */
async function readSynthetic(dir: string, { sizePx, channels }: PixelCache): Promise<Tensor> {
  const { data, n } = await loadFolder(dir, { sizePx, channels });
  return tensor(data, [n, channels, sizePx, sizePx]);
}

/** Every image of a dataset, whatever its split, scored by a finished run's network. */
async function scoreExternal(
  dataset: Dataset,
  path: string,
  { runDir, device }: { runDir: string; device: Device },
): Promise<void> {
  const { network, config } = await openClassifier(runDir, device);
  const cache = await openPixelCache(dataset, config.imageSize, { channels: config.channels ?? 3 });
  try {
    const logits = await logitsOf(network, cache.images, {
      indices: [...cache.rows.keys()],
      device,
      batchSize: config.evaluationBatchSize,
      tta: config.tta,
    });
    writeScores(
      path,
      cache.rows.map(({ id, group, label }, i) => ({
        id,
        group,
        label: label === dataset.positive ? 1 : 0,
        score: probability(logits[i]!),
      })),
    );
  } finally {
    cache.images.dispose();
    network.dispose();
  }
}
