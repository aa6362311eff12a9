/**
 * Loads a classifier's weights from a file in the key names of any library that its entry knows (`networks.ts`), and sets
 * the network to the conventions that they were trained with. A file made for another number of classes gives everything but
 * the last layer; any other difference is an error that lists it, never a silently half-loaded network.
 */
import { existsSync } from 'node:fs';
import { loadWeights, type Tensor, tidy } from 'graft-torch';
import { ConfigError, DataError } from 'graft-torch/base';
import { type Conventions, decodeConventions } from './conventions.js';
import type { ImageNetwork } from './image-network.js';
import { detectNaming, type Tensors, type WeightNaming } from './naming.js';
import type { NetworkEntry } from './network-entry.js';
import { networkEntry } from './networks.js';

/** What a file says of itself. */
export interface WeightsFile {
  /** Whose key names it has. */
  naming: string;
  /** What its weights were trained with; null where neither file nor path says enough. */
  conventions: Partial<Conventions> | null;
}

/** What was taken from the file. */
export interface LoadedWeights {
  /** Tensors copied into the network. */
  loaded: number;
  /** The last layer kept its fresh weights, because the file's is made for other classes (or has none). */
  headReplaced: boolean;
  /** The first convolution saw other channels in the file than in the network, and was brought to them. */
  folded: boolean;
  /** Keys of the file that were left out because they belong to its head. */
  skipped: string[];
  naming: string;
  /**
   * Sides in pixels that the weights know: what their file says where a run of this project wrote it, else those that
   * published weights of the network were trained and tested at.
   */
  sidesPx: readonly number[];
}

export interface WeightsContent {
  path: string;
  tensors: Tensors;
  /** Of a safetensors file. */
  metadata?: Readonly<Record<string, string>>;
}

/** Counts of batches, which only a momentum-free batch norm uses; files of older versions lack them. */
const isCounter = (key: string): boolean => key.endsWith('num_batches_tracked');

/**
 * Reads whose names a file has and which conventions come with it: from its metadata where a run of this project wrote
 * it, else from names and path.
 *
 * @param name of the network, as `networks.ts` has it
 * @throws ConfigError when there is no such file
 * @throws DataError when it is of a kind that is not read, or holds no such network
 */
export function inspectNetworkWeights(
  path: string,
  name: string,
  options: { part?: string | undefined } = {},
): WeightsFile {
  const entry = networkEntry(name);
  return tidy(() => {
    const { naming, conventions } = inspect(path, entry, readWeights(path, entry, options));
    return { naming: naming.name, conventions };
  });
}

/**
 * @param path a safetensors or PyTorch (`.pth`) file
 * @param options.part which of the file's several state dicts
 * @param options.remedy what to do where it has several and none is named; default: how a command line names one
 * @throws ConfigError, DataError as `applyNetworkWeights`; ConfigError also when there is no such file, DataError
 *   when it is of a kind that is not read
 */
export function loadNetworkWeights(
  network: ImageNetwork,
  path: string,
  options: { conventions?: Partial<Conventions> } & PartOptions = {},
): LoadedWeights {
  const entry = networkEntry(network.name);
  return tidy(() => applyNetworkWeights(network, { path, ...readWeights(path, entry, options) }, options));
}

/**
 * @param content tensors by key, and the path they came from: for messages, and to tell timm's networks apart
 * @param options.conventions instead of what the file says of itself
 * @throws ConfigError when nothing says how the weights' network pads
 * @throws DataError when the body's keys or shapes differ: names the missing, unexpected and mis-shaped ones, as the
 *   file calls them; the network is as it was then
 */
export function applyNetworkWeights(
  network: ImageNetwork,
  content: WeightsContent,
  options: { conventions?: Partial<Conventions> } = {},
): LoadedWeights {
  return tidy(() => {
    const { path } = content;
    const entry = networkEntry(network.name);
    const { naming, conventions } = inspect(path, entry, content);
    const settled = settle(
      { path, pads: 'padding' in network.conventions },
      conventions,
      options.conventions ?? {},
    );

    const own = network.stateDict();
    const [, channels = 0] = own[network.stemKey]!.shape;
    const theirs = renamed(naming.prepare?.(content.tensors) ?? content.tensors, naming);
    const { tensors: stemmed, folded } = fitStem(theirs, network.stemKey, channels);
    const tensors = network.fitTensors(stemmed);
    const fits = (key: string): boolean => `[${tensors[key]?.shape}]` === `[${own[key]?.shape}]`;

    const isHead = (key: string): boolean => network.headPrefixes.some((prefix) => key.startsWith(prefix));
    const headKeys = Object.keys(own).filter((key) => isHead(key) && !isCounter(key));
    const headReplaced = !headKeys.every(fits);
    const wanted = (key: string): boolean => !(headReplaced && isHead(key));
    const missing = Object.keys(own).filter((key) => wanted(key) && !(key in tensors) && !isCounter(key));
    const unexpected = Object.keys(tensors).filter((key) => wanted(key) && !(key in own));
    const misshaped = Object.keys(own).filter((key) => wanted(key) && key in tensors && !fits(key));
    if (missing.length + unexpected.length + misshaped.length > 0) {
      const named = (keys: string[], more = (_: string) => ''): string =>
        listed(keys.map((key) => naming.toFile(key) + more(key)));
      const parts = [
        missing.length ? `missing ${named(missing)}` : '',
        unexpected.length ? `unexpected ${named(unexpected)}` : '',
        misshaped.length
          ? `mis-shaped ${named(misshaped, (key) => ` [${tensors[key]!.shape}] for [${own[key]!.shape}]`)}`
          : '',
      ].filter(Boolean);
      throw new DataError(`${path} does not hold weights of ${network.title}: ${parts.join('; ')}`);
    }
    const taken = Object.entries(tensors).filter(([key]) => wanted(key));
    network.setConventions(settled);
    network.loadStateDict(Object.fromEntries(taken), { strict: false });
    return {
      loaded: taken.length,
      headReplaced,
      folded,
      skipped: Object.keys(tensors)
        .filter((key) => !wanted(key))
        .map(naming.toFile),
      naming: naming.name,
      sidesPx: sidesOf(content, entry),
    };
  });
}

