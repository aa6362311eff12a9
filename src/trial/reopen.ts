/** A trial's dataset, as every process that works on the trial opens it. */
import type { Dataset } from '../data/dataset/index.js';
import { reopenDataset } from '../data/dataset/index.js';
import { readRunConfig } from '../run/index.js';
import type { TrialConfig } from './config.js';

/** @throws DataError when it is not there, or is another one than the trial was begun on */
export const openTrialDataset = (dir: string, config: TrialConfig): Dataset =>
  reopenDataset(config.data, { name: dir, hash: readRunConfig(dir).dataHash });
