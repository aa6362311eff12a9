/**
 * What a run was fitted to, as it writes it down: `fitted.json` from its first step, for those who look into a run that
 * still trains, and `fitted` in its summary.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, readJson, writeJson } from 'graft-torch/base';
import { z } from 'zod';
import type { Dataset } from '../data/dataset/index.js';
import { type Fit, fitSchema, rootsOf, seenOf, withheld } from '../data/lineage/index.js';
import type { RunRecord } from '../run/index.js';

/** How a run calls itself: its folder may be renamed, and two identical runs have the same record. */
export const THIS_RUN = 'this run';

/** Steps in which what was recorded is called as it is known now. */
export const called = (fits: readonly Fit[], title: string): Fit[] =>
  fits.map((fit) => ({
    ...fit,
    artefact: fit.artefact === THIS_RUN ? title : fit.artefact,
    via: fit.via.map((how) => how.replace(new RegExp(` of ${THIS_RUN}$`), ` of ${title}`)),
  }));

/**
 * A run's own step.
 * @param seen.val validation images that decided what is kept
 */
export const ownFit = (
  kind: 'classifier' | 'generator',
  dataset: Pick<Dataset, 'name' | 'hash' | 'kind' | 'provenance'>,
  seen: Record<'train' | 'val', Parameters<typeof seenOf>[0]>,
): Fit => ({
  artefact: THIS_RUN,
  kind,
  via: [],
  dataset: { name: dataset.name, hash: dataset.hash, roots: rootsOf(dataset) },
  train: seenOf(seen.train),
  val: seenOf(seen.val),
  unknown: null,
});

/** Key of a safetensors file's metadata under which the steps of its weights stand. */
export const FITTED_KEY = 'graft.fitted';

/** What a file of weights says of its steps: fingerprints of images, no names, for it may be passed on. */
export const fittedMetadata = (fits: readonly Fit[] | null): Record<string, string> =>
  fits === null ? {} : { [FITTED_KEY]: JSON.stringify(fits.map(withheld)) };

const recordPath = (dir: string): string => join(dir, 'fitted.json');
const recordSchema = z.array(fitSchema).min(1);

/** Once: a run that goes on has what it began with, whatever has become of that since. */
export function writeRecord(dir: string, make: () => Fit[]): void {
  if (!existsSync(recordPath(dir))) writeJson(recordPath(dir), make());
}

/**
 * The run itself first.
 * @returns null for a run from before this was written down
 * @throws DataError for a record that is none
 */
export function readRecord({ dir, summary }: Pick<RunRecord, 'dir' | 'summary'>): Fit[] | null {
  const path = recordPath(dir);
  const content = summary?.fitted ?? (existsSync(path) ? readJson(path) : undefined);
  if (content === undefined) return null;
  const parsed = recordSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const { path: key, message } = parsed.error.issues[0]!;
  throw new DataError(`${dir}: what it was fitted to cannot be read: ${key.join('.')}: ${message}`);
}
