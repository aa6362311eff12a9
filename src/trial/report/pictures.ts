/** Small pictures of the test images that a report names, where their dataset is still at hand and still the same. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { GraftError } from 'graft-torch/base';
import { parseYaml } from '../../base/yaml/index.js';
import { datasetFile, imagePath, openDataset } from '../../data/dataset/index.js';
import { thumbnail } from '../../data/eda/index.js';
import { failedImages, failuresOf } from '../../verdict/index.js';
import type { FailurePictures } from '../../verdict/report/index.js';
import { scoresOf } from '../scores.js';
import type { TrialSummary } from '../summary.js';

/**
 * @param baseDir where a relative path of the dataset starts
 * @returns none where the dataset is gone, or is another one now
 */
export async function failurePictures(summary: TrialSummary, baseDir: string): Promise<FailurePictures> {
  const failures = failuresOf(scoresOf(summary));
  const { data } = (parseYaml(summary.configYaml, 'the trial’s configuration').value ?? {}) as {
    data?: unknown;
  };
  const dir = typeof data === 'string' ? resolve(baseDir, data) : null;
  if (!failures || dir === null || !existsSync(join(dir, datasetFile))) return new Map();
  const wanted = new Set(failedImages(failures));
  const pictures = new Map<string, Uint8Array>();
  try {
    const dataset = openDataset(dir);
    if (dataset.hash !== summary.dataset.hash) return new Map();
    for (const row of dataset.rows)
      if (wanted.has(row.id)) pictures.set(row.id, await thumbnail(imagePath(dataset, row)));
  } catch (error) {
    // The report stands without pictures; what is wrong with the dataset says whatever reads it next.
    if (!(error instanceof GraftError)) throw error;
  }
  return pictures;
}
