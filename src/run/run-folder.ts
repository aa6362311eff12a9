/**
 * Writing a run folder: the only interface between trainers, reports and the studio. `docs/run-folder.md`
 * describes its files. A trainer creates a run, or opens one to resume it; both take the folder's lock.
 */
import { appendFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  ConfigError,
  DataError,
  ensureFolder,
  GraftError,
  removeTemporaryFiles,
  whileWriting,
  writeFileAtomic,
} from 'graft-torch/base';
import { Document } from 'yaml';
import { graftVersion, takeLock } from '../base/index.js';
import { listCheckpoints } from './checkpoint-file.js';
import { EventLog } from './events.js';
import type { Json } from './json.js';
import { encodeJson } from './json.js';
import type { RunKind } from './kind.js';
import { locatePaths, realPlace, wholePaths } from './places.js';
import { type RunHeader, readRunConfig, runFiles, runStatus } from './run-reader.js';

export { type RunEvent, readEvents, withoutWall } from './events.js';
export type { Json } from './json.js';
export type { RunKind } from './kind.js';
export {
  type RunRecord,
  type RunStatus,
  readRun,
  readRunConfig,
  runFiles,
  runStatus,
  trainedOn,
} from './run-reader.js';

/** A run that this process writes. Close it (or finish it) to give the lock back. */
export class Run {
  readonly #events: EventLog;
  readonly #release: () => void;
  #open = true;

  constructor(
    readonly dir: string,
    readonly header: RunHeader,
    release: () => void,
  ) {
    this.#release = release;
    this.#events = new EventLog(this.path(runFiles.events));
  }

  get kind(): RunKind {
    return this.header.kind;
  }

  /** The resolved configuration, with whole paths. */
  get config(): Record<string, unknown> {
    return this.header.config;
  }

  /** A configuration of this run as it was written once, with paths as they are now. */
  located(config: Record<string, unknown>): Record<string, unknown> {
    return locatePaths(this.kind, config, { dir: this.dir, folder: this.header.folder });
  }

  /** A path inside the run folder. */
  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  /** `samples/step-000200.png`; makes the folder. */
  samplePath(step: number, extension = 'png'): string {
    this.#events.requireThere();
    const folder = this.path(runFiles.samples);
    ensureFolder(folder);
    return this.path(runFiles.samples, `step-${String(step).padStart(6, '0')}.${extension}`);
  }

  /** Number of events so far. */
  get eventCount(): number {
    return this.#events.count;
  }

  /**
   * Appends an event.
   * @param step optimiser steps done when it happened.
   * @param fields what a second run of the same config would repeat exactly.
   * @param wall what depends on the clock or on the machine's speed (images/s, seconds); `time` is added.
   */
  event(
    type: string,
    step: number,
    fields: Record<string, unknown> = {},
    wall: Record<string, unknown> = {},
  ) {
    for (const key of ['type', 'step', 'wall']) {
      if (key in fields) throw new Error(`event "${type}": the field "${key}" is reserved`);
    }
    this.#events.append({
      type,
      step,
      ...(fields as Record<string, Json>),
      wall: { time: new Date().toISOString(), ...(wall as Record<string, Json>) },
    });
  }

  /** Appends a line with the time to log.txt: what happened on this machine, resumes and warnings included. */
  log(message: string): void {
    const path = this.path(runFiles.log);
    const line = `${new Date().toISOString()}  ${message.trimEnd()}\n`;
    whileWriting(path, () => appendFileSync(path, line));
  }

  /**
   * Goes back to an earlier state of the event log, for a resume: keeps the first `count` events.
   * @throws DataError when there are fewer.
   */
  keepEvents(count: number): void {
    this.#events.truncate(count, this.path(runFiles.events));
  }

  /** Makes all events so far survive a power cut. */
  sync(): void {
    this.#events.sync();
  }

  /**
   * Writes summary.json, which is what makes a run finished, and closes.
   * @param options.event appended once it stands: whoever finds this event and no summary knows that it was removed
   */
  finish(summary: Record<string, unknown>, options: { event?: { type: string; step: number } } = {}): void {
    this.#events.sync();
    const content = {
      kind: this.kind,
      graft: graftVersion(),
      finished: new Date().toISOString(),
      ...summary,
    };
    // Encoded twice to indent: NaN and Infinity stay what `decodeJson` reads back.
    const text = JSON.stringify(JSON.parse(encodeJson(content)), null, 2);
    writeFileAtomic(this.path(runFiles.summary), `${text}\n`);
    if (options.event) this.event(options.event.type, options.event.step);
    this.log('finished');
    this.close();
  }

  /** Syncs the events and gives the lock back. Closing twice does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.#events.close();
    } finally {
      this.#release();
    }
  }
}

/**
 * Makes a run folder.
 * @param options.config the resolved configuration, complete; goes into config.yaml with whole paths (`places.ts`).
 * @param options.dataHash of the dataset that it names, which a resume then asks for
 * @throws GraftError when the folder holds a run already, or other files.
 */
