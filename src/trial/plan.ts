/**
 * What a trial consists of: jobs, each with a folder of its own inside the trial's, and what it needs to be done
 * before. The plan follows from the trial file, the dataset and the number of seeds alone, so that every process that
 * reads the trial folder makes the same one.
 *
 *   data/fold-1                            a dataset variant with its pixel caches
 *   gans/sngan/fold-1                      a GAN
 *   synthetic/sngan/fold-1/random-732      images chosen from it
 *   judged/sngan/fold-1                    their metrics, privacy and pictures
 *   runs/fold-1/real+standard/seed-0       a classifier
 */
import { join } from 'node:path';
import { ConfigError, Random } from 'graft-torch/base';
import { type ClassifierConfig, checkRecipe, classifierConfigSchema } from '../classify/index.js';
import type { Dataset } from '../data/dataset/index.js';
import { checkGanConfig, type GanConfig, ganConfigSchema } from '../generate/index.js';
import { resolveConfig } from '../run/index.js';
import { syntheticCount, type TrialArm } from './arms.js';
import { armsOf, asSets, checkTrialConfig, seedsOf, type TrialConfig, usedGans } from './config.js';

import { trainingCounts, type Variant, variantName, variantRows } from './variants.js';

interface JobBase {
  /** Its folder, relative to the trial's, with forward slashes. */
  id: string;
  /** Jobs that must be done before. */
  needs: readonly string[];
  variant: Variant;
}

export interface DataJob extends JobBase {
  kind: 'data';
  /** Sides in pixels that caches are made for. */
  sizes: readonly number[];
}

export interface GanJob extends JobBase {
  kind: 'gan';
  gan: string;
  /** null: it serves all seeds of the fold. */
  seed: number | null;
}

export interface SyntheticJob extends JobBase {
  kind: 'synthetic';
  gan: string;
  /** Folder of the GAN's run: a job of the trial, or a run of its own; as the file names it. */
  from: { job: string } | { run: string };
  count: number;
  choice: NonNullable<TrialArm['synthetic']>['choice'];
  /** Of the noise. */
  seed: number;
}

/** Metrics and privacy of a GAN's images, for the report. */
export interface JudgeJob extends JobBase {
  kind: 'judge';
  gan: string;
  /** Id of the images that are looked at: the first that are made from the GAN. */
  synthetic: string;
}

export interface ClassifierJob extends JobBase {
  kind: 'classifier';
  arm: TrialArm;
  seed: number;
  /** Id of its synthetic images; null without. */
  synthetic: string | null;
}

export type TrialJob = DataJob | GanJob | SyntheticJob | JudgeJob | ClassifierJob;

/**
 * The seed that a job's random numbers come from, another one for each fold: a seed that is lucky or not would be so in all
 * folds alike, and folds would agree by more than they show. Arms of a fold share it, and are paired by it.
 * @param what whose luck it is: 'classifier', 'gan sngan', 'noise sngan'
 * @returns 0 … 2³¹ − 1
 */
export const derivedSeed = (seed: number, fold: number, what: string): number =>
  new Random(seed).fork(`${what}, fold ${fold}`).uint32() >>> 1;

/** A name that may stand in a path: 'real+synthetic (2:1)' → 'real+synthetic-2x1'. */
export const folderName = (name: string): string =>
  name
    .replaceAll(':', 'x')
    .replace(/[^\w.+%-]+/g, '-')
    .replace(/^-+|-+$/g, '');

/**
 * Every job of a trial, those that others need first; seed by seed, so that a trial that is stopped early has all arms
 * of its first seeds.
 * @param options.seeds how many; default all that may be needed
 * @throws ConfigError where the trial file does not fit the dataset, or a GAN's or classifier's settings do not go together
 */
