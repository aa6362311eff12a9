/** A backbone's hash: SHA-256 over weights and protocol. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import type { Tensor } from 'graft-torch';
import { ConfigError, openFile } from 'graft-torch/base';

/** A hash that begins with the protocol. */
export const hashProtocol = (protocol: string): Hash => createHash('sha256').update(protocol);

/** Adds names, types, shapes and bytes of tensors to a hash. */
export function hashTensors(hash: Hash, tensors: Record<string, Tensor>): Hash {
  for (const [name, value] of Object.entries(tensors)) {
    const { buffer, byteOffset, byteLength } = value.toArray();
    hash
      .update(`${name} ${value.dtype} ${value.shape}\n`)
      .update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash;
}

/**
 * Adds a file's bytes to a hash.
 * @throws ConfigError when it cannot be read
 */
export function hashFile(hash: Hash, path: string): Hash {
  let file: number;
  try {
    file = openFile(path);
  } catch (cause) {
    throw new ConfigError(`backbone file ${(cause as Error).message}`, { cause });
  }
  try {
    const piece = Buffer.alloc(1 << 20);
    for (let count = readSync(file, piece); count > 0; count = readSync(file, piece))
      hash.update(piece.subarray(0, count));
    return hash;
  } catch (error) {
    throw new ConfigError(`backbone file ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  } finally {
    closeSync(file);
  }
}