export function createRun(
  dir: string,
  options: { kind: RunKind; config: object; dataHash?: string | undefined },
): Run {
  const { kind, config, dataHash } = options;
  for (const key of ['kind', 'graft', 'folder', 'dataHash']) {
    if (key in config) throw new Error(`config of a run: the key "${key}" is reserved`);
  }
  refuseIfTaken(dir);
  ensureFolder(dir);
  const release = takeLock(dir);
  try {
    refuseIfTaken(dir); // once more: another process may have made it before we had the lock
    const header = { kind, graft: graftVersion(), folder: resolve(dir), dataHash };
    const run = new Run(dir, { ...header, config: { ...wholePaths(kind, config) } }, release);
    ensureFolder(run.path(runFiles.checkpoints));
    ensureFolder(run.path(runFiles.samples));
    writeConfig(run);
    run.log(`started: graft ${graftVersion()}, node ${process.version}, process ${process.pid}`);
    return run;
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Takes a new run back that was refused what it needs, before it had anything to keep: a folder would look like a run that
 * can be gone on with. `createRun` takes an empty folder alone, so nothing of anybody else is in it.
 * @param error why; anything but a refusal (ConfigError, DataError) leaves the folder as it is, with its log
 */
export function withdrawRefused(dir: string, error: unknown): void {
  const isRefusal = error instanceof ConfigError || error instanceof DataError;
  if (isRefusal && runStatus(dir) === 'resumable' && listCheckpoints(dir).length === 0)
    rmSync(dir, { recursive: true, force: true });
}

/**
 * Opens a run that was stopped, to go on with it; `resumeCheckpoint` finds the state.
 * @param options.data where its dataset is now: written down where that is another place than config.yaml says. Whether
 * it is the same dataset is for the caller to check
 * @param options.module where the program is now that it takes parts from, and its SHA-256, likewise
 * @throws DataError when there is none or it is of another kind, GraftError when it has finished or is being written.
 */
export function openRun(
  dir: string,
  options: {
    kind?: RunKind;
    data?: string | undefined;
    module?: { path: string; sha256: string } | undefined;
  } = {},
): Run {
  const header = readRunConfig(dir);
  const { kind } = header;
  const data = options.data === undefined ? undefined : resolve(options.data);
  if (options.kind !== undefined && options.kind !== kind) {
    throw new DataError(`${dir}: is a ${kind} run, expected a ${options.kind} run`);
  }
  const release = takeLock(dir);
  try {
    if (runStatus(dir) === 'finished')
      throw new GraftError(`${dir}: has finished; there is nothing to resume`);
    for (const folder of [dir, join(dir, runFiles.checkpoints), join(dir, runFiles.samples)]) {
      ensureFolder(folder);
      removeTemporaryFiles(folder);
    }
    // Seen through a link, it is where it was.
    const hasMoved = data !== undefined && realPlace(data) !== realPlace(String(header.config.data));
    const { module, moduleSha256 } = header.config;
    const now = options.module && {
      module: resolve(options.module.path),
      moduleSha256: options.module.sha256,
    };
    const isOther = now && (now.module !== module || now.moduleSha256 !== moduleSha256);
    const config = { ...header.config, ...(hasMoved && { data }), ...(isOther && now) };
    const moved = { ...header, folder: resolve(dir), config };
    const run = new Run(dir, hasMoved || isOther ? moved : header, release);
    if (hasMoved || isOther) writeConfig(run);
    if (hasMoved) run.log(`its dataset is at ${data}, was at ${header.config.data}`);
    if (isOther)
      run.log(`its module is ${now.module} (${now.moduleSha256}), was ${module} (${moduleSha256})`);
    run.log(`opened to resume: graft ${graftVersion()}, node ${process.version}, process ${process.pid}`);
    return run;
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Opens a run, finished or not, to add to its log and nothing else.
 * @throws DataError where there is none, GraftError where it is being written
 */
export function annotateRun(dir: string): Run {
  const header = readRunConfig(dir);
  const release = takeLock(dir);
  try {
    return new Run(dir, header, release);
  } catch (error) {
    release();
    throw error;
  }
}

function writeConfig(run: Run): void {
  const { config, ...head } = run.header;
  const known = Object.fromEntries(Object.entries(head).filter(([, value]) => value !== undefined));
  const yaml = new Document({ ...known, ...config }, { aliasDuplicateObjects: false });
  writeFileAtomic(run.path(runFiles.config), yaml.toString({ lineWidth: 0 }));
}

function refuseIfTaken(dir: string): void {
  if (!existsSync(dir)) return;
  const status = runStatus(dir);
  if (status === 'empty') {
    // A run that was killed before its config.yaml stood leaves only these.
    const ours: string[] = Object.values(runFiles);
    const foreign = readdirSync(dir).filter((name) => !ours.includes(name) && !/^lock|\.tmp$/.test(name));
    if (foreign.length > 0) {
      throw new GraftError(
        `${dir}: holds other files (${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ', …' : ''}); choose an empty or new folder`,
      );
    }
    return;
  }
  const { kind } = readRunConfig(dir);
  const step = listCheckpoints(dir).at(-1)?.step ?? 0;
  const state = {
    finished: 'has finished',
    running: 'is being written',
    resumable: `stopped after step ${step}`,
  }[status];
  const advice = status === 'resumable' ? 'resume it, or choose another folder' : 'choose another folder';
  throw new GraftError(`${dir}: already holds a ${kind} run that ${state}; ${advice}`);
}
