/** Weights from whatever file they came in. */
import { fstatSync } from 'node:fs';
import { DataError, oneLine } from '../base/index.js';
import { aten } from './aten.js';
import { HEAD_BYTES, weightsKind } from './file-kind.js';
import { loadPth, type PthOptions, readFrom } from './pth.js';
import { loadSafetensors } from './safetensors.js';
import { tidy } from './scope.js';
import { firstWords, noPart, withPrefix } from './state-dicts.js';
import type { Tensor } from './tensor.js';
import { unwrapNames } from './wrapped-names.js';
import { readAt } from './zip.js';

/**
 * Reads weights from a safetensors file or a PyTorch file (`.pth`, `.pt`, `.ckpt`), told apart by their contents.
 *
 * @param options.part which of several state dicts, see `loadPth`; of a safetensors file, what its names begin with
 * @param options.knows tells the names of the network that the weights are for, so that those of a trainer's wrapper go
 * @returns tensors by key, and a safetensors file's metadata
 * @throws DataError naming the file when it is neither, damaged, or has a weight that is no finite number
 */
export function loadWeights(
  path: string,
  options: PthOptions = {},
): { tensors: Record<string, Tensor>; metadata: Record<string, string> } {
  const kind = readFrom(path, (file) => {
    const { size } = fstatSync(file);
    return weightsKind(readAt(file, 0, Math.min(HEAD_BYTES, size)), size);
  });
  const loaded =
    kind === 'safetensors' ? readSafetensors(path, options) : { ...loadPth(path, options), metadata: {} };
  requireFinite(loaded.tensors, path);
  return loaded;
}

function readSafetensors(
  path: string,
  { part, knows, remedy }: PthOptions,
): ReturnType<typeof loadSafetensors> {
  const { tensors, metadata } = loadSafetensors(path);
  const within =
    part === undefined ? new Map(Object.entries(tensors)) : withPrefix(Object.entries(tensors), `${part}.`);
  try {
    if (within.size === 0 && part !== undefined) throw noPart(part, firstWords(Object.keys(tensors)));
    return { tensors: Object.fromEntries(unwrapNames(within, knows, remedy)), metadata };
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${path}: ${error.message}`) : error;
  }
}

/**
 * A network with one such weight gives black pictures, or the same score for all, without a word.
 * @throws DataError naming the file and the tensor
 */
export function requireFinite(tensors: Readonly<Record<string, Tensor>>, path: string): void {
  for (const [name, value] of Object.entries(tensors)) {
    if (!value.dtype.startsWith('float') || tidy(() => aten.isfinite(value).all().item()) === 1) continue;
    const bad = tidy(() => value.numel - aten.isfinite(value).sum().item());
    throw new DataError(
      `${path}: tensor '${oneLine(name, 120)}' holds ${bad} of ${value.numel} values that are no finite numbers (NaN or infinity): its training broke down; take an earlier checkpoint`,
    );
  }
}
