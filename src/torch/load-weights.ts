/** Weights from whatever file they came in. */
import { fstatSync } from 'node:fs';
import { DataError } from '../errors.js';
import { loadPth, readFrom, ZIP_MAGIC } from './pth.js';
import { loadSafetensors } from './safetensors.js';
import type { Tensor } from './tensor.js';
import { readAt } from './zip.js';

const isZip = (head: Buffer): boolean => head.readUInt32LE() === ZIP_MAGIC;
/** A pickle of protocol 2 and up: what a legacy stream starts with. */
const isPickle = (head: Buffer): boolean => head[0] === 0x80 && head[1]! <= 5;

/**
 * Reads weights from a safetensors file or a PyTorch file (`.pth`, `.pt`), told apart by their contents.
 *
 * @param options.part see `loadPth`
 * @returns tensors by key, and a safetensors file's metadata
 * @throws DataError naming the file when it is neither, or damaged
 */
export function loadWeights(
  path: string,
  options: { part?: string } = {},
): { tensors: Record<string, Tensor>; metadata: Record<string, string> } {
  const kind = readFrom(path, (file) => {
    const head = Buffer.concat([readAt(file, 0, Math.min(9, fstatSync(file).size)), Buffer.alloc(9)]);
    if (isZip(head) || isPickle(head)) return 'pth';
    if (head[8] === 0x7b) return 'safetensors'; // the header's opening brace
    throw new DataError(
      'neither a .safetensors nor a PyTorch .pth file; save the state_dict() as one of them',
    );
  });
  return kind === 'pth' ? { ...loadPth(path, options), metadata: {} } : loadSafetensors(path);
}
