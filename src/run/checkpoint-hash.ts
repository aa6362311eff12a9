/**
 * What a checkpoint is called in lineages and records: a hash of what was learned. The file itself also says how many
 * seconds it took and where the data lay, so that two identical runs have files that differ.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readBytes, readFrame } from 'graft-torch';
import { readCheckpointHeader } from './checkpoint-file.js';

/** Tensors are read in pieces of this size. */
const pieceBytes = 1 << 20;

/**
 * SHA-256 over a checkpoint's step, tensors (name, type, shape and bytes, by name) and the values beside them without
 * those of the clock: 64 hex digits, the same for two identical runs.
 * @throws DataError when it is no checkpoint
 */
export function checkpointHash(path: string): string {
  const { step, meta } = readCheckpointHeader(path);
  const hash = createHash('sha256').update(JSON.stringify(['graft-checkpoint', step, withoutClock(meta)]));
  const file = openSync(path, 'r');
  try {
    const { entries, dataStart } = readFrame(file, path);
    const names = Object.keys(entries).sort();
    for (const name of names) {
      const { dtype, shape, data_offsets } = entries[name]!;
      hash.update(`\n${JSON.stringify([name, dtype, shape])}\n`);
      const [start, end] = data_offsets;
      for (let at = start; at < end; at += pieceBytes)
        hash.update(readBytes(file, Math.min(pieceBytes, end - at), dataStart + at));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** Keys in order, those that end in `seconds` left out. */
function withoutClock(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutClock);
  if (typeof value !== 'object' || value === null) return typeof value === 'number' ? String(value) : value;
  return Object.entries(value)
    .filter(([key]) => !/seconds$/i.test(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, withoutClock(inner)]);
}
