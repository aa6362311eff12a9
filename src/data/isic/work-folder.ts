/**
 * The hidden folder beside the target in which a fetch grows: `.NAME.fetching/` with `fetch.json` (what is fetched),
 * `pages.jsonl` (the list, see journal.ts) and `download/` (what will remain). It bears no process id, so the same
 * command finds it again however the one before it ended.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { opendir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError, DataError, readJson, removeTemporaryFiles, writeJson } from 'graft-torch/base';
import { partSuffix } from './download.js';
import type { ArchiveRequest } from './query.js';

/** How many images the archive announces for a request, before its limit. */
export interface Survey {
  images: number;
  /** Of all of them; null where the archive did not say. */
  bytes: number | null;
  /** Synthetic ones that are not among them. */
  synthetic: number;
  /** The collections' names, by id. */
  collections: Record<string, string>;
}

export interface WorkState {
  format: 'graft-isic-fetch-1';
  request: ArchiveRequest;
  survey: Survey;
  startedAt: string;
}

/** What the name of the hidden folder ends in. */
export const workEnding = 'fetching';

export const workPaths = (dir: string) => ({
  state: join(dir, 'fetch.json'),
  journal: join(dir, 'pages.jsonl'),
  download: join(dir, 'download'),
  images: join(dir, 'download', 'images'),
  /** The dataset, until it is whole. */
  dataset: join(dir, 'dataset'),
});

/** What the final folder says of its fetch: counts, licences, what was left out. */
export const fetchReportFile = 'isic-fetch.json';

/** What each key of a request is called on the command line. */
const flags: Record<keyof ArchiveRequest, string> = {
  baseUrl: '--base-url',
  query: '--query',
  collections: '--collections',
  imageTypes: '--image-types',
  includeSynthetic: '--include-synthetic',
  limit: '--limit',
};

/**
 * The state of a fetch that was begun, or undefined when there is none.
 * @throws ConfigError when it was begun for something else; DataError when its file is damaged
 */
export function readState(dir: string, request: ArchiveRequest): WorkState | undefined {
  const { state: path } = workPaths(dir);
  if (!existsSync(path)) return undefined;
  const state = readJson<WorkState>(path);
  if (state.format !== 'graft-isic-fetch-1')
    throw new DataError(`${path}: not the state of a fetch of this version; remove ${dir} to fetch anew`);
  const differing = (Object.keys(flags) as (keyof ArchiveRequest)[]).filter(
    (key) => !isDeepStrictEqual(state.request[key], request[key]),
  );
  if (differing.length === 0) return state;
  const was = differing.map((key) => `${flags[key]} ${JSON.stringify(state.request[key])}`).join(', ');
  throw new ConfigError(
    `${dir} holds an unfinished fetch with ${was}; continue it with that, give another --out, or remove the folder`,
  );
}

/** Begins a fetch, and clears what a killed one left half-done. */
export async function prepareWork(dir: string, state: WorkState): Promise<void> {
  const paths = workPaths(dir);
  // Without a state, what is here is the rest of a folder whose removal was cut short.
  if (!existsSync(paths.state))
    for (const path of [paths.journal, paths.download, paths.dataset])
      await rm(path, { recursive: true, force: true });
  mkdirSync(paths.images, { recursive: true });
  removeTemporaryFiles(dir);
  removeTemporaryFiles(paths.download);
  if (!existsSync(paths.state)) writeJson(paths.state, state);
  // Hundreds of thousands of names: one by one.
  for await (const entry of await opendir(paths.images))
    if (entry.name.startsWith('.') && entry.name.endsWith(partSuffix))
      await rm(join(paths.images, entry.name), { force: true });
}

/** Whether the target is what this very fetch was to make: a run was killed between the last two steps. */
export function isFinished(target: string, state: WorkState): boolean {
  const report = join(resolve(target), fetchReportFile);
  return existsSync(report) && readJson<{ startedAt?: string }>(report).startedAt === state.startedAt;
}