export function planTrial(
  config: TrialConfig,
  dataset: Dataset,
  options: { seeds?: number } = {},
): TrialJob[] {
  checkTrialConfig(config);
  const arms = armsOf(config);
  const folders = new Set(arms.map(({ name }) => folderName(name)));
  if (folders.size < arms.length)
    throw new ConfigError('arms: two names differ only in characters that a folder cannot have; rename one');
  const seeds = seedsOf(config, options.seeds);
  const jobs = new Map<string, TrialJob>();
  const add = <Job extends TrialJob>(job: Job): Job => {
    if (!jobs.has(job.id)) jobs.set(job.id, job);
    return job;
  };
  checkSettings(config, arms, dataset.positive);
  const sizes = cacheSizes(config);
  const counts = new Map<string, { all: number; positives: number }>();
  for (const seed of seeds) {
    for (let fold = 1; fold <= config.folds; fold++) {
      for (const arm of arms) {
        const variant: Variant = { fold, realFraction: arm.realFraction };
        const name = variantName(variant);
        const data = add({ kind: 'data', id: `data/${name}`, needs: [], variant, sizes });
        let synthetic: SyntheticJob | null = null;
        if (arm.synthetic) {
          const images =
            counts.get(name) ?? trainingCounts(dataset, variantRows(dataset, config.folds, variant));
          counts.set(name, images);
          synthetic = add(syntheticJob(config, arm.synthetic, { variant, name, seed, images }));
          add({
            kind: 'judge',
            id: synthetic.id.replace(/^synthetic/, 'judged').replace(/\/[^/]+$/, ''),
            needs: [synthetic.id],
            variant,
            gan: synthetic.gan,
            synthetic: synthetic.id,
          });
          if ('job' in synthetic.from) {
            add({
              kind: 'gan',
              id: synthetic.from.job,
              needs: [data.id],
              variant,
              gan: synthetic.gan,
              seed: config.gans[synthetic.gan]!.each === 'seed' ? seed : null,
            });
          }
        }
        add({
          kind: 'classifier',
          id: `runs/fold-${fold}/${folderName(arm.name)}/seed-${seed}`,
          needs: [data.id, ...(synthetic ? [synthetic.id] : [])],
          variant,
          arm,
          seed,
          synthetic: synthetic?.id ?? null,
        });
      }
    }
  }
  return inOrder([...jobs.values()]);
}

function syntheticJob(
  config: TrialConfig,
  { gan, amount, choice }: NonNullable<TrialArm['synthetic']>,
  of: { variant: Variant; name: string; seed: number; images: { all: number; positives: number } },
): SyntheticJob {
  const { run, each } = config.gans[gan]!;
  const count = syntheticCount(amount, of.images);
  const place = run === null && each === 'seed' ? `${of.name}/seed-${of.seed}` : of.name;
  const job = `gans/${gan}/${place}`;
  return {
    kind: 'synthetic',
    id: `synthetic/${gan}/${place}/${choice.replace(',', '-')}-${count}`,
    needs: run === null ? [job] : [`data/${of.name}`],
    variant: of.variant,
    gan,
    from: run === null ? { job } : { run },
    count,
    choice,
    seed: derivedSeed(
      config.synthetic.seed + (run === null && each === 'seed' ? of.seed : 0),
      of.variant.fold,
      `noise ${gan}`,
    ),
  };
}

/** Each job after those it needs: GANs begin as early as they can, for they take longest. */
function inOrder(jobs: readonly TrialJob[]): TrialJob[] {
  const rank = { data: 0, gan: 1, synthetic: 2, classifier: 3, judge: 4 } as const;
  return jobs
    .map((job, i) => ({ job, i }))
    .sort((a, b) => rank[a.job.kind] - rank[b.job.kind] || a.i - b.i)
    .map(({ job }) => job);
}

/**
 * What the classifiers and GANs would be refused for once they are trained. Said here, by the trial's keys, for by then
 * there is a trial folder, which cannot be begun again with other settings.
 */
function checkSettings(config: TrialConfig, arms: readonly TrialArm[], positive: string): void {
  const { data } = config;
  for (const arm of arms) sayingWhere('classifier.set', () => checkRecipe(classifierConfig(config, { arm })));
  for (const name of trainedGans(config))
    sayingWhere(`gans.${name}.set`, () => checkGanConfig(ganConfig(config, name, { data, positive })));
}

