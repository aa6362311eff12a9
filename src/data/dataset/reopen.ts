/** Opening the dataset that a run was begun on, wherever it is by now. */
import { existsSync } from 'node:fs';
import { DataError } from 'graft-torch/base';
import { type Dataset, openDataset } from './dataset.js';

/**
 * @param path where the run says it is, or `--data`
 * @param run.name for messages
 * @param run.hash of the dataset; undefined where nobody knows
 * @throws DataError when it is not there any more, or another one is
 */
export function reopenDataset(path: string, run: { name: string; hash: string | undefined }): Dataset {
  if (!existsSync(path))
    throw new DataError(`${path}: the dataset of ${run.name} is not there; say where it is with --data`);
  const dataset = openDataset(path);
  if (run.hash !== undefined && run.hash !== dataset.hash)
    throw new DataError(
      `${path}: is not the dataset that ${run.name} was begun on (its images, labels or split differ: hash ${dataset.hash.slice(0, 12)}, was ${run.hash.slice(0, 12)}); say where that one is with --data`,
    );
  return dataset;
}
