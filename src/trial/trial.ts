/** A trial as every process that works on it has it: opened, planned and checked once, and handed on. */
import { resolve } from 'node:path';
import { DataError } from 'graft-torch/base';
import { type Dataset, openDataset, reopenDataset } from '../data/dataset/index.js';
import type { UnknownTraining } from '../data/lineage/index.js';
import { readRunConfig, resolveConfig } from '../run/index.js';
import { checkTrial, type PictureCheck } from './check.js';
import { requireBalanceArm, type TrialConfig, trialConfigSchema } from './config.js';
import { planTrial, type TrialJob } from './plan.js';

export interface Trial {
  config: TrialConfig;
  dataset: Dataset;
  /**
   * Every job for so many seeds, those that others need first; planned once for each number.
   * @param seeds default: all that may be needed
   * @throws ConfigError as `planTrial`
   */
  jobs(seeds?: number): readonly TrialJob[];
  /** What it is given of which nobody knows whether it has seen what is evaluated; left out: not looked for yet. */
  unknown?: readonly UnknownTraining[];
  /** Pictures of external test sets that were compared with those that runs learn from. */
  pictures?: PictureCheck | null;
}

/** A trial with its folder. */
export interface TrialFolder extends Trial {
  dir: string;
}

export function trialOf(config: TrialConfig, dataset: Dataset): Trial {
  const plans = new Map<number | undefined, TrialJob[]>();
  return {
    config,
    dataset,
    jobs(seeds) {
      const jobs = plans.get(seeds) ?? planTrial(config, dataset, { seeds });
      plans.set(seeds, jobs);
      return jobs;
    },
  };
}

/**
 * A trial that is to begin, with everything that it would be refused for looked at, but for the pictures of external sets
 * (`checkPictures`), which takes longer.
 * @throws ConfigError where the trial file does not fit the dataset, or lacks an arm that re-balances; DataError where a
 * GAN, weights or a test set have seen what they must not
 */
export function prepareTrial(config: TrialConfig): Trial {
  const trial = trialOf(config, openDataset(config.data));
  requireBalanceArm(config);
  trial.jobs();
  return { ...trial, unknown: checkTrial(config, trial.dataset) };
}

/**
 * A trial that was begun.
 * @param data where its dataset is now; default: where the trial says
 * @throws DataError when the folder holds no trial, or its dataset is not there, or is another one than it was begun on
 */
export function openTrial(dir: string, data?: string): TrialFolder {
  const { kind, dataHash } = readRunConfig(dir);
  if (kind !== 'trial') throw new DataError(`${dir}: is a ${kind} run, expected a trial`);
  const read = resolveConfig(trialConfigSchema, { file: `${dir}/config.yaml` });
  const config = data === undefined ? read : { ...read, data: resolve(data) };
  return { dir, ...trialOf(config, reopenDataset(config.data, { name: dir, hash: dataHash })) };
}