const renamed = (tensors: Tensors, { toOwn }: WeightNaming): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([key, value]) => [toOwn(key), value]));

/**
 * The first convolution for images of other channels: what saw colours sees grey as it would have seen three equal ones,
 * by the sum of its weights over them; the other way round by thirds.
 * Source: timm, `adapt_input_conv` (models/_manipulate.py).
 */
export function fitStem(
  tensors: Readonly<Record<string, Tensor>>,
  key: string,
  channels: number,
): { tensors: Readonly<Record<string, Tensor>>; folded: boolean } {
  const weight = tensors[key];
  const [outputs = 0, has, height = 0, width = 0] = weight?.shape ?? [];
  if (!weight || has === channels || !((has === 3 && channels === 1) || (has === 1 && channels === 3)))
    return { tensors, folded: false };
  const fitted =
    channels === 1 ? weight.sum([1], true) : weight.expand([outputs, channels, height, width]).div(channels);
  return { tensors: { ...tensors, [key]: fitted }, folded: true };
}

/** Key of the metadata under which a run says at which side it trained its network. */
export const SIDE_KEY = 'imageSize';

function sidesOf({ metadata }: WeightsContent, { sidesPx }: NetworkEntry): readonly number[] {
  const own = Number(metadata?.[SIDE_KEY]);
  return own > 0 ? [own] : sidesPx;
}

interface PartOptions {
  part?: string | undefined;
  remedy?: string;
}

function readWeights(
  path: string,
  { namings }: NetworkEntry,
  { part, remedy = 'choose one with --part (key weightsPart)' }: PartOptions,
): Omit<WeightsContent, 'path'> {
  if (!existsSync(path)) throw new ConfigError(`weights file ${path} does not exist`);
  return loadWeights(path, {
    part,
    remedy,
    knows: (names) => detectNaming(namings, names) !== null,
  });
}

function inspect(
  path: string,
  { title, namings, conventionsOf }: NetworkEntry,
  { tensors, metadata = {} }: Omit<WeightsContent, 'path'>,
): { naming: WeightNaming; conventions: Partial<Conventions> | null } {
  const keys = Object.keys(tensors);
  const naming = detectNaming(namings, keys);
  if (naming === null) {
    const whose = namings.map(({ name }) => `${name}'s`).join(' or ');
    throw new DataError(
      `${path} does not hold weights of ${title}: no key is ${whose}; it has ${listed(keys) || 'none'}`,
    );
  }
  const told = decodeConventions(metadata);
  const guessed = conventionsOf(naming.name, path);
  return { naming, conventions: told || guessed ? { ...guessed, ...told } : null };
}

/** @throws ConfigError when one convention is neither known nor given */
function settle(
  { path, pads }: { path: string; pads: boolean },
  known: Partial<Conventions> | null,
  given: Partial<Conventions>,
): Partial<Conventions> {
  const { padding, batchNormEps } = { ...known, ...given };
  if (pads && (padding === undefined || batchNormEps === undefined)) {
    throw new ConfigError(
      `${path}: these are timm's weights, and its networks pad in two ways; give the file timm's name (tf_efficientnet…, efficientnet…), or set padding=same batchNormEps=0.001 for a network named tf_…, padding=symmetric batchNormEps=0.00001 for any other`,
    );
  }
  return { inputStatistics: 'imagenet', ...known, ...given };
}

/** All of a short list; the first ten of a long one, and how many more. */
export function listed(keys: readonly string[]): string {
  const shown = keys.slice(0, 10).join(', ');
  return keys.length > 10 ? `${shown} and ${keys.length - 10} more` : shown;
}