/** Puts the trial's key before what a check of settings says. */
function sayingWhere(key: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof ConfigError && !error.message.startsWith('classifier'))
      throw new ConfigError(`${key}: ${error.message}`);
    throw error;
  }
}

/** Sides in pixels at which a trial reads its images: the classifier's, and those of the GANs it trains. */
function cacheSizes(config: TrialConfig): number[] {
  const sizes = [classifierConfig(config).imageSize];
  for (const name of trainedGans(config))
    sizes.push(ganConfig(config, name, { data: config.data }).imageSize);
  return [...new Set(sizes)];
}

/** Names of the GANs that are trained in the trial. */
function trainedGans(config: TrialConfig): string[] {
  const used = usedGans(config);
  return Object.keys(config.gans).filter((name) => used.has(name) && config.gans[name]!.run === null);
}

/**
 * A classifier's configuration. Between arms and seeds only the seed, the augmentation, what makes up for the rare
 * class, and the training images differ.
 */
export function classifierConfig(
  config: TrialConfig,
  part: { arm?: TrialArm; seed?: number; fold?: number; data?: string; threads?: number } = {},
): ClassifierConfig {
  const { arm, seed = 0, fold = 1, data = config.data, threads = config.threads } = part;
  const resolved = resolveConfig(classifierConfigSchema, {
    recipe: config.classifier.recipe,
    kind: 'classifier',
    sets: asSets(config.classifier.set),
    flags: [
      { flag: 'data', key: 'data', value: data },
      { flag: 'seeds', key: 'seed', value: derivedSeed(seed, fold, 'classifier') },
      { flag: 'device', key: 'device', value: config.device },
      { flag: 'threads', key: 'threads', value: threads },
    ],
  });
  if (resolved.target !== 'binary')
    throw new ConfigError('classifier: a trial compares AUCs of the positive class; use target: binary');
  if (!arm) return resolved;
  const owned = ['sampler', 'classWeights', 'loss', 'real'].find((key) => key in config.classifier.set);
  if (owned !== undefined)
    throw new ConfigError(
      `classifier.set.${owned}: the arms decide it (oversampling, class-weights, focal, real); leave it out`,
    );
  const standard = resolved.augmentation === 'none' ? 'standard' : resolved.augmentation;
  return {
    ...resolved,
    augmentation: arm.augmentation === 'standard' ? standard : 'none',
    sampler: arm.balance === 'oversampling' ? 'balanced' : 'shuffle',
    classWeights: arm.balance === 'class-weights' ? 'inverse' : 'none',
    loss: arm.balance === 'focal' ? 'focal' : 'cross-entropy',
    real: arm.real,
  };
}

/**
 * A GAN's configuration; its seed hangs on its recipe's, the fold, and the seed that it serves where each has its own.
 * @param part.positive class it learns where its settings name none
 */
export function ganConfig(
  config: TrialConfig,
  name: string,
  part: { data: string; positive?: string; seed?: number | null; fold?: number; threads?: number },
): GanConfig {
  const { recipe, set } = config.gans[name]!;
  const { data, positive = 'positive', seed = null, fold = 1, threads = config.threads } = part;
  const resolved = resolveConfig(ganConfigSchema, {
    recipe,
    kind: 'gan',
    sets: asSets(set),
    flags: [
      { flag: 'data', key: 'data', value: data },
      // A conditional GAN learns more classes: gans.NAME.set says which.
      { flag: 'positive', key: 'class', value: set.class ?? positive },
      { flag: 'device', key: 'device', value: config.device },
      { flag: 'threads', key: 'threads', value: threads },
    ],
  });
  const own = seed === null ? resolved.seed : resolved.seed + seed;
  return { ...resolved, seed: derivedSeed(own, fold, `gan ${name}`) };
}

/** Path of a job's folder. */
export const jobDir = (trialDir: string, id: string): string => join(trialDir, ...id.split('/'));
