/**
 * Checkpoint files seen from outside: their names, their headers, and whether they are whole, without loading a
 * tensor (and without native code). A checkpoint is a safetensors file, see `torch/safetensors-file.ts`.
 */
import { closeSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readFrame, type SafetensorsFrame, verifyChecksum } from 'graft-torch';
import { DataError, openFile } from 'graft-torch/base';
import { decodeJson, encodeJson, type Json } from './json.js';

/** A checkpoint on the disk, not yet read. */
export interface CheckpointFile {
  step: number;
  path: string;
}

/** What a checkpoint holds beside its tensors. */
export interface CheckpointFields {
  /** Optimiser steps done. */
  step: number;
  /** Number of events that belong to this state: those before it. */
  events: number;
  /** Whether it was the best so far when it was written. */
  best: boolean;
  /** The run's configuration at that time, as config.yaml held it; checkpoints of Graft 0.1 lack it. */
  config?: Record<string, unknown>;
  /** What the trainer put beside the tensors. */
  meta: Json;
}

/** What a checkpoint's header tells. */
export interface CheckpointHeader extends CheckpointFields {
  tensors: { name: string; dtype: string; shape: number[] }[];
  sizeBytes: number;
}

/** Key in the file's `__metadata__` under which everything but the tensors stands. */
const metadataKey = 'graft';
/**
 * The first format had no checksum and is still read; the second is refused without one. No single changed byte
 * turns one name into the other.
 */
const formats = { first: 'graft-checkpoint-1', checked: 'graft-checkpoint-v2' };

/** `checkpoints/step-000200.safetensors` */
export function checkpointPath(dir: string, step: number): string {
  return join(dir, 'checkpoints', `step-${String(step).padStart(6, '0')}.safetensors`);
}

/** `checkpoints/best.safetensors`, whether or not it exists. */
export function bestCheckpointPath(dir: string): string {
  return join(dir, 'checkpoints', 'best.safetensors');
}

/** The checkpoints of a run by step, oldest first (the name `best` left out: it is one of them, or was). */
export function listCheckpoints(dir: string): CheckpointFile[] {
  const folder = join(dir, 'checkpoints');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const step = /^step-(\d+)\.safetensors$/.exec(name)?.[1];
      return step === undefined ? [] : [{ step: Number(step), path: join(folder, name) }];
    })
    .sort((a, b) => a.step - b.step);
}

/** What stands beside the tensors, as the file's `__metadata__`. */
export function encodeMetadata(fields: CheckpointFields): Record<string, string> {
  return { [metadataKey]: encodeJson({ format: formats.checked, ...fields }) };
}

/**
 * Reads a checkpoint's header and checks that the file is as long as it says; whether its bytes are those that were
 * written is `verifyCheckpoint`'s to find out.
 * @throws DataError saying what is wrong with it.
 */
export function readCheckpointHeader(path: string): CheckpointHeader {
  return withFile(path, (file) => headerOf(path, readFrame(file, path)));
}

/**
 * Reads a whole checkpoint and compares its checksum.
 * @throws DataError saying what is wrong with it.
 */
export function verifyCheckpoint(path: string): void {
  withFile(path, (file) => {
    const frame = readFrame(file, path);
    verifyChecksum(file, path, frame);
    headerOf(path, frame);
  });
}

function withFile<T>(path: string, read: (file: number) => T): T {
  if (!existsSync(path)) throw new DataError(`${path}: no such checkpoint`);
  const file = openFile(path);
  try {
    return read(file);
  } finally {
    closeSync(file);
  }
}

function headerOf(
  path: string,
  { entries, metadata, sizeBytes, checksum }: SafetensorsFrame,
): CheckpointHeader {
  const { format, ...fields } = decodeFields(metadata[metadataKey]);
  if (format !== formats.first && format !== formats.checked) {
    throw new DataError(`${path}: not a checkpoint of Graft (weights alone?)`);
  }
  if (format === formats.checked && checksum === undefined) {
    throw new DataError(`${path}: damaged: its checksum is gone`);
  }
  const tensors = Object.entries(entries).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  return { ...(fields as unknown as CheckpointFields), tensors, sizeBytes };
}

function decodeFields(text: string | undefined): Record<string, unknown> {
  try {
    const fields = decodeJson(text ?? '');
    if (typeof fields === 'object' && fields !== null) return fields as Record<string, unknown>;
  } catch {}
  return {};
}
