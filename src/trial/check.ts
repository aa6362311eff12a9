/**
 * What a trial must not be given: a GAN that saw images it would be judged by, a test set from elsewhere that holds
 * training images. Looked for before anything is trained, and again by each job, for folders may change meanwhile.
 */
import { existsSync, statSync } from 'node:fs';
import { type Dataset, type DatasetRow, openDataset } from '../data/dataset.js';
import { type Lineage, requireNoLeak } from '../data/lineage.js';
import { DataError } from '../errors.js';
import type { GanSummary } from '../gan/summary.js';
import { readRun } from '../run/run-reader.js';
import { armsOf, type TrialConfig } from './config.js';
import { variantRows } from './variants.js';

/**
 * @throws DataError naming the GAN and the groups, or the test set and the images; ConfigError as `planTrial`
 */
export function checkTrial(config: TrialConfig, dataset: Dataset): void {
  for (const [name, dir] of Object.entries(config.external)) openExternal(name, dir, dataset);
  const arms = armsOf(config);
  for (const [name, { run }] of Object.entries(config.gans)) {
    if (run === null || !arms.some(({ synthetic }) => synthetic?.gan === name)) continue;
    for (let fold = 1; fold <= config.folds; fold++) {
      const rows = variantRows(dataset, config.folds, { fold, realFraction: 1 });
      requireNoLeak(trainingOf(run), evaluationGroups(rows), run);
    }
  }
}

/** What a finished GAN run says of the images it learned from. */
function trainingOf(run: string): Pick<Lineage, 'trainingGroups' | 'unknownTraining'> {
  if (existsSync(run) && statSync(run).isFile()) return { trainingGroups: [], unknownTraining: run };
  const { kind, summary } = readRun(run);
  if (kind !== 'gan') throw new DataError(`${run}: is a ${kind} run, expected a gan run`);
  if (!summary)
    throw new DataError(`${run}: has not finished training; finish it with \`graft gan resume ${run}\``);
  const { trainingGroups, ancestor } = summary as unknown as GanSummary;
  return {
    trainingGroups,
    unknownTraining: ancestor && ancestor.trainingGroups === null ? ancestor.name : null,
  };
}

/**
 * A test set from elsewhere.
 * @throws DataError where it does not have the positive class, or holds images of the trial's dataset
 */
export function openExternal(name: string, dir: string, own: Dataset): Dataset {
  const external = openDataset(dir);
  if (external.positive !== own.positive) {
    throw new DataError(
      `external.${name}: the positive class of ${dir} is '${external.positive}', that of the trial '${own.positive}'; import it with --positive ${own.positive}`,
    );
  }
  if (!external.rows.some(({ label }) => label !== external.positive))
    throw new DataError(
      `external.${name}: ${dir} has images of '${external.positive}' only; an AUC needs both`,
    );
  const learned = new Map(
    own.rows.filter(({ split }) => split !== 'test').map((row) => [row.sha256, row.id]),
  );
  const shared = external.rows.filter((row) => learned.has(row.sha256));
  if (shared.length > 0) {
    const named = shared
      .slice(0, 5)
      .map((row) => (row.id === learned.get(row.sha256) ? row.id : `${row.id} = ${learned.get(row.sha256)}`));
    throw new DataError(
      `external.${name}: ${shared.length} of its images are training or validation images of ${own.dir} (${named.join(', ')}${shared.length > 5 ? ', …' : ''}); leave them out of ${dir}`,
    );
  }
  return external;
}

/** @throws DataError when the GAN learned another class, or a group that is evaluated on */
export function checkLineage(
  lineage: Pick<Lineage, 'class' | 'trainingGroups' | 'unknownTraining'>,
  dataset: Dataset,
  ganDir: string,
): void {
  if (lineage.class !== dataset.positive) {
    throw new DataError(
      `${ganDir}: learned class '${lineage.class}', but the positive class of ${dataset.dir} is '${dataset.positive}'`,
    );
  }
  requireNoLeak(lineage, evaluationGroups(dataset.rows), ganDir);
}

/** Groups of the validation and test split. */
const evaluationGroups = (rows: readonly DatasetRow[]): Set<string> =>
  new Set(rows.filter((row) => row.split !== 'train').map((row) => row.group));
