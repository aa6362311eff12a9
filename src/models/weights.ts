/**
 * Loads an EfficientNet's weights from a file. A file made for another number of classes gives everything but
 * the last layer; any other difference is an error that lists it, never a silently half-loaded network.
 */
import { existsSync } from 'node:fs';
import { ConfigError, DataError } from '../errors.js';
import { loadWeights, tidy } from '../torch/index.js';
import type { EfficientNet } from './efficientnet.js';

/** What was taken from the file. */
export interface LoadedWeights {
  /** Tensors copied into the network. */
  loaded: number;
  /** The last layer kept its fresh weights, because the file's is made for other classes (or has none). */
  headReplaced: boolean;
  /** Keys of the file that were left out because they belong to its head. */
  skipped: string[];
}

/** Counts of batches, which only a momentum-free batch norm uses; files of older versions lack them. */
const isCounter = (key: string): boolean => key.endsWith('num_batches_tracked');
const isHead = (key: string): boolean => key.startsWith('_fc.') || key.startsWith('_head_bn.');

/**
 * @param path a safetensors or PyTorch (`.pth`) file with lukemelas' key names
 * @throws ConfigError when there is no such file
 * @throws DataError when it is of a kind that is not read, or the body's keys or shapes differ: names the missing, unexpected and mis-shaped ones
 */
export function loadEfficientNetWeights(model: EfficientNet, path: string): LoadedWeights {
  if (!existsSync(path)) throw new ConfigError(`weights file ${path} does not exist`);
  return tidy(() => {
    const { tensors } = loadWeights(path);
    const own = model.stateDict();
    const shapeOf = (key: string): string => `[${own[key]?.shape}]`;
    const fits = (key: string): boolean => `[${tensors[key]?.shape}]` === shapeOf(key);

    const headKeys = Object.keys(own).filter((key) => isHead(key) && !isCounter(key));
    const headReplaced = !headKeys.every(fits);
    const wanted = (key: string): boolean => !(headReplaced && isHead(key));
    const missing = Object.keys(own).filter((key) => wanted(key) && !(key in tensors) && !isCounter(key));
    const unexpected = Object.keys(tensors).filter((key) => wanted(key) && !(key in own));
    const misshaped = Object.keys(own).filter((key) => wanted(key) && key in tensors && !fits(key));
    if (missing.length + unexpected.length + misshaped.length > 0) {
      const parts = [
        missing.length ? `missing ${listed(missing)}` : '',
        unexpected.length ? `unexpected ${listed(unexpected)}` : '',
        misshaped.length
          ? `mis-shaped ${listed(misshaped.map((k) => `${k} [${tensors[k]!.shape}] for ${shapeOf(k)}`))}`
          : '',
      ].filter(Boolean);
      throw new DataError(
        `${path} does not hold weights of EfficientNet-${model.variant.toUpperCase()}: ${parts.join('; ')}`,
      );
    }
    const taken = Object.entries(tensors).filter(([key]) => wanted(key));
    model.loadStateDict(Object.fromEntries(taken), { strict: false });
    return {
      loaded: taken.length,
      headReplaced,
      skipped: Object.keys(tensors).filter((key) => !wanted(key)),
    };
  });
}

/** All of a short list; the first ten of a long one, and how many more. */
export function listed(keys: readonly string[]): string {
  const shown = keys.slice(0, 10).join(', ');
  return keys.length > 10 ? `${shown} and ${keys.length - 10} more` : shown;
}
