/**
 * Checkpoints: everything a run needs to go on as if it had never stopped. Tensors (weights, optimiser moments,
 * generator state) and plain values (loader state, counters, best score) in one safetensors file a step.
 */
import { copyFileSync, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { loadSafetensors, saveSafetensors, type Tensor } from 'graft-torch';
import { DataError, replaceFile } from 'graft-torch/base';
import {
  bestCheckpointPath,
  type CheckpointFields,
  type CheckpointFile,
  checkpointPath,
  encodeMetadata,
  listCheckpoints,
  readCheckpointHeader,
  verifyCheckpoint,
} from './checkpoint-file.js';
import type { Json } from './json.js';
import { asSeenNow } from './places.js';
import { type Run, runFiles } from './run-folder.js';
import { requireSameConfig, runConditions } from './same-config.js';

export {
  bestCheckpointPath,
  type CheckpointFile,
  listCheckpoints,
  readCheckpointHeader,
  verifyCheckpoint,
} from './checkpoint-file.js';

/** A run's state at one step. The caller owns the tensors. */
export interface Checkpoint extends CheckpointFields {
  path: string;
  tensors: Record<string, Tensor>;
}

/**
 * Writes `checkpoints/step-NNNNNN.safetensors`, atomically, and removes old ones.
 *
 * Call it last in its step: the events written so far belong to the saved state; what is written later is cut by
 * a resume from here. It writes no event itself: an interrupted run saves at a step where another would not, and
 * the two logs are to be the same.
 * @param step optimiser steps done.
 * @param options.best marks it as the best so far, also as `checkpoints/best.safetensors`, which is never pruned.
 * @param options.protect a step whose checkpoint stays, too.
 * @param options.keep how many of the latest stay (default 2: if the last is damaged, one is left to fall back to).
 * @returns its path.
 */
export function saveCheckpoint(
  run: Run,
  step: number,
  state: { tensors: Record<string, Tensor>; meta: Json },
  options: { best?: boolean; keep?: number; protect?: number } = {},
): string {
  const { best = false, keep = 2, protect } = options;
  const path = checkpointPath(run.dir, step);
  run.sync(); // the events must be on the disk before the checkpoint that counts them
  const fields = { step, events: run.eventCount, best, config: run.config, meta: state.meta };
  saveSafetensors(path, state.tensors, encodeMetadata(fields));
  if (best) markBest(run.dir, path);
  for (const old of listCheckpoints(run.dir).slice(0, -Math.max(1, keep))) {
    if (old.step !== protect) rmSync(old.path, { force: true });
  }
  return path;
}

/** The same file under a second name; a copy where the file system has no hard links. */
function markBest(dir: string, path: string): void {
  // Renaming one name of a file onto another of the same file does nothing, and would leave the temporary name.
  if (isSameFile(path, bestCheckpointPath(dir))) return;
  replaceFile(bestCheckpointPath(dir), (temporary) => {
    try {
      linkSync(path, temporary);
    } catch {
      copyFileSync(path, temporary);
    }
  });
}

function isSameFile(a: string, b: string): boolean {
  if (!existsSync(a) || !existsSync(b)) return false;
  const [first, second] = [statSync(a), statSync(b)];
  return first.ino === second.ino && first.dev === second.dev;
}

/**
 * Reads a checkpoint.
 * @throws DataError when it is damaged or not a checkpoint.
 */
export function loadCheckpoint(path: string): Checkpoint {
  const { tensors: _, sizeBytes, ...fields } = readCheckpointHeader(path);
  return { path, ...fields, tensors: loadSafetensors(path).tensors };
}

/**
 * The latest checkpoint that is whole, to its last byte; undefined when the run has none.
 * @param warn is told of each damaged one that was passed over.
 */
export function latestCheckpoint(dir: string, warn: (message: string) => void): CheckpointFile | undefined {
  for (const file of listCheckpoints(dir).reverse()) {
    const fault = faultOf(file);
    if (fault === null) return file;
    warn(`${fault}; going back to the one before`);
  }
  return undefined;
}

/**
 * The last checkpoint of a run, for those who read it. An older one is never taken in its place without being asked for:
 * its images are not those of the training that the run's configuration tells.
 * @param options.step where the run ended, according to its summary
 * @param options.remedy how to ask for the checkpoint of another step, such as `--checkpoint 15`
 * @throws DataError when it is missing or damaged: names the last one that is whole
 */
export function requireLastCheckpoint(
  dir: string,
  options: { step?: number; remedy?: (step: number) => string } = {},
): CheckpointFile {
  const files = listCheckpoints(dir);
  const last = files.at(-1);
  if (!last) throw new DataError(`${dir}: has no checkpoint`);
  const { step = last.step, remedy } = options;
  const fault = last.step === step ? faultOf(last) : `${checkpointPath(dir, step)}: no such checkpoint`;
  if (fault === null) return last;
  const whole = files.filter((file) => faultOf(file) === null).at(-1);
  const advice = whole && remedy?.(whole.step);
  const what =
    whole === undefined
      ? 'no other checkpoint is whole: take the file from a copy, or train anew'
      : `the last whole one is of step ${whole.step}${advice ? `: ask for it with ${advice}` : ''}`;
  throw new DataError(`${fault}; ${what}`);
}

function faultOf({ path }: CheckpointFile): string | null {
  try {
    verifyCheckpoint(path);
    return null;
  } catch (error) {
    if (error instanceof DataError) return error.message;
    throw error;
  }
}

/**
 * The state to go on from, with the event log cut back to it; undefined when the run must start from step 0
 * (then the log is empty). Damaged checkpoints on the way are set aside as `….damaged`, with a warning and a
 * line in log.txt.
 *
 * @param options.changeable keys of config.yaml that may differ from what the run was trained with so far (see
 * `requireSameConfig`); default `runConditions`. Add 'steps' where no earlier step depends on their number.
 * @throws ConfigError naming the keys of config.yaml that were changed since; nothing has been changed then.
 */
export function resumeCheckpoint(
  run: Run,
  warn: (message: string) => void,
  options: { changeable?: readonly string[] } = {},
): Checkpoint | undefined {
  const { changeable = runConditions } = options;
  const latest = latestCheckpoint(run.dir, (message) => {
    run.log(`warning: ${message}`);
    warn(message);
  });
  if (latest !== undefined) {
    const { config, step } = readCheckpointHeader(latest.path);
    if (config !== undefined) {
      const { dir, kind, header, config: now } = run;
      const was = asSeenNow(kind, { was: run.located(config), now }, { dir, folder: header.folder });
      requireSameConfig(run.path(runFiles.config), { was, now, changeable, step });
    }
  }
  for (const { step, path } of listCheckpoints(run.dir)) {
    if (step > (latest?.step ?? -1)) renameSync(path, `${path}.damaged`);
  }
  if (latest === undefined) {
    run.keepEvents(0);
    run.log('resumed from the start: no checkpoint');
    return undefined;
  }
  const checkpoint = loadCheckpoint(latest.path);
  run.keepEvents(checkpoint.events);
  // Killed between the checkpoint and its second name: catch up.
  if (checkpoint.best) markBest(run.dir, latest.path);
  run.log(`resumed from ${basename(latest.path)}`);
  return checkpoint;
}

/** Puts a name in front of each key, to keep several state dicts in one checkpoint: 'generator.conv.weight'. */
export function withPrefix(prefix: string, tensors: Record<string, Tensor>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [`${prefix}.${key}`, tensor]));
}

/** The tensors under a prefix, without it. */
export function underPrefix(prefix: string, tensors: Record<string, Tensor>): Record<string, Tensor> {
  const start = `${prefix}.`;
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([key]) => key.startsWith(start))
      .map(([key, tensor]) => [key.slice(start.length), tensor]),
  );
}
