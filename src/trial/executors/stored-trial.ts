/**
 * A trial whose folder lies in an object store. Every machine works in a copy: it brings what a job needs, does the job,
 * and sends its folder, every few seconds while it runs and whole at its end. The queue alone keeps two from doing one
 * job. Folds and their pixel caches are made anew on each machine, which costs less than to send them.
 */
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConfigError,
  DataError,
  ensureFolder,
  GraftError,
  readText,
  writeFileAtomic,
} from 'graft-torch/base';
import { commandLine, LockedError, takeLock } from '../../base/index.js';
import { parseYaml } from '../../base/yaml/index.js';
import { LINEAGE_FILE } from '../../data/lineage/index.js';
import { JUDGEMENT_FILE, READY_FILE, readSchedule } from '../jobs.js';
import { jobDir, type TrialJob } from '../plan.js';
import type { TrialFolder } from '../trial.js';
import { jobProcess, LOST, type TrialPlace } from '../work.js';
import type { WatchedPlace } from './elsewhere.js';
import { FolderMirror } from './folder-mirror.js';
import type { ObjectStore } from './object-store.js';

/** Says that what lies beside it is whole. */
const MARKERS = new Set(['summary.json', READY_FILE, LINEAGE_FILE, JUDGEMENT_FILE]);

/** What every machine has of every job: enough to know where it stands, and for the verdict. */
const isText = (path: string): boolean => /\.(json|jsonl|yaml|csv|txt)$/.test(path);
/** Of the trial itself; a worker has them before it can plan. */
const ROOT_FILES = ['config.yaml', 'schedule.json'];

export const openMirror = (store: ObjectStore, dir: string): FolderMirror =>
  new FolderMirror(store, dir, MARKERS);

/**
 * A worker's own copy of a trial: with its file and schedule, and nothing else so far.
 * @param data where this machine has the dataset; default: where the trial file says
 * @throws DataError where there is no trial in the store; ConfigError where another worker has the folder, or there is
 * no such dataset
 */
export async function openCopy(
  store: ObjectStore,
  folder: string,
  data?: string,
): Promise<{ mirror: FolderMirror; close: () => void }> {
  const dir = resolve(folder);
  ensureFolder(dir);
  const close = lockCopy(dir);
  try {
    const mirror = openMirror(store, dir);
    await mirror.pull('', (path) => ROOT_FILES.includes(path));
    for (const file of ROOT_FILES)
      if (!existsSync(join(dir, file)))
        throw new DataError(
          `${store.url}: holds no trial; begin one with: ${commandLine`graft trial run FILE --executor queue --store ${store.url}`}`,
        );
    // Jobs read it in the copy; of a worker's root nothing is sent.
    const path = join(dir, 'config.yaml');
    const file = parseYaml(readText(path), path).document;
    const dataset = resolve(data ?? String(file.get('data')));
    if (!existsSync(dataset))
      throw new ConfigError(
        `${dataset}: there is no such dataset on this machine; say where it is with --data`,
      );
    file.set('data', dataset);
    if (file.has('folder')) file.set('folder', dir); // or what lies beside the coordinator's would be looked for here
    writeFileAtomic(path, String(file));
    return { mirror, close };
  } catch (error) {
    close();
    throw error;
  }
}

function lockCopy(dir: string): () => void {
  try {
    return takeLock(dir);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new ConfigError(`${dir}: another worker has its copy there; give this one a folder with --scratch`);
  }
}

/**
 * Makes the folds and their caches here, whatever others have.
 * @throws GraftError with what went wrong
 */
export async function makeData(dir: string, jobs: readonly TrialJob[], worker: string): Promise<void> {
  for (const job of jobs) {
    if (job.kind !== 'data' || existsSync(join(jobDir(dir, job.id), READY_FILE))) continue;
    const { kind, message } = await jobProcess(dir, job, { worker });
    if (kind !== 'done') throw new GraftError(`${job.id}: ${message || kind}`);
  }
}

export interface StoredTrialOptions {
  worker: string;
  /** Between two sendings of a running job's folder, ms: what a dead worker can lose. */
  pushEveryMs?: number;
}

/** @param trial its copy on this machine */
export function storedTrial(
  trial: TrialFolder,
  mirror: FolderMirror,
  { worker, pushEveryMs = 15_000 }: StoredTrialOptions,
): TrialPlace {
  /** Jobs that processes of this machine write to. */
  const mine = new Set<string>();
  const isMine = (path: string): boolean => [...mine].some((id) => path.startsWith(`${id}/`));
  const push = async (id: string): Promise<void> => {
    // The choice's contact sheet lies beside its images, and so does what is told of a job.
    const told = id.replaceAll('/', '--');
    for (const path of [`${id}-choice.png`, `logs/${told}.txt`, `failures/${told}.json`, id])
      await mirror.push(path);
  };
  return {
    async refresh() {
      await mirror.pull('', (path) => isText(path) && !isMine(path) && !path.startsWith('logs/'));
      const schedule = readSchedule(mirror.dir);
      if (schedule) await makeData(mirror.dir, trial.jobs(schedule.seeds), worker);
    },
    async around({ id, needs }, stop, run) {
      mine.add(id);
      const ended = new AbortController();
      const isLost = (): boolean => stop.reason === LOST;
      const pushNowAndThen = async (): Promise<void> => {
        while (!ended.signal.aborted) {
          await sleep(pushEveryMs, undefined, { signal: ended.signal }).catch(() => {});
          // The last sending tells what is wrong with the store; the job goes on meanwhile.
          if (!ended.signal.aborted && !isLost()) await push(id).catch(() => {});
        }
      };
      try {
        // What an earlier life of this copy left may be newer than what is in the store, and without its log.
        rmSync(jobDir(mirror.dir, id), { recursive: true, force: true });
        for (const need of [...needs, id]) if (!need.startsWith('data/')) await mirror.pull(`${need}/`);
        const pushing = pushNowAndThen();
        try {
          return await run();
        } finally {
          ended.abort();
          await pushing;
          // Whoever has the job now has its folder, too.
          if (!isLost()) await push(id);
        }
      } finally {
        mine.delete(id);
      }
    },
  };
}

/** A job whose folder changed so recently is somebody's. */
const ALIVE_MS = 90_000;

/** The trial of a coordinator that looks on: sends what workers must know, brings what the verdict needs. */
export function coordinatedStore(mirror: FolderMirror): WatchedPlace {
  const tell = async (): Promise<void> => {
    for (const file of ROOT_FILES) await mirror.push(file);
  };
  return {
    tell,
    async begin(jobs) {
      await makeData(mirror.dir, jobs, 'coordinator');
      // Whoever resumes a trial has seen to what made jobs fail.
      await mirror.clear('failures/');
      await tell();
    },
    refresh: () => mirror.pull('', (path) => isText(path) && path.includes('/')),
    isAtWork: (id) => mirror.changedWithin(id, ALIVE_MS),
    // The report shows them.
    finish: () => mirror.pull('judged/'),
  };
}
