/**
 * Checkpoint files seen from outside: their names, and their headers without loading a tensor (and without
 * native code). A checkpoint is a safetensors file: 8 bytes header length (little endian), a JSON header with a
 * dtype, shape and byte range a tensor, then the bytes. See https://github.com/huggingface/safetensors#format.
 */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../errors.js';
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
const format = 'graft-checkpoint-1';
const headerLimitBytes = 100_000_000; // as in the reference reader

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
  return { [metadataKey]: encodeJson({ format, ...fields }) };
}

/** The inverse of `encodeMetadata`; undefined when the file is not a checkpoint of Graft. */
export function decodeMetadata(metadata: Record<string, string>): CheckpointFields | undefined {
  try {
    const { format: found, ...fields } = decodeJson(metadata[metadataKey] ?? '') as Record<string, unknown>;
    return found === format ? (fields as unknown as CheckpointFields) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads a checkpoint's header and checks that the file is whole: its length is what the header says.
 * @throws DataError saying what is wrong with it.
 */
export function readCheckpointHeader(path: string): CheckpointHeader {
  if (!existsSync(path)) throw new DataError(`${path}: no such checkpoint`);
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const length = readBytes(fd, 0, 8);
    const headerBytes = length === undefined ? Number.NaN : Number(length.readBigUInt64LE());
    if (!(headerBytes <= headerLimitBytes)) throw new DataError(`${path}: damaged: no safetensors header`);
    const text = readBytes(fd, 8, headerBytes);
    if (text === undefined) throw new DataError(`${path}: damaged: cut off inside its header`);
    const { __metadata__: metadata = {}, ...entries } = parseHeader(path, text);
    let end = 0;
    const tensors = Object.entries(entries).map(([name, entry]) => {
      const { dtype, shape, data_offsets: offsets } = entry as TensorEntry;
      end = Math.max(end, offsets?.[1] ?? Number.NaN);
      return { name, dtype, shape };
    });
    if (8 + headerBytes + end !== size) {
      throw new DataError(`${path}: damaged: ${size} bytes where ${8 + headerBytes + end} belong`);
    }
    const fields = decodeMetadata(metadata as Record<string, string>);
    if (fields === undefined) throw new DataError(`${path}: not a checkpoint of Graft (weights alone?)`);
    return { ...fields, tensors, sizeBytes: size };
  } finally {
    closeSync(fd);
  }
}

interface TensorEntry {
  dtype: string;
  shape: number[];
  data_offsets?: [number, number];
}

function parseHeader(path: string, text: Buffer): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(text.toString('utf8'));
    if (typeof header === 'object' && header !== null) return header as Record<string, unknown>;
  } catch {}
  throw new DataError(`${path}: damaged: its header is not JSON`);
}

/** `count` bytes from `position`, or undefined when the file ends before. */
function readBytes(fd: number, position: number, count: number): Buffer | undefined {
  const bytes = Buffer.alloc(count);
  let read = 0;
  while (read < count) {
    const got = readSync(fd, bytes, read, count - read, position + read);
    if (got === 0) return undefined;
    read += got;
  }
  return bytes;
}
