/**
 * Reading run folders, for reports and the studio: no lock, no change, and no native code, so it also works
 * where libtorch is not installed and while the run is being written.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError, isTemporaryFile, readText } from 'graft-torch/base';
import { ownerIsAlive, readLock } from '../base/index.js';
import { parseYaml } from '../base/yaml/index.js';
import { type CheckpointFile, listCheckpoints } from './checkpoint-file.js';
import { type RunEvent, readEvents } from './events.js';
import { decodeJson } from './json.js';
import { type RunKind, runKinds } from './kind.js';
import { locatePaths } from './places.js';

/**
 * - empty: no run there yet (the folder is missing, or holds no config.yaml)
 * - running: a live process writes it
 * - resumable: stopped before its end
 * - finished: has its summary
 */
export type RunStatus = 'empty' | 'running' | 'resumable' | 'finished';

/** A run as it lies on the disk. */
export interface RunRecord {
  dir: string;
  kind: RunKind;
  /** Version of Graft that started it. */
  graft: string;
  status: RunStatus;
  /** The resolved configuration, as written; check it with the schema of its kind. */
  config: Record<string, unknown>;
  /** Where the folder lay when the run was begun; runs of Graft 0.1 do not say. */
  folder: string | undefined;
  /** Hash of the dataset that it was begun on, where that is known. */
  dataHash: string | undefined;
  events: RunEvent[];
  /** Content of summary.json; undefined until the run has finished. */
  summary: Record<string, unknown> | undefined;
  /** Paths of the sample pictures, by step. */
  samples: { step: number; path: string }[];
  checkpoints: CheckpointFile[];
  /** Steps reached according to the last event; 0 before the first. */
  step: number;
}

/** File names inside a run folder. */
export const runFiles = {
  config: 'config.yaml',
  events: 'events.jsonl',
  log: 'log.txt',
  samples: 'samples',
  checkpoints: 'checkpoints',
  summary: 'summary.json',
  /** The network of a finished classifier run, alone. */
  weights: 'weights.safetensors',
} as const;

/** State of a folder as a run. */
export function runStatus(dir: string): RunStatus {
  if (!existsSync(join(dir, runFiles.config))) return 'empty';
  if (existsSync(join(dir, runFiles.summary))) return 'finished';
  const owner = readLock(dir);
  return owner !== undefined && ownerIsAlive(owner) !== false ? 'running' : 'resumable';
}

/**
 * Reads a whole run folder.
 * @throws DataError when the folder holds no run, ConfigError when its config.yaml is not one.
 */
export function readRun(dir: string): RunRecord {
  const header = readRunConfig(dir);
  const events = readEvents(join(dir, runFiles.events));
  const summaryPath = join(dir, runFiles.summary);
  return {
    dir,
    ...header,
    status: runStatus(dir),
    events,
    summary: existsSync(summaryPath) ? readSummary(summaryPath) : undefined,
    samples: listSamples(dir),
    checkpoints: listCheckpoints(dir),
    step: events.at(-1)?.step ?? 0,
  };
}

/** What heads config.yaml, and the configuration below it. */
export type RunHeader = Pick<RunRecord, 'kind' | 'graft' | 'config' | 'folder' | 'dataHash'>;

/** Head and configuration of a run, its paths as they are now (`places.ts`), without its events. Errors as `readRun`. */
export function readRunConfig(dir: string): RunHeader {
  const path = join(dir, runFiles.config);
  if (!existsSync(path)) throw new DataError(`${dir}: not a run folder (it has no ${runFiles.config})`);
  const content = parseYaml(readText(path), path).value;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigError(`${path}: expected keys and values`);
  }
  const { kind, graft, folder, dataHash, ...config } = content as Record<string, unknown>;
  if (!runKinds.includes(kind as RunKind)) {
    throw new ConfigError(
      `${path}: kind: expected one of ${runKinds.join(', ')}, got ${JSON.stringify(kind)}`,
    );
  }
  const places = { dir, folder: typeof folder === 'string' ? folder : undefined };
  return {
    kind: kind as RunKind,
    graft: String(graft),
    config: locatePaths(kind as RunKind, config, places),
    folder: places.folder,
    dataHash: typeof dataHash === 'string' ? dataHash : undefined,
  };
}

/** The run as `reopenDataset` asks for it: its name, and the hash of the dataset that it was begun on. */
export function trainedOn(dir: string): { name: string; hash: string | undefined } {
  const { dataHash, summary } = readRun(dir);
  const { dataset } = (summary ?? {}) as { dataset?: { hash?: string } };
  return { name: dir, hash: dataHash ?? dataset?.hash };
}

function readSummary(path: string): Record<string, unknown> {
  const summary = decodeJson(readText(path), path);
  if (typeof summary === 'object' && summary !== null && !Array.isArray(summary))
    return summary as Record<string, unknown>;
  throw new DataError(`${path}: expected keys and values`);
}

function listSamples(dir: string): RunRecord['samples'] {
  const folder = join(dir, runFiles.samples);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !isTemporaryFile(name))
    .flatMap((name) => {
      const step = /^step-(\d+)\./.exec(name)?.[1];
      return step === undefined ? [] : [{ step: Number(step), path: join(folder, name) }];
    })
    .sort((a, b) => a.step - b.step);
}
